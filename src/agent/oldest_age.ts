import type { Clock } from "../base/clock.ts";
import type { EventBuffer } from "../buffer/port.ts";
import { occurredAtMs } from "./batches.ts";

/** Age of the oldest event that waits, as of the last look. */
export interface OldestAge {
  /** Whole seconds, or `null` when nothing waits or nobody has looked yet. */
  seconds(): number | null;
}

// The brain refuses more (protocol section 16.1).
const MAX_AGE_SECONDS = 315_360_000;

/**
 * Reads one row each time it is asked and answers with what it read the time
 * before, so that a status frame never waits for a disk.
 */
export function createOldestAge(
  buffer: Pick<EventBuffer, "read" | "depth">,
  clock: Clock,
): OldestAge {
  let sinceMs: number | null = null;
  const look = async (): Promise<void> => {
    const [entry] = await buffer.read(0, { maxCount: 1, maxBytes: 1 });
    sinceMs = entry === undefined ? null : occurredAtMs(entry.text);
  };
  return {
    seconds() {
      look().catch(() => sinceMs = null);
      if (sinceMs === null || buffer.depth().count === 0) return null;
      return Math.min(MAX_AGE_SECONDS, Math.max(0, Math.floor((clock.now() - sinceMs) / 1000)));
    },
  };
}
