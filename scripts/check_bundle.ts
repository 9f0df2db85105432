/**
 * What a web process with a scheduler reads: core, Hono and croner adapters,
 * minified, gzip. Two sizes, each with its gate:
 *
 * - First load, what is read before the first line of the app runs: bundled with
 *   code splitting, the entry and every chunk that it reaches by static imports.
 *   What stands behind `import()` is read when it is needed (a store, the streams
 *   of schedulers, the first dial, the first command, long-poll).
 * - Whole: one file, what a bundler without code splitting makes of it.
 */
import { Buffer } from "node:buffer";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import process from "node:process";
import { gzipSync } from "node:zlib";
import { report } from "./gates/source_files.ts";

const FIRST_LIMIT_KIB = 60;
// No goal, a ratchet: it shall not grow unseen.
const WHOLE_LIMIT_KIB = 106;
const ENTRIES = ["mod.ts", "src/web/hono.ts", "src/schedulers/croner/mod.ts"];

interface Built {
  readonly outputs: Readonly<Record<string, Output>>;
}

interface Output {
  readonly imports?: readonly { readonly path: string; readonly kind: string }[];
}

/** Writes the entry; answers its path. */
function writeEntry(folder: string): string {
  const entry = join(folder, "entry.ts");
  const all = ENTRIES.map((path) => `export * from ${JSON.stringify(resolve(path))};`);
  writeFileSync(entry, all.join("\n"));
  return entry;
}

function bundle(entry: string, ...flags: readonly string[]): void {
  const args = ["build", entry, "--minify", "--target=bun", ...flags];
  execFileSync("node_modules/.bin/bun", args, { stdio: ["ignore", "ignore", "inherit"] });
}

/** Bundles in chunks; answers what the bundler tells about them. */
function split(entry: string, folder: string): Built {
  const meta = join(folder, "meta.json");
  bundle(entry, "--splitting", `--outdir=${join(folder, "out")}`, `--metafile=${meta}`);
  return JSON.parse(readFileSync(meta, "utf8"));
}

function gzipKib(files: readonly string[]): number {
  const all = Buffer.concat(files.map((file) => readFileSync(file)));
  return gzipSync(all, { level: 9 }).length / 1024;
}

/** Names of the entry and of every chunk that it imports statically. */
function firstLoad({ outputs }: Built): ReadonlySet<string> {
  const byName = new Map(Object.entries(outputs).map(([path, out]) => [basename(path), out]));
  const found = new Set<string>();
  const visit = (name: string): void => {
    const output = byName.get(name);
    if (output === undefined || found.has(name)) return;
    found.add(name);
    for (const { path, kind } of output.imports ?? []) {
      if (kind !== "dynamic-import") visit(basename(path));
    }
  };
  visit("entry.js");
  return found;
}

const folder = mkdtempSync(join(tmpdir(), "z4j-bundle-"));
const out = join(folder, "out");
let firstKib = NaN;
let restKib = NaN;
let wholeKib = NaN;
try {
  const entry = writeEntry(folder);
  const first = firstLoad(split(entry, folder));
  const chunks = readdirSync(out).sort();
  firstKib = gzipKib(chunks.filter((name) => first.has(name)).map((name) => join(out, name)));
  restKib = gzipKib(chunks.filter((name) => !first.has(name)).map((name) => join(out, name)));
  const whole = join(folder, "whole.js");
  bundle(entry, `--outfile=${whole}`);
  wholeKib = gzipKib([whole]);
} finally {
  rmSync(folder, { recursive: true });
}
const kib = (size: number): string => `${size.toFixed(1)} KiB`;
const problems = [
  ["first load", firstKib, FIRST_LIMIT_KIB],
  ["in one file", wholeKib, WHOLE_LIMIT_KIB],
].flatMap(([what, size, limit]) =>
  Number(size) <= Number(limit)
    ? []
    : [`core, hono and croner, ${what}: ${kib(Number(size))}, expected at most ${limit}`]
);
process.exitCode = report(
  "bundle",
  problems,
  `(${kib(firstKib)} at first load, gate ${FIRST_LIMIT_KIB}; ${kib(restKib)} on demand; ` +
    `${kib(wholeKib)} in one file, gate ${WHOLE_LIMIT_KIB})`,
);
