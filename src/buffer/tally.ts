import type { LossByKind } from "./port.ts";

/** Counts by wire kind that only ever rise. */
export interface Tally {
  /** Counts `count` more of a kind. */
  add(kind: string, count?: number): void;
  /** Counts everything of a record. */
  addAll(losses: LossByKind): void;
  /** The counts now. */
  snapshot(): LossByKind;
  /** Whether nothing was counted. */
  readonly empty: boolean;
}

// Protocol section 10: a counter on the wire goes up to 2^53 - 1.
const MAX_COUNT = Number.MAX_SAFE_INTEGER;

/** Creates a tally, from earlier counts if there are any. */
export function createTally(initial: LossByKind = {}): Tally {
  const counts = new Map<string, number>(Object.entries(initial));
  const add = (kind: string, count = 1): void => {
    counts.set(kind, Math.min(MAX_COUNT, (counts.get(kind) ?? 0) + count));
  };
  return {
    add,
    addAll(losses) {
      for (const [kind, count] of Object.entries(losses)) add(kind, count);
    },
    snapshot: () => Object.fromEntries(counts),
    get empty() {
      return counts.size === 0;
    },
  };
}
