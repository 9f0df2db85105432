import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { errorText } from "../../src/base/errors.ts";
import { type JsonTree, JsonTreeObject, parseJsonTree } from "../../src/protocol/json_tree.ts";
import { check as checkCanonical } from "./canonical.ts";
import type { VectorCase, VectorCheck } from "./case.ts";
import { check as checkDerive } from "./derive.ts";
import { check as checkFrames } from "./frames.ts";
import { check as checkPurgeToken } from "./purge_token.ts";
import { check as checkRedaction } from "./redaction.ts";
import { check as checkReplay } from "./replay.ts";
import { check as checkSecretDecode } from "./secret_decode.ts";

/** The result of one vector file. */
export interface VectorReport {
  /** Name of the file without its endings. */
  readonly kind: string;
  /** Cases that hold. */
  readonly passed: number;
  /** One line per case that does not. */
  readonly failures: readonly string[];
}

const CHECKS: Readonly<Record<string, () => Promise<VectorCheck>>> = {
  canonical: () => Promise.resolve(checkCanonical),
  derive: () => Promise.resolve(checkDerive),
  frames: () => Promise.resolve(checkFrames),
  purge_token: () => Promise.resolve(checkPurgeToken),
  redaction: () => Promise.resolve(checkRedaction),
  replay: () => Promise.resolve(checkReplay),
  secret_decode: () => Promise.resolve(checkSecretDecode),
  external_schedule: async () => (await import("./external_schedule.ts")).checkExternalScheduleCase,
};

/** The names of the vector files in a folder, in order. */
export async function vectorFiles(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder);
  return names.filter((name) => /\.json(?:\.gz)?$/.test(name)).sort();
}

/** Runs every case of one vector file. */
export async function runVectorFile(folder: string, name: string): Promise<VectorReport> {
  const kind = name.replace(/\.json(?:\.gz)?$/, "");
  try {
    const load = CHECKS[kind];
    if (load === undefined) throw new TypeError(`unknown kind of vectors ${kind}`);
    const check = await load();
    const cases = await readCases(join(folder, name));
    if (cases.length === 0) throw new TypeError("the file has no cases");
    return await runCases(kind, cases, check);
  } catch (error) {
    return { kind, passed: 0, failures: [errorText(error)] };
  }
}

async function runCases(
  kind: string,
  cases: readonly ReadCase[],
  check: VectorCheck,
): Promise<VectorReport> {
  const failures: string[] = [];
  for (const { vector, tree } of cases) {
    const difference = await attempt(() => check(vector, tree));
    if (difference !== null) failures.push(`${String(vector["name"])}: ${difference}`);
  }
  return { kind, passed: cases.length - failures.length, failures };
}

async function attempt(action: () => Promise<string | null>): Promise<string | null> {
  try {
    return await action();
  } catch (error) {
    return errorText(error);
  }
}

interface ReadCase {
  readonly vector: VectorCase;
  readonly tree: JsonTree;
}

async function readCases(path: string): Promise<readonly ReadCase[]> {
  const bytes = await readFile(path);
  const text = (path.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8");
  const { cases } = JSON.parse(text) as { readonly cases: readonly VectorCase[] };
  const file = parseJsonTree(text);
  const trees = file instanceof JsonTreeObject ? file.get("cases") : undefined;
  if (!Array.isArray(trees)) throw new TypeError("the file has no cases");
  return cases.map((vector, i) => ({ vector, tree: (trees as readonly JsonTree[])[i] ?? null }));
}
