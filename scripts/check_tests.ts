/**
 * What tests may not do: compare loosely, or sleep. On Deno 2.9 `equal` and its kin,
 * imported by name from `node:assert/strict`, are the loose ones; their strict names
 * and the default import are sound.
 */
import process from "node:process";
import { report, type SourceFile, sourceFiles, withoutComments } from "./gates/source_files.ts";

const MAX_SLEEP_MS = 50;
const ASSERTIONS = /import\s*\{([^}]*)\}\s*from\s*"node:assert(?:\/strict)?"/g;
const LOOSE = /^(?:equal|notEqual|deepEqual|notDeepEqual)\b/;
const SLEEP = /setTimeout\(\s*(?:resolve|done|r)\s*,\s*([\d_]+)\s*\)/g;

function looseNames(text: string): string[] {
  return [...text.matchAll(ASSERTIONS)].flatMap(([, names = ""]) =>
    names.split(",").map((name) => name.trim()).filter((name) => LOOSE.test(name))
  );
}

function longSleeps(text: string): number[] {
  return [...text.matchAll(SLEEP)]
    .map(([, ms = ""]) => Number(ms.replaceAll("_", "")))
    .filter((ms) => ms > MAX_SLEEP_MS);
}

function checkFile({ path, text }: SourceFile): string[] {
  const code = withoutComments(text);
  return [
    ...looseNames(code).map((name) =>
      `${path}: imports "${name}" by name, expected strictEqual and its kin: it is loose on Deno`
    ),
    ...longSleeps(code).map((ms) =>
      `${path}: sleeps ${ms} ms, expected at most ${MAX_SLEEP_MS}: poll with a deadline`
    ),
  ];
}

const files = sourceFiles("tests");
process.exitCode = report("tests", files.flatMap(checkFile), `(${files.length} files)`);
