import type { BackoffPolicy } from "../base/backoff.ts";
import type { ReadLimits, StoreLimits } from "./port.ts";

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

/** Waits between attempts to open a file that could not be used. */
export const LATE_BACKOFF: BackoffPolicy = { firstMs: 1_000, capMs: 30_000, floorMs: 1_000 };

/** Longest wait for a store that answers late, per step of closing. */
export const CLOSE_STEP_MS = 5_000;

/** Time between looks for buffers of dead neighbours. */
export const NEIGHBOUR_INTERVAL_MS = 45_000;

/** Rows of an orphan that move at once: below some 5 ms of the host's loop. */
export const ADOPTION_LIMITS: ReadLimits = { maxCount: 250, maxBytes: 256 * 1024 };

/** Rest between two portions, so that the host's own work comes first. */
export const ADOPTION_PAUSE_MS = 5;

/** Share of a buffer that adopted rows may fill; the rest is for one's own. */
export const ADOPTION_SHARE = 0.8;

/** Where file locks cannot be trusted, an owner shows itself this often. */
export const LEASE_RENEW_MS = 15_000;

/** There, an owner that was silent for so long is dead. */
export const LEASE_MS = 60_000;

/** In a shared Deno KV, where nothing tells a dead process, it shows itself this often. */
export const KV_LEASE_RENEW_MS = 10_000;

/** There, a process that was silent for so long is dead. */
export const KV_LEASE_MS = 30_000;

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
