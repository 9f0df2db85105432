import { errorText, isZ4jError, Z4jError } from "../base/errors.ts";
import type { NewEntry, StoreDepth, StoreLimits } from "./port.ts";

/** The failure of using a store after its close. */
export function closedError(action: string): Z4jError {
  return new Z4jError(
    "Z4J_BUFFER_CLOSED",
    `Cannot ${action} the event store: it is closed, expected an open one`,
  );
}

/** The failure of a store that only holds what may never be evicted. */
export function fullError(depth: StoreDepth, limits: StoreLimits): Z4jError {
  return new Z4jError(
    "Z4J_BUFFER_FULL",
    `Cannot store schedule events: they would take ${depth.count} rows and ${depth.bytes} bytes, ` +
      `expected at most ${limits.maxEvents} and ${limits.maxBytes}`,
    { details: { ...depth } },
  );
}

/** The failure of a write; a failure of ours passes as it is. */
export function writeError(path: string, cause: unknown): Z4jError {
  if (isZ4jError(cause)) return cause;
  return new Z4jError(
    "Z4J_BUFFER_WRITE",
    `Cannot write the buffer file ${path}: ${errorText(cause)}`,
    { cause },
  );
}

/** The failure of opening a file; a failure of ours passes as it is. */
export function openError(path: string, cause: unknown): Z4jError {
  if (isZ4jError(cause)) return cause;
  return new Z4jError(
    "Z4J_BUFFER_OPEN",
    `Cannot open the buffer file ${path}: ${errorText(cause)}`,
    { cause },
  );
}

/**
 * Schedules are never evicted, so they must fit before anything is stored.
 *
 * @throws {Z4jError} `Z4J_BUFFER_FULL` when they do not.
 */
export function requireRoom(
  kept: StoreDepth,
  entries: readonly NewEntry[],
  limits: StoreLimits,
): void {
  const added = entries.filter((entry) => entry.class === "schedule");
  if (added.length === 0) return;
  const after = {
    count: kept.count + added.length,
    bytes: added.reduce((sum, entry) => sum + entry.bytes, kept.bytes),
  };
  if (after.count <= limits.maxEvents && after.bytes <= limits.maxBytes) return;
  throw fullError(after, limits);
}
