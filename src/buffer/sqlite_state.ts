import { EVICTION_ORDER } from "./entry_log.ts";
import type { EntryClass, LossByKind, NewEntry, StoreLimits } from "./port.ts";
import type { Connection } from "./sqlite_connection.ts";
import { inTransaction } from "./sqlite_driver.ts";
import type { BufferRows, RowTotals } from "./sqlite_rows.ts";
import { createTally } from "./tally.ts";

interface StateParts {
  count: number;
  bytes: number;
  losses: LossByKind;
  dataVersion: number;
  /** No row of the class has an id below this, so eviction never looks twice. */
  evictFrom: Readonly<Record<EntryClass, number>>;
}

const FROM_THE_START: Readonly<Record<EntryClass, number>> = {
  progress: 0,
  terminal: 0,
  schedule: 0,
};

/**
 * The counters of a file, kept in memory so that an append never counts rows.
 * A transaction works on a copy that takes its place when it commits.
 */
export class StoreState implements RowTotals {
  #now: StateParts;
  #evicted: LossByKind = {};

  /** Wraps counters that were read from the file. */
  constructor(parts: StateParts) {
    this.#now = parts;
  }

  /** Rows. */
  get count(): number {
    return this.#now.count;
  }

  /** Bytes of their texts. */
  get bytes(): number {
    return this.#now.bytes;
  }

  /** Rows evicted over the life of the file. */
  get losses(): LossByKind {
    return this.#now.losses;
  }

  /** A draft for one transaction. */
  copy(): StoreState {
    return new StoreState({ ...this.#now });
  }

  /** Counts again when another connection has written to the file. */
  refresh(rows: BufferRows): void {
    const version = rows.dataVersion();
    if (version === this.#now.dataVersion) return;
    this.#now = readParts(rows);
  }

  /** Counts new rows. */
  added(entries: readonly NewEntry[]): void {
    this.#now.count += entries.length;
    for (const entry of entries) this.#now.bytes += entry.bytes;
  }

  /** Counts removed rows. */
  removed(gone: RowTotals): void {
    this.#now.count -= gone.count;
    this.#now.bytes -= gone.bytes;
  }

  /** Whether there is more than may be. */
  over(limits: StoreLimits): boolean {
    return this.#now.count > limits.maxEvents || this.#now.bytes > limits.maxBytes;
  }

  /** Evicts the oldest rows of the cheapest classes; answers what went. */
  makeRoom(rows: BufferRows, limits: StoreLimits): LossByKind {
    const evicted = createTally();
    for (const cls of EVICTION_ORDER) {
      for (let more = true; more && this.over(limits);) {
        const excess = this.#excess(limits);
        const batch = rows.evict(cls, this.#now.evictFrom[cls], excess);
        this.removed(batch);
        evicted.addAll(batch.losses.snapshot());
        this.#now.evictFrom = { ...this.#now.evictFrom, [cls]: batch.nextId };
        more = batch.more;
      }
    }
    this.#evicted = evicted.snapshot();
    return this.#evicted;
  }

  /** Called once the transaction has committed. */
  commit(): void {
    if (Object.keys(this.#evicted).length === 0) return;
    const losses = createTally(this.#now.losses);
    losses.addAll(this.#evicted);
    this.#now.losses = losses.snapshot();
    this.#evicted = {};
  }

  #excess({ maxEvents, maxBytes }: StoreLimits): RowTotals {
    return {
      count: Math.max(0, this.#now.count - maxEvents),
      bytes: Math.max(0, this.#now.bytes - maxBytes),
    };
  }
}

/** The counters as the file has them. */
export function startState({ rows }: Connection): StoreState {
  return new StoreState(readParts(rows));
}

function readParts(rows: BufferRows): StateParts {
  return {
    ...rows.totals(),
    losses: rows.losses(),
    dataVersion: rows.dataVersion(),
    evictFrom: FROM_THE_START,
  };
}

// Rows that move in one transaction when a file is created again.
const COPY_LIMITS = { maxCount: 1_000, maxBytes: 1024 * 1024 };

/**
 * Moves what an unlinked file still holds, under the same ids and the same
 * identity; answers whether all of it came.
 */
export function moveRows(from: Connection, to: Connection): boolean {
  try {
    for (let afterId = 0;;) {
      const page = from.rows.readFull(afterId, COPY_LIMITS);
      const last = page.at(-1);
      if (last === undefined) break;
      inTransaction(to.driver, () => page.forEach((row) => to.rows.insert(row.id, [row])));
      afterId = last.id;
    }
    inTransaction(to.driver, () => {
      to.rows.addLosses(from.rows.losses());
      for (const [key, value] of from.rows.allMeta()) to.rows.setMeta(key, value);
      to.driver.prepare("UPDATE identity SET store_id = ?").run(from.storeId);
    });
    return true;
  } catch {
    return false;
  }
}
