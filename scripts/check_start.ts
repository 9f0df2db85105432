/**
 * What a process reads before its agent has started, file by file, as JSR has
 * them: a runtime pays for each. Two sums, each with its gate:
 *
 * - Import: what `mod.ts` reaches by static imports.
 * - Start: that, and what `start()` reads for a buffer on disk.
 *
 * No file of it may import a module from outside statically: the first ones of
 * `node:` take Deno 20 ms. `tests/runtime/deno/own_system.test.ts` proves at
 * run time that a start does without them.
 */
import { dirname, join } from "node:path";
import { readFileSync } from "node:fs";
import process from "node:process";
import { importsOf, report } from "./gates/source_files.ts";

interface Gate {
  readonly what: string;
  readonly entries: readonly string[];
  readonly modules: number;
  readonly kib: number;
}

const ON_DISK = ["src/buffer/open_file.ts", "src/buffer/sqlite_node.ts"];
const GATES: readonly Gate[] = [
  { what: "import", entries: ["mod.ts"], modules: 158, kib: 500 },
  { what: "start", entries: ["mod.ts", ...ON_DISK], modules: 180, kib: 575 },
];

interface Graph {
  /** Files with their lengths. */
  readonly files: ReadonlyMap<string, number>;
  /** "file imports module" for each module from outside. */
  readonly outside: readonly string[];
}

/** What the entries reach by static imports of values. */
function graphOf(entries: readonly string[]): Graph {
  const files = new Map<string, number>();
  const outside: string[] = [];
  const visit = (path: string): void => {
    if (files.has(path)) return;
    const text = readFileSync(path, "utf8");
    files.set(path, text.length);
    for (const { specifier, typeOnly, dynamic } of importsOf(text)) {
      if (typeOnly || dynamic) continue;
      if (specifier.startsWith(".")) visit(join(dirname(path), specifier));
      else outside.push(`${path} imports ${specifier}`);
    }
  };
  for (const entry of entries) visit(entry);
  return { files, outside };
}

const findings: string[] = [];
const facts: string[] = [];
for (const { what, entries, modules, kib } of GATES) {
  const { files, outside } = graphOf(entries);
  const size = [...files.values()].reduce((sum, length) => sum + length, 0) / 1024;
  facts.push(`${what} ${files.size} modules of ${modules}, ${size.toFixed(0)} KiB of ${kib}`);
  if (files.size > modules) {
    findings.push(`${what}: ${files.size} modules, expected at most ${modules}`);
  }
  if (size > kib) findings.push(`${what}: ${size.toFixed(1)} KiB, expected at most ${kib}`);
  findings.push(...outside.map((found) => `${what}: ${found}, expected nothing from outside`));
}
process.exitCode = report("start", findings, `(${facts.join("; ")})`);
