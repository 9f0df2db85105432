/**
 * The doors: `deno.json` and `package.json` export the same entries, every
 * entry exists, the README names each, and none pulls in a foreign package.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import process from "node:process";
import { report } from "./gates/source_files.ts";

type Exports = Readonly<Record<string, string>>;
const read = (path: string): Exports =>
  (JSON.parse(readFileSync(path, "utf8")) as { exports: Exports }).exports;

// What an entry may bring from outside; every other entry brings nothing.
const OUTSIDE: Readonly<Record<string, readonly string[]>> = {
  "./brain": ["hono"],
  // Loaded by `z4j brain` alone.
  "./cli": ["hono"],
  "./testing/brain": ["hono"],
};

/** Packages that an entry loads, by asking Deno for its module graph. */
function packagesOf(path: string): string[] {
  const output = execFileSync("node_modules/.bin/deno", ["info", "--json", path], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const graph = JSON.parse(output) as { modules: { specifier: string }[] };
  const names = graph.modules.flatMap(({ specifier }) =>
    /^npm:\/?(@[^/]+\/[^@/]+|[^@/]+)/.exec(specifier)?.[1] ??
      /\/node_modules\/(@[^/]+\/[^/]+|[^/]+)\//.exec(specifier)?.[1] ?? []
  );
  // Types of the runtimes come from the type checker's configuration, not from an import.
  return [...new Set(names)].filter((name) => !name.startsWith("@types/"));
}

const lead = read("deno.json");
const mirror = read("package.json");
const readme = readFileSync("README.md", "utf8");
const findings: string[] = [];
for (const [entry, path] of Object.entries(lead)) {
  if (mirror[entry] !== path) {
    findings.push(`package.json: ${entry} is ${mirror[entry]}, expected ${path}`);
  }
  if (!existsSync(path)) findings.push(`${entry}: ${path} does not exist`);
  const name = `@z4j/core${entry.slice(1)}`;
  if (!readme.includes(`\`${name}\``)) findings.push(`README.md: does not name \`${name}\``);
  for (const found of existsSync(path) ? packagesOf(path) : []) {
    if (!(OUTSIDE[entry] ?? []).includes(found)) findings.push(`${entry}: pulls in ${found}`);
  }
}
// The doctor is a package of its own, with the core as its only dependency.
const doctor = read("src/doctor/deno.json");
for (const [entry, path] of Object.entries(doctor)) {
  const name = `@z4j/doctor${entry.slice(1)}`;
  if (!readme.includes(`\`${name}\``)) findings.push(`README.md: does not name \`${name}\``);
  for (const found of packagesOf(`src/doctor/${path}`)) {
    findings.push(`${name}: pulls in ${found}`);
  }
}
for (const entry of Object.keys(mirror)) {
  if (!(entry in lead)) findings.push(`package.json: ${entry} is no entry of deno.json`);
}
process.exitCode = report(
  "entries",
  findings,
  `(${Object.keys(lead).length + Object.keys(doctor).length} entries)`,
);
