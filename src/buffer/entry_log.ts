import type { EntryClass, NewEntry, StoreDepth, StoreLimits } from "./port.ts";

/** An entry of the log with its place in the order. */
export interface LoggedEntry {
  /** Rising number. */
  readonly id: number;
  /** The entry. */
  readonly entry: NewEntry;
}

interface Slot {
  readonly id: number;
  entry: NewEntry | null;
}

/** Classes in the order of their eviction; `schedule` is not in it: it never goes. */
export const EVICTION_ORDER: readonly EntryClass[] = ["progress", "terminal"];

// Holes are closed when there are more of them than entries, plus this many.
const SLACK = 64;

/**
 * Entries in memory in the order of their ids. Adding, removing a range and
 * evicting cost a constant amount per entry over its life.
 */
export class EntryLog {
  #slots: Slot[] = [];
  #head = 0;
  #holes = 0;
  #nextId = 1;
  #count = 0;
  #bytes = 0;
  #kept = { count: 0, bytes: 0 };
  // No live entry of the class has an id below this: eviction never looks twice.
  #evictFrom: Record<EntryClass, number> = { progress: 1, terminal: 1, schedule: 1 };

  /** How much is in the log. */
  depth(): StoreDepth {
    return { count: this.#count, bytes: this.#bytes };
  }

  /** How much of it is never evicted. */
  kept(): StoreDepth {
    return { ...this.#kept };
  }

  /** How many entries are in the log. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of the texts in the log. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds an entry at the end, under a given higher id if there is one; answers its id. */
  push(entry: NewEntry, id: number = this.#nextId): number {
    this.#nextId = id + 1;
    this.#slots.push({ id, entry });
    this.#account(entry, 1);
    return id;
  }

  /** Id of the oldest entry, or the id that comes next when there is none. */
  firstId(): number {
    this.#skipHoles();
    return this.#slots[this.#head]?.id ?? this.#nextId;
  }

  /** The oldest entries above `afterId`; at least one if there is any. */
  peek(afterId: number, maxCount: number, maxBytes: number): LoggedEntry[] {
    const found: LoggedEntry[] = [];
    let bytes = 0;
    for (let i = this.#indexOf(afterId + 1); i < this.#slots.length; i++) {
      const { id, entry } = this.#slots[i] as Slot;
      if (entry === null) continue;
      if (found.length > 0 && bytes + entry.bytes > maxBytes) break;
      if (found.length >= maxCount) break;
      bytes += entry.bytes;
      found.push({ id, entry });
    }
    return found;
  }

  /** Removes every entry with `firstId <= id <= lastId`. */
  removeRange(firstId: number, lastId: number): void {
    for (let i = this.#indexOf(firstId); i < this.#slots.length; i++) {
      const slot = this.#slots[i] as Slot;
      if (slot.id > lastId) break;
      this.#remove(slot);
    }
    this.#compact();
  }

  /** Puts entries back before all others, under their old ids. */
  restore(entries: readonly LoggedEntry[]): void {
    const rest = this.#slots.slice(this.#head);
    this.#slots = [...entries.map(({ id, entry }) => ({ id, entry })), ...rest];
    this.#head = 0;
    this.#evictFrom = { progress: 1, terminal: 1, schedule: 1 };
    for (const { entry } of entries) this.#account(entry, 1);
  }

  /** Evicts until the log is within the limits, or only schedules are left. */
  trim(limits: StoreLimits, onEvicted: (entry: NewEntry, id: number) => void): void {
    for (const cls of EVICTION_ORDER) {
      if (this.#fits(limits)) return;
      this.#evict(cls, limits, onEvicted);
    }
    this.#compact();
  }

  /** Removes the newest entry; answers it, or `null` when there is none. */
  pop(): NewEntry | null {
    while (this.#count > 0) {
      const entry = this.#slots.pop()?.entry ?? null;
      if (entry === null) {
        this.#holes -= 1;
        continue;
      }
      this.#account(entry, -1);
      return entry;
    }
    return null;
  }

  #evict(
    cls: EntryClass,
    limits: StoreLimits,
    onEvicted: (entry: NewEntry, id: number) => void,
  ): void {
    let i = this.#indexOf(this.#evictFrom[cls]);
    for (; i < this.#slots.length && !this.#fits(limits); i++) {
      const slot = this.#slots[i] as Slot;
      if (slot.entry?.class !== cls) continue;
      onEvicted(slot.entry, slot.id);
      this.#remove(slot);
    }
    this.#evictFrom[cls] = this.#slots[i]?.id ?? this.#nextId;
  }

  #fits(limits: StoreLimits): boolean {
    return this.#count <= limits.maxEvents && this.#bytes <= limits.maxBytes;
  }

  #remove(slot: Slot): void {
    if (slot.entry === null) return;
    this.#account(slot.entry, -1);
    slot.entry = null;
    this.#holes += 1;
  }

  #account(entry: NewEntry, sign: 1 | -1): void {
    this.#count += sign;
    this.#bytes += sign * entry.bytes;
    if (entry.class !== "schedule") return;
    this.#kept.count += sign;
    this.#kept.bytes += sign * entry.bytes;
  }

  #skipHoles(): void {
    while (this.#slots[this.#head]?.entry === null) {
      this.#head += 1;
      this.#holes -= 1;
    }
  }

  #compact(): void {
    this.#skipHoles();
    if (this.#head + this.#holes <= this.#count + SLACK) return;
    this.#slots = this.#slots.slice(this.#head).filter((slot) => slot.entry !== null);
    this.#head = 0;
    this.#holes = 0;
  }

  /** Index of the first slot with an id of at least `id`. */
  #indexOf(id: number): number {
    let low = this.#head;
    let high = this.#slots.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#slots[middle] as Slot).id < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
