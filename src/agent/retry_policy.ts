import { backoffMs, type BackoffPolicy } from "../base/backoff.ts";
import type { FailureClass, SessionEnd } from "../transport/port.ts";

// First wait and ceiling per class (protocol section 3.1).
const CLASSES: Readonly<Record<FailureClass, BackoffPolicy>> = {
  auth: { firstMs: 10_000, capMs: 600_000, floorMs: 0 },
  incompatible: { firstMs: 120_000, capMs: 3_600_000, floorMs: 0 },
  protocol: { firstMs: 1000, capMs: 60_000, floorMs: 250 },
  connection: { firstMs: 1000, capMs: 30_000, floorMs: 250 },
};

// Another process took the slot of this worker: dialling at once would only
// throw that one out again, and so on for ever.
const DISPLACED: BackoffPolicy = { firstMs: 10_000, capMs: 120_000, floorMs: 5000 };
// The brain counts attempts per minute and address (protocol section 2.5).
const RATE_LIMITED: BackoffPolicy = { firstMs: 10_000, capMs: 60_000, floorMs: 5000 };

/**
 * How long to wait after the `streak`-th failure in a row of this class.
 * Credentials and versions need a person, so those waits never get short: at
 * least half of their ceiling.
 */
export function retryDelayMs(end: SessionEnd, streak: number, random: number): number {
  if (end.code === 4002) return backoffMs(streak, DISPLACED, random);
  if (end.code === 4429) return backoffMs(streak, RATE_LIMITED, random);
  const policy = CLASSES[end.class];
  if (end.class !== "auth" && end.class !== "incompatible") {
    return backoffMs(streak, policy, random);
  }
  const ceiling = backoffMs(streak, policy, 1);
  return backoffMs(1, { firstMs: ceiling, capMs: ceiling, floorMs: ceiling / 2 }, random);
}
