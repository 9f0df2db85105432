/** A histogram as it is at one moment. */
export interface HistogramSnapshot {
  /** Upper bounds of the buckets, rising. */
  readonly bounds: readonly number[];
  /** Observations up to each bound, those of smaller bounds included. */
  readonly cumulative: readonly number[];
  /** All observations. */
  readonly count: number;
  /** Their sum. */
  readonly sum: number;
}

/** Counts observations by size; its memory never grows. */
export interface Histogram {
  /** Adds an observation; anything but a number from 0 upwards is ignored. */
  observe(value: number): void;
  /** What was observed so far. */
  snapshot(): HistogramSnapshot;
}

/** Creates a histogram without observations. */
export function createHistogram(bounds: readonly number[]): Histogram {
  const counts = bounds.map(() => 0);
  let count = 0;
  let sum = 0;
  return {
    observe(value) {
      if (!(value >= 0 && value < Infinity)) return;
      count++;
      sum += value;
      const at = bounds.findIndex((bound) => value <= bound);
      if (at >= 0) counts[at] = (counts[at] ?? 0) + 1;
    },
    snapshot() {
      let total = 0;
      return { bounds, cumulative: counts.map((one) => total += one), count, sum };
    },
  };
}
