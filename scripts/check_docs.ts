/**
 * Documentation: `deno doc --lint` accepts every entry, and each entry opens
 * with a module comment that holds a runnable example.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";
import { report } from "./gates/source_files.ts";

const { exports } = JSON.parse(readFileSync("deno.json", "utf8")) as {
  exports: Readonly<Record<string, string>>;
};
const paths = Object.values(exports);
const findings: string[] = [];

const lint = spawnSync("node_modules/.bin/deno", ["doc", "--lint", ...paths], { encoding: "utf8" });
if (lint.status !== 0) {
  // deno-lint-ignore no-control-regex
  const plain = lint.stderr.replace(/\u001b\[[0-9;]*m/g, "");
  const lines = plain.split("\n").filter((line) => /^error\[|^\s+-->/.test(line));
  for (let at = 0; at < lines.length; at += 2) findings.push(`${lines[at]} ${lines[at + 1] ?? ""}`);
  if (lines.length === 0) findings.push(plain.slice(0, 2000));
}

for (const [entry, path] of Object.entries(exports)) {
  const head = /^\s*\/\*\*([\s\S]*?)\*\//.exec(readFileSync(path, "utf8"))?.[1] ?? "";
  if (!head.includes("@module")) findings.push(`${entry}: ${path} opens without a @module comment`);
  if (!head.includes("```ts")) {
    findings.push(`${entry}: ${path} has no example in its module comment`);
  }
}
process.exitCode = report("docs", findings, `(${paths.length} entries)`);
