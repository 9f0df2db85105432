/**
 * What a web process with a scheduler reads before its first line runs: core,
 * Hono and croner adapters, bundled with code splitting. The first load is the
 * entry and every chunk that it reaches by static imports, minified, compressed
 * as one. What stands behind `import()` is read when it is needed (a store, the
 * streams of schedulers, the first dial, the first command, long-poll) and is
 * not in it; its size is shown beside. The goal is 60 KiB; the gate holds what is reached, so
 * that it only ever shrinks.
 */
import { Buffer } from "node:buffer";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import process from "node:process";
import { gzipSync } from "node:zlib";
import { report } from "./gates/source_files.ts";

const GOAL_KIB = 60;
const LIMIT_KIB = 65;
const ENTRIES = ["mod.ts", "src/web/hono.ts", "src/schedulers/croner/mod.ts"];

interface Built {
  readonly outputs: Readonly<Record<string, Output>>;
}

interface Output {
  readonly imports?: readonly { readonly path: string; readonly kind: string }[];
}

/** Bundles the entries into a folder; answers what the bundler tells about the chunks. */
function build(folder: string): Built {
  const entry = join(folder, "entry.ts");
  const all = ENTRIES.map((path) => `export * from ${JSON.stringify(resolve(path))};`);
  writeFileSync(entry, all.join("\n"));
  execFileSync("node_modules/.bin/bun", [
    "build",
    entry,
    "--minify",
    "--splitting",
    "--target=bun",
    `--outdir=${join(folder, "out")}`,
    `--metafile=${join(folder, "meta.json")}`,
  ], { stdio: ["ignore", "ignore", "inherit"] });
  return JSON.parse(readFileSync(join(folder, "meta.json"), "utf8"));
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
let kib = NaN;
let restKib = NaN;
try {
  const first = firstLoad(build(folder));
  const size = (names: readonly string[]): number => {
    const chunks = names.map((name) => readFileSync(join(folder, "out", name)));
    return gzipSync(Buffer.concat(chunks), { level: 9 }).length / 1024;
  };
  const chunks = readdirSync(join(folder, "out")).sort();
  kib = size(chunks.filter((name) => first.has(name)));
  restKib = size(chunks.filter((name) => !first.has(name)));
} finally {
  rmSync(folder, { recursive: true });
}
const isFine = kib <= LIMIT_KIB;
process.exitCode = report(
  "bundle",
  isFine ? [] : [`core, hono and croner: ${kib.toFixed(1)} KiB, expected at most ${LIMIT_KIB}`],
  `(${kib.toFixed(1)} KiB at first load, goal ${GOAL_KIB}; ${restKib.toFixed(1)} KiB on demand)`,
);
