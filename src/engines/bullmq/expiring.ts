import type { Clock } from "../../base/clock.ts";

/** A memory that is bounded in size and in time. */
export interface Expiring<T> {
  /** What is known under a key, if it is not too old. */
  get(key: string): T | undefined;
  /** Notes something; the entry that was not used for the longest time makes room. */
  set(key: string, value: T): void;
}

/** Creates a memory of `limit` entries that are forgotten after `ttlMs`. */
export function createExpiring<T>(limit: number, ttlMs: number, clock: Clock): Expiring<T> {
  const entries = new Map<string, { readonly value: T; readonly untilMs: number }>();
  return {
    get(key) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      entries.delete(key);
      if (entry.untilMs <= clock.monotonic()) return undefined;
      entries.set(key, entry);
      return entry.value;
    },
    set(key, value) {
      entries.delete(key);
      entries.set(key, { value, untilMs: clock.monotonic() + ttlMs });
      if (entries.size <= limit) return;
      for (const oldest of entries.keys()) return void entries.delete(oldest);
    },
  };
}
