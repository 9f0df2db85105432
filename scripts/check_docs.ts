/**
 * Documentation: `deno doc --lint` accepts every entry, each entry opens with a
 * module comment that holds an example, every example in the source type-checks
 * and runs, and those of the README type-check.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";
import { report, sourceFiles } from "./gates/source_files.ts";

type Exports = Readonly<Record<string, string>>;
const exportsOf = (path: string): Exports =>
  (JSON.parse(readFileSync(path, "utf8")) as { exports: Exports }).exports;

// The doctor's entries lie below its own folder.
const doctor = Object.entries(exportsOf("src/doctor/deno.json")).map((
  [entry, path],
) => [`doctor ${entry}`, `src/doctor/${path.slice(2)}`]);
const exports: Exports = { ...exportsOf("deno.json"), ...Object.fromEntries(doctor) };
const paths = Object.values(exports);
const findings: string[] = [];

/** Runs Deno; answers what it printed without colours, or `null` when it succeeded. */
function complaints(...args: readonly string[]): string | null {
  // Examples must not reach a brain that the shell is set up for.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith("Z4J_")),
  );
  const run = spawnSync("node_modules/.bin/deno", args, {
    encoding: "utf8",
    env: { ...env, NO_COLOR: "1" },
  });
  if (run.status === 0) return null;
  return `${run.stdout}\n${run.stderr}\n${run.error?.message ?? ""}`.trim();
}

const lint = complaints("doc", "--lint", ...paths);
if (lint !== null) {
  const lines = lint.split("\n").filter((line) => /^error\[|^\s+-->/.test(line));
  for (let at = 0; at < lines.length; at += 2) findings.push(`${lines[at]} ${lines[at + 1] ?? ""}`);
  if (lines.length === 0) findings.push(lint.slice(0, 2000));
}

for (const [entry, path] of Object.entries(exports)) {
  const head = /^\s*\/\*\*([\s\S]*?)\*\//.exec(readFileSync(path, "utf8"))?.[1] ?? "";
  if (!head.includes("@module")) findings.push(`${entry}: ${path} opens without a @module comment`);
  if (!head.includes("```ts")) {
    findings.push(`${entry}: ${path} has no example in its module comment`);
  }
}

// The fence of an example; Deno skips `ignore` and anything that is not code it knows.
const FENCE = /^ *\* ?```(\w.*)$/gm;
const withExamples = [...sourceFiles("src"), {
  path: "mod.ts",
  text: readFileSync("mod.ts", "utf8"),
}]
  .filter(({ path, text }) => {
    const fences = [...text.matchAll(FENCE)].map((match) => match[1]);
    for (const fence of fences) {
      if (fence !== "ts") findings.push(`${path}: an example opens with ${fence}, expected ts`);
    }
    return fences.length > 0;
  })
  .map(({ path }) => path);

const readme = complaints("check", "--quiet", "--doc-only", "README.md");
if (readme !== null) findings.push(`README.md: ${readme.slice(0, 4000)}`);
const examples = complaints("test", "--quiet", "--doc", "--parallel", "-A", ...withExamples);
if (examples !== null) findings.push(`examples: ${examples.slice(-4000)}`);

process.exitCode = report(
  "docs",
  findings,
  `(${paths.length} entries, ${withExamples.length} files with examples)`,
);
