import type { Visits } from "../../tests/simulation/coverage.ts";

/** The schedules of one process: from a number on, each `step`th. */
export interface Share {
  readonly seed: number;
  readonly from: number;
  readonly until: number;
  readonly step: number;
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
