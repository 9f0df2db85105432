/** How a measured quantity developed after the warm-up. */
export interface Trend {
  /** First value after the warm-up. */
  readonly first: number;
  /** Last value. */
  readonly last: number;
  /** Largest value of the whole run. */
  readonly max: number;
  /** Rise of the fitted line over the measured time. */
  readonly rise: number;
  /** Rise that is still flat. */
  readonly bound: number;
  /** Whether it is flat. */
  readonly flat: boolean;
}

/** What still counts as flat: this much, or this share of the mean. */
export interface Tolerance {
  readonly absolute: number;
  readonly share: number;
}

/**
 * Fits a line through equally spaced values after the warm-up. A fall is never
 * a fault; a rise is one when the fitted line, not a single value, exceeds the
 * tolerance.
 */
export function trendOf(values: readonly number[], warmUp: number, tolerance: Tolerance): Trend {
  const measured = values.slice(warmUp);
  const mean = measured.reduce((sum, value) => sum + value, 0) / Math.max(1, measured.length);
  const rise = slope(measured, mean) * Math.max(0, measured.length - 1);
  const bound = Math.max(tolerance.absolute, mean * tolerance.share);
  return {
    first: measured[0] ?? 0,
    last: measured.at(-1) ?? 0,
    max: Math.max(0, ...values),
    rise,
    bound,
    flat: measured.length >= 2 && rise <= bound,
  };
}

/** Least squares slope per step. */
function slope(values: readonly number[], mean: number): number {
  const middle = (values.length - 1) / 2;
  let [covariance, variance] = [0, 0];
  values.forEach((value, x) => {
    covariance += (x - middle) * (value - mean);
    variance += (x - middle) ** 2;
  });
  return variance === 0 ? 0 : covariance / variance;
}
