import { backoffMs } from "../base/backoff.ts";
import type { CancelTimer, Clock } from "../base/clock.ts";
import type { MaybePromise } from "../base/maybe_promise.ts";
import { ADOPTION_PAUSE_MS, GROUP_LIMITS, LATE_BACKOFF } from "./limits.ts";
import type { MemoryStore } from "./memory.ts";
import type { Home, OpenedStore } from "./opened.ts";
import type {
  EventStore,
  LossByKind,
  MetaChanges,
  NewEntry,
  ReadLimits,
  StoreCapabilities,
  StoredEntry,
  StoreDepth,
} from "./port.ts";
import { createTally } from "./tally.ts";

/** What `createLateStore` needs. */
export interface LateStoreOptions {
  /** Where events wait until then. */
  readonly memory: MemoryStore;
  /** Opens the store on disk; rejects while that is not possible. */
  readonly open: () => Promise<OpenedStore>;
  /** Told once about the store that is used from then on, and its place. */
  readonly onOpened: (store: EventStore, home: Home | undefined) => void;
  /** Timers. */
  readonly clock: Clock;
  /** Jitter in [0, 1). */
  readonly random: () => number;
}

/**
 * A store in memory that becomes one on disk as soon as the disk can be used:
 * it tries again after 1 to 30 s. What waited in memory moves over in
 * portions, under new ids, so that an event on its way may be sent twice.
 */
export function createLateStore(options: LateStoreOptions): EventStore {
  return new LateStore(options);
}

class LateStore implements EventStore {
  readonly #options: LateStoreOptions;
  readonly #memory: MemoryStore;
  readonly #metaKeys = new Set<string>();
  #disk: EventStore | null = null;
  // Ids on disk come after every id that was given in memory.
  #offset = 0;
  #attempts = 0;
  #timer: CancelTimer = () => {};
  #opening: Promise<void> = Promise.resolve();
  #closed = false;
  #unsaved: LossByKind | null = null;
  // What had to go for events that moved, until somebody is told.
  #evicted = createTally();

  constructor(options: LateStoreOptions) {
    this.#options = options;
    this.#memory = options.memory;
    this.#retryLater();
  }

  get capabilities(): StoreCapabilities {
    return (this.#disk ?? this.#memory).capabilities;
  }

  get storeId(): string {
    return this.#memory.storeId;
  }

  append(entries: readonly NewEntry[], meta?: MetaChanges): MaybePromise<LossByKind> {
    if (this.#disk !== null) return this.#told(this.#disk.append(entries, meta));
    const evicted = this.#memory.append(entries, meta);
    this.#offset += entries.length;
    for (const key of meta?.keys() ?? []) this.#metaKeys.add(key);
    return evicted;
  }

  read(afterId: number, limits: ReadLimits): MaybePromise<readonly StoredEntry[]> {
    const waiting = this.#memory.read(afterId, limits);
    if (waiting.length > 0 || this.#disk === null) return waiting;
    const rows = this.#disk.read(Math.max(0, afterId - this.#offset), limits);
    const shift = (found: readonly StoredEntry[]): readonly StoredEntry[] =>
      found.map((row) => ({ ...row, id: row.id + this.#offset }));
    return rows instanceof Promise ? rows.then(shift) : shift(rows);
  }

  removeRange(firstId: number, lastId: number): MaybePromise<void> {
    this.#memory.removeRange(firstId, Math.min(lastId, this.#offset));
    if (lastId <= this.#offset) return;
    return this.#disk?.removeRange(Math.max(1, firstId - this.#offset), lastId - this.#offset);
  }

  depth(): StoreDepth {
    const [memory, disk] = [this.#memory.depth(), this.#disk?.depth()];
    return {
      count: memory.count + (disk?.count ?? 0),
      bytes: memory.bytes + (disk?.bytes ?? 0),
    };
  }

  losses(): LossByKind {
    const losses = createTally(this.#memory.losses());
    losses.addAll(this.#disk?.losses() ?? {});
    return losses.snapshot();
  }

  getMeta(key: string): MaybePromise<string | null> {
    return (this.#disk ?? this.#memory).getMeta(key);
  }

  setMeta(key: string, value: string | null): MaybePromise<void> {
    if (this.#disk !== null) return this.#disk.setMeta(key, value);
    this.#metaKeys.add(key);
    this.#memory.setMeta(key, value);
  }

  damaged(): LossByKind {
    return this.#disk?.damaged?.() ?? {};
  }

  /** What was promised to wait for a disk, and found none. */
  unsaved(): LossByKind {
    return this.#unsaved ?? this.#waiting();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer();
    await this.#opening;
    // The last chance for what waits: the disk may just have come back.
    if (this.#disk === null && this.#memory.depth().count > 0) await this.#open();
    const disk = this.#disk;
    if (disk !== null) { while (await this.#moveSome(disk) === "some"); }
    this.#unsaved = this.#waiting();
    this.#memory.close();
    await disk?.close();
  }

  #told(outcome: MaybePromise<LossByKind>): MaybePromise<LossByKind> {
    if (outcome instanceof Promise) return outcome.then((evicted) => this.#told(evicted));
    this.#evicted.addAll(outcome);
    const all = this.#evicted.snapshot();
    this.#evicted = createTally();
    return all;
  }

  #waiting(): LossByKind {
    const kinds = createTally();
    const all = { maxCount: Infinity, maxBytes: Infinity };
    for (const { kind } of this.#memory.read(0, all)) kinds.add(kind);
    return kinds.snapshot();
  }

  #retryLater(): void {
    this.#timer = this.#options.clock.setTimer(() => {
      this.#opening = this.#open().then((disk) => {
        if (this.#closed) return;
        if (disk === null) return this.#retryLater();
        this.#attempts = 0;
        this.#moveLater(disk, ADOPTION_PAUSE_MS);
      });
    }, this.#nextWaitMs());
  }

  #nextWaitMs(): number {
    return backoffMs(++this.#attempts, LATE_BACKOFF, this.#options.random());
  }

  async #open(): Promise<EventStore | null> {
    try {
      const { store, home } = await this.#options.open();
      try {
        await this.#moveMeta(store);
      } catch (error) {
        // The next attempt must find the file free.
        await closeAll(store, home);
        throw error;
      }
      this.#options.onOpened(store, home);
      return store;
    } catch {
      // Said once when it began; the next attempt follows.
      return null;
    }
  }

  /** Values go over until none has changed meanwhile; from then on the disk is asked. */
  async #moveMeta(disk: EventStore): Promise<void> {
    const moved = new Map<string, string | null>();
    for (;;) {
      const stale = [...this.#metaKeys].filter((key) =>
        moved.get(key) !== this.#memory.getMeta(key)
      );
      if (stale.length === 0) break;
      for (const key of stale) {
        const value = this.#memory.getMeta(key);
        await disk.setMeta(key, value);
        moved.set(key, value);
      }
    }
    this.#disk = disk;
  }

  /** In portions, so that the host is not held up; a disk that refused one is asked again. */
  #moveLater(disk: EventStore, delayMs: number): void {
    this.#timer = this.#options.clock.setTimer(() => {
      this.#opening = this.#moveSome(disk).then((outcome) => {
        if (outcome === "all" || this.#closed) return;
        if (outcome === "refused") return this.#moveLater(disk, this.#nextWaitMs());
        this.#attempts = 0;
        this.#moveLater(disk, ADOPTION_PAUSE_MS);
      });
    }, delayMs);
  }

  async #moveSome(disk: EventStore): Promise<"some" | "all" | "refused"> {
    const { maxEvents: maxCount, maxBytes } = GROUP_LIMITS;
    const rows = this.#memory.readFull(0, { maxCount, maxBytes });
    const last = rows.at(-1);
    if (last === undefined) return "all";
    try {
      this.#evicted.addAll(await disk.append(rows));
      this.#memory.removeRange(0, last.id);
      return "some";
    } catch {
      // The rest stays readable in memory; nothing is lost by waiting there.
      return "refused";
    }
  }
}

async function closeAll(store: EventStore, home: Home | undefined): Promise<void> {
  try {
    await store.close();
  } finally {
    await home?.release();
  }
}
