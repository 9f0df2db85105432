import { randomUuid } from "../base/ids.ts";
import { EntryLog } from "./entry_log.ts";
import type { LoggedEntry } from "./entry_log.ts";
import { closedError, requireRoom } from "./failures.ts";
import { fillLimits, MEMORY_LIMITS } from "./limits.ts";
import type {
  EventStore,
  LossByKind,
  MetaChanges,
  NewEntry,
  ReadLimits,
  StoreCapabilities,
  StoredEntry,
  StoreDepth,
  StoreLimits,
} from "./port.ts";
import type { FullEntry } from "./sqlite_rows.ts";
import { createTally } from "./tally.ts";

/**
 * A store in memory: the announced last resort where there is no disk, and a
 * quick store for tests. Nothing of it survives the process.
 *
 * @param limits Bounds. Default: 20 000 events and 32 MiB of text.
 * @throws {RangeError} When a bound is no whole number from 1.
 *
 * @example
 * ```ts
 * import { createMemoryStore } from "@z4j/core/buffer";
 * import { equal } from "node:assert/strict";
 *
 * const store = createMemoryStore({ maxEvents: 1_000 });
 * await store.append([{ text: "{}", bytes: 2, kind: "task.started", class: "progress" }]);
 * equal(store.depth().count, 1);
 * ```
 */
export function createMemoryStore(limits?: Partial<StoreLimits>): EventStore {
  return new MemoryStore(limits);
}

/** The store itself, which can also move its entries elsewhere. */
export class MemoryStore implements EventStore {
  /** What it can promise: nothing. */
  readonly capabilities: StoreCapabilities = { kind: "memory", durable: false, path: null };
  /** A new one in every process. */
  readonly storeId: string = randomUuid();
  readonly #limits: StoreLimits;
  readonly #log = new EntryLog();
  readonly #losses = createTally();
  readonly #meta = new Map<string, string>();
  #closed = false;

  /** Creates it with these bounds. */
  constructor(limits?: Partial<StoreLimits>) {
    this.#limits = fillLimits(limits, MEMORY_LIMITS);
  }

  append(entries: readonly NewEntry[], meta?: MetaChanges): LossByKind {
    this.#mustBeOpen("append to");
    requireRoom(this.#log.kept(), entries, this.#limits);
    for (const entry of entries) this.#log.push(entry);
    const evicted = createTally();
    this.#log.trim(this.#limits, (entry) => evicted.add(entry.kind));
    for (const [key, value] of meta ?? []) this.setMeta(key, value);
    const losses = evicted.snapshot();
    this.#losses.addAll(losses);
    return losses;
  }

  read(afterId: number, limits: ReadLimits): readonly StoredEntry[] {
    this.#mustBeOpen("read");
    return this.#log.peek(afterId, limits.maxCount, limits.maxBytes).map(toStored);
  }

  /** As `read`, with the class of each entry. */
  readFull(afterId: number, limits: ReadLimits): readonly FullEntry[] {
    return this.#log.peek(afterId, limits.maxCount, limits.maxBytes)
      .map(({ id, entry }) => ({ id, ...entry }));
  }

  removeRange(firstId: number, lastId: number): void {
    this.#mustBeOpen("remove from");
    this.#log.removeRange(firstId, lastId);
  }

  depth(): StoreDepth {
    return this.#log.depth();
  }

  losses(): LossByKind {
    return this.#losses.snapshot();
  }

  getMeta(key: string): string | null {
    this.#mustBeOpen("read");
    return this.#meta.get(key) ?? null;
  }

  setMeta(key: string, value: string | null): void {
    this.#mustBeOpen("write to");
    if (value === null) this.#meta.delete(key);
    else this.#meta.set(key, value);
  }

  close(): void {
    this.#closed = true;
  }

  #mustBeOpen(action: string): void {
    if (this.#closed) throw closedError(action);
  }
}

function toStored({ id, entry }: LoggedEntry): StoredEntry {
  return { id, text: entry.text, bytes: entry.bytes, kind: entry.kind };
}
