/** How waiting times grow between attempts of one class of failure. */
export interface BackoffPolicy {
  /** Ceiling of the first wait, in milliseconds. */
  readonly firstMs: number;
  /** Ceiling of every wait, in milliseconds. */
  readonly capMs: number;
  /** Least wait of any attempt, in milliseconds. */
  readonly floorMs: number;
}

/**
 * The wait before the next attempt: full jitter between the floor and a
 * ceiling that doubles up to the cap.
 *
 * @param attempt How many attempts failed in a row; 1 for the first.
 * @param policy The growth of the class of failure.
 * @param random A number in [0, 1).
 */
export function backoffMs(attempt: number, policy: BackoffPolicy, random: number): number {
  const doublings = Math.min(Math.max(0, attempt - 1), 30);
  const ceiling = Math.min(policy.capMs, policy.firstMs * 2 ** doublings);
  return policy.floorMs + Math.max(0, ceiling - policy.floorMs) * random;
}
