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
  const missing = test.split(/;\s+(?=tests\/)/).find((one) => !isThere(one));
  return missing === undefined ? null : `bugs/${area}.json: there is no test "${missing}"`;
}

/** Whether a test is in its file; a name that is made at run time cannot be found. */
function isThere(test: string): boolean {
  const [, path, name] = /^(\S+\.test\.ts): (.+)$/s.exec(test) ?? [];
  if (path === undefined || name === undefined || !existsSync(path)) return false;
  const text = readFileSync(path, "utf8");
  return text.includes(name) || /\b(?:it|test)\(\s*`/.test(text);
}
