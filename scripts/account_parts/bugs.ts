import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A bug that a proof found, and what became of it. */
export interface Bug {
  readonly area: string;
  readonly bug: string;
  readonly mended: string;
  /** `tests/x.test.ts: name of the test`. */
  readonly test: string;
}

/** The bugs of `docs/account/bugs/<area>.json`, by area. */
export function readBugs(folder: string): readonly Bug[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter((name) => name.endsWith(".json")).sort().flatMap((name) => {
    const found = JSON.parse(readFileSync(join(folder, name), "utf8")) as readonly Bug[];
    return found.map((bug) => ({ ...bug, area: name.slice(0, -".json".length) }));
  });
}

/** What is wrong with a bug's entry, or `null`. */
export function complaintOf({ area, bug, mended, test }: Bug): string | null {
  if (![bug, mended, test].every((text) => typeof text === "string" && text !== "")) {
    return `bugs/${area}.json: expected bug, mended and test in each entry`;
  }
  const path = /^\S+\.test\.ts/.exec(test)?.[0];
  if (path === undefined || !existsSync(path)) return `bugs/${area}.json: no test at "${test}"`;
  return null;
}
