/**
 * One version everywhere: `deno.json` leads, `--fix` writes it into
 * `package.json`, the doctor's manifest and `src/base/version.ts`.
 */
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { report } from "./gates/source_files.ts";

const lead = (JSON.parse(readFileSync("deno.json", "utf8")) as { version: string }).version;
const places = [
  { path: "package.json", pattern: /("version": ")([^"]+)(")/ },
  { path: "src/doctor/deno.json", pattern: /("version": ")([^"]+)(")/ },
  { path: "src/base/version.ts", pattern: /(VERSION = ")([^"]+)(")/ },
];

const findings: string[] = [];
for (const { path, pattern } of places) {
  const text = readFileSync(path, "utf8");
  const found = pattern.exec(text)?.[2];
  if (found === lead) continue;
  if (process.argv.includes("--fix")) {
    writeFileSync(path, text.replace(pattern, `$1${lead}$3`));
  } else {
    findings.push(`${path}: version ${found}, expected ${lead}`);
  }
}
process.exitCode = report("versions", findings, `(${lead})`);
