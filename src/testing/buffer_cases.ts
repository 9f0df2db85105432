import assert from "node:assert/strict";
import type { MaybePromise } from "../base/maybe_promise.ts";
import type {
  EntryClass,
  EventStore,
  NewEntry,
  ReadLimits,
  StoredEntry,
  StoreLimits,
} from "../buffer/port.ts";

/** A fresh store under test. */
export interface StoreHandle {
  /** The open store. */
  readonly store: EventStore;
  /** Opens the same data again after `store.close()`; only where it is durable. */
  readonly reopen?: () => MaybePromise<EventStore>;
  /** Removes what the case left behind. */
  readonly cleanup?: () => MaybePromise<void>;
}

/** One promise of a store. */
export interface StoreCase {
  readonly title: string;
  readonly limits?: Partial<StoreLimits>;
  readonly run: (store: EventStore, handle: StoreHandle) => Promise<void>;
}

/** No limits to speak of. */
export const ALL: ReadLimits = { maxCount: 1_000_000, maxBytes: 1_000_000_000 };

/** An entry with its size. */
export function entry(text: string, cls: EntryClass = "progress", kind = `kind.${cls}`): NewEntry {
  return { text, bytes: new TextEncoder().encode(text).length, kind, class: cls };
}

/** Entries that say their number. */
export function many(count: number, cls: EntryClass = "progress", prefix = "e"): NewEntry[] {
  return Array.from({ length: count }, (_, i) => entry(`${prefix}${i}`, cls));
}

/** The texts of what is stored. */
export async function texts(store: EventStore, afterId = 0): Promise<string[]> {
  return (await store.read(afterId, ALL)).map(({ text }) => text);
}

/** The ids of what is stored. */
export async function idsOf(store: EventStore): Promise<number[]> {
  return (await store.read(0, ALL)).map(({ id }) => id);
}

/** A row that must be there. */
export function at(rows: readonly StoredEntry[], index: number): StoredEntry {
  const row = rows.at(index);
  assert.ok(row, `expected a row at ${index} of ${rows.length}`);
  return row;
}
