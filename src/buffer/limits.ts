import type { BackoffPolicy } from "../base/backoff.ts";
import type { StoreLimits } from "./port.ts";

/** Bounds of a store on disk (agent feature `buffer_max_events`, `buffer_max_bytes`). */
export const DISK_LIMITS: StoreLimits = { maxEvents: 100_000, maxBytes: 256 * 1024 * 1024 };

/** Bounds of a store in memory: an agent must stay small in its host process. */
export const MEMORY_LIMITS: StoreLimits = { maxEvents: 20_000, maxBytes: 32 * 1024 * 1024 };

/** Bounds of what waits for the store; reached only while the store refuses writes. */
export const PENDING_LIMITS: StoreLimits = { maxEvents: 10_000, maxBytes: 16 * 1024 * 1024 };

/** A group of this size is written at once, so that a commit stays below some 10 ms. */
export const GROUP_LIMITS: StoreLimits = { maxEvents: 1_000, maxBytes: 1024 * 1024 };

/** A group is committed this long after its first event (design 5.5). */
export const GROUP_WINDOW_MS = 20;

/** The window stretches to this where commits are slow (design 5.5). */
export const GROUP_WINDOW_MAX_MS = 500;

/** Most of the loop's time that commits may take (design 5.5). */
export const COMMIT_SHARE = 0.02;

/** What an event itself may cost; a wider window does not make it cheaper. */
export const EVENT_BUDGET_MS = 0.008;

/** Waits between attempts to write after the store refused. */
export const STORAGE_BACKOFF: BackoffPolicy = { firstMs: 250, capMs: 5_000, floorMs: 250 };

/** Longest wait for a store that answers late, per step of closing. */
export const CLOSE_STEP_MS = 5_000;

/** Fills what a user left out. */
export function fillLimits(
  limits: Partial<StoreLimits> | undefined,
  defaults: StoreLimits,
): StoreLimits {
  const maxEvents = limits?.maxEvents ?? defaults.maxEvents;
  const maxBytes = limits?.maxBytes ?? defaults.maxBytes;
  requireBound("maxEvents", maxEvents);
  requireBound("maxBytes", maxBytes);
  return { maxEvents, maxBytes };
}

function requireBound(name: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 1) return;
  throw new RangeError(
    `Cannot bound a buffer: ${name} is ${value}, expected a whole number from 1`,
  );
}
