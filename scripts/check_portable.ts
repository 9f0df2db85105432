/**
 * The portable fence: the core folders type-check with the web's globals
 * alone, so that no runtime can slip in.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { report, sourceFiles } from "./gates/source_files.ts";

const PORTABLE = [
  "src/base",
  "src/protocol",
  "src/redaction",
  "src/settings",
  "src/transport",
  "src/buffer",
  "src/agent",
  "src/engines",
  "src/schedulers",
  "src/web",
];

// The files that exist to name a runtime, and what loads them lazily.
const SHIMS = new Set([
  "src/buffer/sqlite_bun.ts",
  "src/buffer/sqlite_node.ts",
  "src/buffer/file_ops_node.ts",
  "src/buffer/list.ts",
  "src/buffer/load_sqlite.ts",
  "src/buffer/open.ts",
  "src/buffer/open_file.ts",
  "src/buffer/open_kv.ts",
  "src/buffer/mod.ts",
]);

const options = {
  target: "esnext",
  module: "esnext",
  moduleResolution: "bundler",
  lib: ["esnext", "dom", "dom.iterable"],
  types: [],
  allowImportingTsExtensions: true,
  noEmit: true,
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  verbatimModuleSyntax: true,
};

/** Runs the type checker without any runtime's types; answers its complaints. */
function check(files: readonly string[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), "z4j-portable-"));
  try {
    const config = join(folder, "tsconfig.json");
    writeFileSync(config, JSON.stringify({ compilerOptions: options, files }));
    execFileSync("node_modules/.bin/tsc", ["-p", config], { encoding: "utf8", stdio: "pipe" });
    return [];
  } catch (error) {
    const output = (error as { stdout?: string }).stdout ?? String(error);
    return output.split("\n").filter((line) => line.trim() !== "");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const files = sourceFiles(...PORTABLE).map((file) => file.path).filter((path) => !SHIMS.has(path));
process.exitCode = report(
  "portable",
  check(files.map((path) => resolve(path))),
  `(${files.length} files)`,
);
