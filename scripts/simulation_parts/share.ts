import type { Visits } from "../../tests/simulation/coverage.ts";

/** The schedules of one process. */
export interface Share {
  readonly seed: number;
  readonly from: number;
  /** The first that is not played. */
  readonly until: number;
  /** Unix milliseconds after which no schedule begins; `null` plays all. */
  readonly endsAtMs: number | null;
  /** Ends at the first violation. */
  readonly stopsAtFirst: boolean;
}

/** A schedule that broke the model. */
export interface Broken {
  readonly schedule: number;
  readonly violations: readonly string[];
  readonly faults: readonly string[];
}

/** What a process found. */
export interface ShareFound {
  readonly schedules: number;
  readonly steps: number;
  readonly slowestDrainMs: number;
  readonly visits: Visits;
  /** How often each fault came to pass. */
  readonly faults: Readonly<Record<string, number>>;
  readonly brokenCount: number;
  /** The first of them. */
  readonly broken: readonly Broken[];
}

/** Most broken schedules that are told. */
export const MOST_TOLD = 12;

/** Adds up what several processes found. */
export function sumOf(found: readonly ShareFound[]): ShareFound {
  const sum = (count: (one: ShareFound) => number): number =>
    found.reduce((all, one) => all + count(one), 0);
  return {
    schedules: sum(({ schedules }) => schedules),
    steps: sum(({ steps }) => steps),
    slowestDrainMs: Math.max(0, ...found.map(({ slowestDrainMs }) => slowestDrainMs)),
    visits: total(found.map(({ visits }) => visits)),
    faults: total(found.map(({ faults }) => faults)),
    brokenCount: sum(({ brokenCount }) => brokenCount),
    broken: found.flatMap(({ broken }) => broken).slice(0, MOST_TOLD),
  };
}

// Adds up counts by their names.
function total(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const one of counts) {
    for (const [name, count] of Object.entries(one)) sums[name] = (sums[name] ?? 0) + count;
  }
  return sums;
}
