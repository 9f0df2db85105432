import type { Visits } from "../../tests/simulation/coverage.ts";
import { sumByName, sumOf } from "../account_parts/tell.ts";

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
export function sumOfShares(found: readonly ShareFound[]): ShareFound {
  const sum = (count: (one: ShareFound) => number): number => sumOf(found, count);
  return {
    schedules: sum(({ schedules }) => schedules),
    steps: sum(({ steps }) => steps),
    slowestDrainMs: Math.max(0, ...found.map(({ slowestDrainMs }) => slowestDrainMs)),
    visits: sumByName(found.map(({ visits }) => visits)),
    faults: sumByName(found.map(({ faults }) => faults)),
    brokenCount: sum(({ brokenCount }) => brokenCount),
    broken: found.flatMap(({ broken }) => broken).slice(0, MOST_TOLD),
  };
}
