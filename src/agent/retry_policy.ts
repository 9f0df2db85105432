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

// A brain that restarts takes all of its agents down in one moment: they come
// back over ten seconds, so that none of them sees more than a fifth of them dial.
const OUTAGE: BackoffPolicy = { firstMs: 10_000, capMs: 30_000, floorMs: 250 };

/**
 * How long to wait after the `streak`-th failure in a row of this class.
 * Credentials and versions need a person, so those waits never get short: at
 * least half of their ceiling. In an outage of the brain, not of this agent
 * alone, the first wait is long.
 */
export function retryDelayMs(
  end: SessionEnd,
  streak: number,
  random: number,
  isOutage = false,
): number {
  if (end.code === 4002) return backoffMs(streak, DISPLACED, random);
  if (end.code === 4429) return backoffMs(streak, RATE_LIMITED, random);
  if (isOutage && end.class === "connection") return backoffMs(streak, OUTAGE, random);
  const policy = CLASSES[end.class];
  if (end.class !== "auth" && end.class !== "incompatible") {
    return backoffMs(streak, policy, random);
  }
  const ceiling = backoffMs(streak, policy, 1);
  return backoffMs(1, { firstMs: ceiling, capMs: ceiling, floorMs: ceiling / 2 }, random);
}
