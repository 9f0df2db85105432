import { EntryLog } from "./entry_log.ts";
import type { LoggedEntry } from "./entry_log.ts";
import { PENDING_LIMITS } from "./limits.ts";
import type { NewEntry, StoreDepth, StoreLimits } from "./port.ts";

/** What goes to the store in one append. */
export interface Group {
  readonly entries: readonly LoggedEntry[];
  readonly meta: readonly MetaWrite[];
}

/** A value that waits for its group. */
export interface MetaWrite {
  readonly key: string;
  readonly value: string | null;
  /** Told once, when the value is stored or never will be. */
  readonly done: (error?: unknown) => void;
}

const NOTHING: Group = { entries: [], meta: [] };

/** Events that are not stored yet, bounded, in the order of their arrival. */
export class Pending {
  readonly #log = new EntryLog();
  readonly #onLost: (entry: NewEntry) => void;
  #meta: MetaWrite[] = [];
  #taken: Group = NOTHING;
  #takenBytes = 0;
  #lastId = 0;

  /** Creates the queue; `onLost` is told what it could not keep. */
  constructor(onLost: (entry: NewEntry) => void) {
    this.#onLost = onLost;
  }

  /** Number of the newest entry; numbers rise by one. */
  get lastId(): number {
    return this.#lastId;
  }

  /** Number of the oldest entry that is neither stored nor lost. */
  get firstId(): number {
    return this.#taken.entries[0]?.id ?? this.#log.firstId();
  }

  /** Whether there is nothing to write, apart from a group that is under way. */
  get empty(): boolean {
    return this.#log.count === 0 && this.#meta.length === 0;
  }

  /** Whether the waiting entries fill a group. */
  fills(group: StoreLimits): boolean {
    return this.#log.count >= group.maxEvents || this.#log.bytes >= group.maxBytes;
  }

  /** Entries that wait, the group under way included. */
  depth(): StoreDepth {
    return {
      count: this.#log.count + this.#taken.entries.length,
      bytes: this.#log.bytes + this.#takenBytes,
    };
  }

  /** Adds an entry, evicting the oldest of the cheapest class when full. */
  push(entry: NewEntry): void {
    this.#lastId = this.#log.push(entry);
    this.#trim();
  }

  /** Adds a value that goes with the next group. */
  pushMeta(write: MetaWrite): void {
    this.#meta.push(write);
  }

  /** The newest value of a key that is not stored yet, or `undefined`. */
  metaOf(key: string): string | null | undefined {
    const writes = [...this.#taken.meta, ...this.#meta];
    return writes.findLast((write) => write.key === key)?.value;
  }

  /** Takes the next group; `stored` or `refused` must follow. */
  take({ maxEvents, maxBytes }: StoreLimits): Group {
    const entries = this.#log.peek(0, maxEvents, maxBytes);
    const [first, last] = [entries[0], entries.at(-1)];
    if (first !== undefined && last !== undefined) this.#log.removeRange(first.id, last.id);
    // Values go with the last group: one must never be stored before an event
    // that was pushed before it, or a crash between the two would skip events.
    const meta = this.#log.count === 0 ? this.#meta.splice(0) : [];
    this.#takenBytes = entries.reduce((sum, { entry }) => sum + entry.bytes, 0);
    this.#taken = { entries, meta };
    return this.#taken;
  }

  /** The group that was taken is in the store. */
  stored(): void {
    const { meta } = this.#taken;
    this.#release();
    for (const write of meta) write.done();
  }

  /** The store refused the group that was taken; it waits again. */
  refused(): void {
    const { entries, meta } = this.#taken;
    this.#release();
    this.#log.restore(entries);
    this.#meta = [...meta, ...this.#meta];
    this.#trim();
  }

  /** Gives everything up: entries are lost, values fail with `error`. */
  abandon(error: unknown): number {
    const entries = this.#log.peek(0, Infinity, Infinity);
    this.#log.removeRange(0, Infinity);
    for (const { entry } of entries) this.#onLost(entry);
    for (const write of this.#meta.splice(0)) write.done(error);
    return entries.length;
  }

  #release(): void {
    this.#taken = NOTHING;
    this.#takenBytes = 0;
  }

  /** Schedules are given up last, and then the newest: a gap at the end heals. */
  #trim(): void {
    if (this.#fits()) return;
    this.#log.trim(PENDING_LIMITS, this.#onLost);
    while (!this.#fits()) {
      const newest = this.#log.pop();
      if (newest !== null) this.#onLost(newest);
    }
  }

  #fits(): boolean {
    return this.#log.count <= PENDING_LIMITS.maxEvents &&
      this.#log.bytes <= PENDING_LIMITS.maxBytes;
  }
}
