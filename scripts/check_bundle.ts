/**
 * What a web process with a scheduler brings along: core, Hono and croner
 * adapters in one minified bundle, compressed. The goal is 60 KiB; the gate
 * holds what is reached, so that it only ever shrinks.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { gzipSync } from "node:zlib";
import { report } from "./gates/source_files.ts";

const GOAL_KIB = 60;
const LIMIT_KIB = 108;
const ENTRIES = ["mod.ts", "src/web/hono.ts", "src/schedulers/croner/mod.ts"];

const folder = mkdtempSync(join(tmpdir(), "z4j-bundle-"));
let kib = NaN;
try {
  const entry = join(folder, "entry.ts");
  const all = ENTRIES.map((path) => `export * from ${JSON.stringify(resolve(path))};`);
  writeFileSync(entry, all.join("\n"));
  const outfile = join(folder, "bundle.js");
  execFileSync("node_modules/.bin/bun", [
    "build",
    entry,
    "--minify",
    "--target=bun",
    `--outfile=${outfile}`,
  ], { stdio: ["ignore", "ignore", "inherit"] });
  kib = gzipSync(readFileSync(outfile), { level: 9 }).length / 1024;
} finally {
  rmSync(folder, { recursive: true });
}
const isFine = kib <= LIMIT_KIB;
process.exitCode = report(
  "bundle",
  isFine ? [] : [`core, hono and croner: ${kib.toFixed(1)} KiB, expected at most ${LIMIT_KIB}`],
  `(${kib.toFixed(1)} KiB, goal ${GOAL_KIB})`,
);
