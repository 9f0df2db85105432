import { EntryLog } from "../../src/buffer/entry_log.ts";
import type { EventStore, LossByKind, NewEntry, StoreLimits } from "../../src/buffer/port.ts";
import type { Choices } from "./choices.ts";
import type { Life, World } from "./world.ts";

/** What a disk tells the model. */
export interface DiskEvents {
  /** These entries are synced. */
  appended(texts: readonly string[]): void;
  /** A process removes these entries. */
  removing(texts: readonly string[]): void;
  /** These entries made room for others. */
  evicted(texts: readonly string[]): void;
  /** The same in an append that a crash let arrive: only the file counts them. */
  evictedInCrash(texts: readonly string[]): void;
}

type Operation =
  | { readonly kind: "append"; readonly entries: readonly NewEntry[] }
  | { readonly kind: "remove"; readonly firstId: number; readonly lastId: number };

/** How a disk behaves. */
export interface DiskOptions {
  readonly limits: StoreLimits;
  /** How long an append takes; 0 returns when it is synced, as SQLite does. */
  readonly latencyMs: number;
}

/**
 * The disk of one process. An append is synced before its caller hears of it; a
 * removal is not: after a crash it may be undone. What is not synced survives up
 * to any point in its order.
 */
export class VirtualDisk {
  /** Whether it refuses every write. */
  full = false;
  readonly #options: DiskOptions;
  readonly #events: DiskEvents;
  #log = new EntryLog();
  #unsynced: Operation[] = [];
  #synced = new EntryLog();
  // Appends under way on a slow disk: a crash may come before or after they arrive.
  readonly #underWay = new Set<readonly NewEntry[]>();
  #lastSyncedId = 0;

  constructor(options: DiskOptions, events: DiskEvents) {
    this.#options = options;
    this.#events = events;
  }

  /** Texts of what is on it. */
  texts(): readonly string[] {
    return this.#log.peek(0, Infinity, Infinity).map(({ entry }) => entry.text);
  }

  /** The power goes; a choice decides what of the unsynced writes is there. */
  crash(choices: Choices): void {
    for (const entries of this.#underWay) {
      if (choices.of(2) === 1) this.#unsynced.push({ kind: "append", entries });
    }
    this.#underWay.clear();
    const kept = this.#unsynced.length === 0 ? 0 : choices.of(this.#unsynced.length + 1);
    this.#unsynced.splice(kept);
    const evicted: NewEntry[] = [];
    this.#sync(evicted);
    this.#events.evictedInCrash(evicted.map(({ text }) => text));
    this.#log = copyOf(this.#synced, this.#lastSyncedId);
  }

  /** The store of one run of the process. */
  open(world: World, life: Life): EventStore {
    const { latencyMs } = this.#options;
    const underWay = this.#underWay;
    const mustWrite = (): void => {
      if (this.full) throw new Error("ENOSPC: no space left on device");
    };
    const append = (entries: readonly NewEntry[]): LossByKind => {
      mustWrite();
      const evicted: NewEntry[] = [];
      this.#write({ kind: "append", entries }, evicted);
      this.#sync();
      this.#events.evicted(evicted.map(({ text }) => text));
      return countsOf(evicted);
    };
    const later = <T>(action: () => T): Promise<T> =>
      new Promise((resolve, reject) =>
        void world.after(latencyMs, life, () => {
          try {
            resolve(action());
          } catch (error) {
            reject(error);
          }
        })
      );
    const remove = (firstId: number, lastId: number): void => {
      mustWrite();
      const going = this.#log.peek(firstId - 1, Infinity, Infinity)
        .filter(({ id }) => id <= lastId);
      this.#events.removing(going.map(({ entry }) => entry.text));
      this.#write({ kind: "remove", firstId, lastId }, []);
    };
    return {
      capabilities: { kind: "sqlite", durable: true, path: "virtual" },
      storeId: "00000000-0000-4000-8000-00000000d15c",
      append(entries) {
        if (latencyMs === 0) return append(entries);
        underWay.add(entries);
        return later(() => {
          underWay.delete(entries);
          return append(entries);
        });
      },
      read: (afterId, { maxCount, maxBytes }) =>
        this.#log.peek(afterId, maxCount, maxBytes)
          .map(({ id, entry: { text, bytes, kind } }) => ({ id, text, bytes, kind })),
      removeRange: (firstId, lastId) =>
        latencyMs === 0 ? remove(firstId, lastId) : later(() => remove(firstId, lastId)),
      depth: () => this.#log.depth(),
      losses: () => ({}),
      getMeta: () => null,
      setMeta: () => {},
      close: () => {},
    };
  }

  #write(operation: Operation, evicted: NewEntry[]): void {
    this.#apply(this.#log, operation, evicted);
    this.#unsynced.push(operation);
  }

  #sync(evicted: NewEntry[] = []): void {
    for (const operation of this.#unsynced.splice(0)) {
      this.#apply(this.#synced, operation, evicted);
      if (operation.kind === "remove") continue;
      this.#lastSyncedId += operation.entries.length;
      this.#events.appended(operation.entries.map(({ text }) => text));
    }
  }

  #apply(log: EntryLog, operation: Operation, evicted: NewEntry[] = []): void {
    if (operation.kind === "remove") return log.removeRange(operation.firstId, operation.lastId);
    for (const entry of operation.entries) log.push(entry);
    log.trim(this.#options.limits, (entry) => evicted.push(entry));
  }
}

// Ids go on where they were: what a file gave out once it never gives out again.
function copyOf(log: EntryLog, lastId: number): EntryLog {
  const copy = new EntryLog();
  const entries = log.peek(0, Infinity, Infinity);
  for (const { id, entry } of entries) copy.push(entry, id);
  if (lastId === 0 || entries.at(-1)?.id === lastId) return copy;
  copy.push({ text: "", bytes: 0, kind: "", class: "progress" }, lastId);
  copy.removeRange(lastId, lastId);
  return copy;
}

function countsOf(entries: readonly NewEntry[]): LossByKind {
  const counts: Record<string, number> = {};
  for (const { kind } of entries) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}
