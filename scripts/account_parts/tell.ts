import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import process from "node:process";
import { keepAccount } from "./json.ts";

/** Minutes since a reading of `performance.now()`, to the hundredth. */
export function minutesSince(startMs: number): number {
  return Math.round((performance.now() - startMs) / 600) / 100;
}

/** The sum of one count over all items. */
export function sumOf<Item>(items: readonly Item[], count: (item: Item) => number): number {
  return items.reduce((sum, item) => sum + count(item), 0);
}

/** Adds up counts by their names. */
export function sumByName(all: readonly Readonly<Record<string, number>>[]): Record<
  string,
  number
> {
  const sums: Record<string, number> = {};
  for (const counts of all) {
    for (const [name, count] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) + count;
  }
  return sums;
}

/**
 * Ends a proof: prints its account as one line, keeps it with its details where
 * `path` names a file, and lets the exit status say whether the proof holds.
 */
export function tellAccount(
  account: { readonly holds: boolean },
  path: string | undefined,
  details: object = {},
): void {
  if (path !== undefined) {
    mkdirSync(dirname(path), { recursive: true });
    keepAccount(path, { ...account, ...details });
  }
  console.log(JSON.stringify(account));
  process.exitCode = account.holds ? 0 : 1;
}
