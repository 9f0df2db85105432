import type { EntryClass, LossByKind, NewEntry, ReadLimits, StoredEntry } from "./port.ts";
import {
  LIMITED,
  type SqliteDriver,
  type SqliteStatement,
  type SqlValue,
} from "./sqlite_driver.ts";
import { createTally } from "./tally.ts";
import type { Tally } from "./tally.ts";

/** Number of an eviction class in the file; released numbers never change. */
export const CLASS_NUMBER: Readonly<Record<EntryClass, number>> = {
  progress: 0,
  terminal: 1,
  schedule: 2,
};

/** Highest id of a row; beyond it numbers of a runtime would soon not be exact. */
export const MAX_ROW_ID: number = 2 ** 52;

/** SQL: a row is of the form that this library writes. SQLite itself takes any type anywhere. */
export const IS_ENTRY: string = `id BETWEEN 1 AND ${MAX_ROW_ID} AND typeof(bytes) = 'integer'
  AND bytes BETWEEN 0 AND 2147483647 AND typeof(kind) = 'text' AND typeof(text) = 'text'`;

/** What the entries of a file amount to. */
export interface RowTotals {
  readonly count: number;
  readonly bytes: number;
}

/** The oldest rows of one class, to be evicted together. */
export interface EvictionBatch extends RowTotals {
  /** Lost rows by wire kind. */
  readonly losses: Tally;
  /** Every row of the class is above this id afterwards. */
  readonly nextId: number;
  /** Whether there may be more rows of the class. */
  readonly more: boolean;
}

/** A row with its class, to be moved to another file. */
export type FullEntry = StoredEntry & NewEntry;

/** Every statement of a buffer file, prepared once. */
export interface BufferRows {
  insert(firstId: number, entries: readonly NewEntry[]): void;
  lastId(): number;
  dataVersion(): number;
  totals(): RowTotals;
  rangeTotals(firstId: number, lastId: number): RowTotals;
  removeRange(firstId: number, lastId: number): void;
  read(afterId: number, limits: ReadLimits): readonly StoredEntry[];
  readFull(afterId: number, limits: ReadLimits): readonly FullEntry[];
  evict(cls: EntryClass, fromId: number, excess: RowTotals): EvictionBatch;
  losses(): LossByKind;
  addLosses(losses: LossByKind): void;
  getMeta(key: string): string | null;
  setMeta(key: string, value: string | null): void;
  allMeta(): readonly (readonly [string, string])[];
}

// Rows per statement, greatest first. Binding many rows at once costs the same
// on both runtimes and a third less than one row at a time; json_each is dearer.
const INSERT_SIZES: readonly number[] = [32, 8, 1];

// Rows that one look-up of eviction candidates returns.
const EVICTION_BATCH = 256;

/** Prepares the statements. */
export function prepareRows(driver: SqliteDriver): BufferRows {
  return {
    ...prepareEntries(driver),
    ...prepareEviction(driver),
    ...prepareReading(driver),
    ...prepareSmall(driver),
  };
}

type EntryRows = Pick<
  BufferRows,
  "insert" | "lastId" | "dataVersion" | "totals" | "rangeTotals" | "removeRange"
>;

function prepareEntries(driver: SqliteDriver): EntryRows {
  const inserts = INSERT_SIZES.map((size) => ({ size, statement: prepareInsert(driver, size) }));
  // The sequence remembers what was removed; the rows themselves, should it be lost.
  const lastId = driver.prepare(
    `SELECT max(coalesce((SELECT max(seq) FROM sqlite_sequence WHERE name = 'entries'), 0),
       coalesce((SELECT max(id) FROM entries), 0)) AS value`,
  );
  const version = driver.prepare("PRAGMA data_version");
  const totals = driver.prepare(
    "SELECT count(*) AS count, coalesce(sum(bytes), 0) AS bytes FROM entries",
  );
  const range = driver.prepare(
    "SELECT count(*) AS count, coalesce(sum(bytes), 0) AS bytes FROM entries WHERE id BETWEEN ? AND ?",
  );
  const remove = driver.prepare("DELETE FROM entries WHERE id BETWEEN ? AND ?");
  return {
    insert(firstId, entries) {
      let done = 0;
      for (const { size, statement } of inserts) {
        for (; entries.length - done >= size; done += size) {
          statement.run(...insertValues(firstId + done, entries, done, size));
        }
      }
    },
    lastId: () => Number(lastId.get()?.["value"]),
    dataVersion: () => Number(version.get()?.["data_version"]),
    totals: () => toTotals(totals),
    rangeTotals: (firstId, lastId) => toTotals(range, firstId, lastId),
    removeRange: (firstId, lastId) => void remove.run(firstId, lastId),
  };
}

function prepareInsert(driver: SqliteDriver, size: number): SqliteStatement {
  const places = new Array<string>(size).fill("(?, ?, ?, ?, ?)").join(", ");
  return driver.prepare(`INSERT INTO entries (id, class, bytes, kind, text) VALUES ${places}`);
}

function insertValues(
  firstId: number,
  entries: readonly NewEntry[],
  from: number,
  size: number,
): SqlValue[] {
  const values: SqlValue[] = [];
  for (let i = 0; i < size; i++) {
    const entry = entries[from + i] as NewEntry;
    values.push(firstId + i, CLASS_NUMBER[entry.class], entry.bytes, entry.kind, entry.text);
  }
  return values;
}

function prepareEviction(driver: SqliteDriver): Pick<BufferRows, "evict"> {
  const oldest = driver.prepare(
    `SELECT id, bytes, kind FROM entries WHERE id >= ? AND class = ? ORDER BY id ${LIMITED}`,
  );
  const remove = driver.prepare("DELETE FROM entries WHERE id BETWEEN ? AND ? AND class = ?");
  const newest = driver.prepare("SELECT coalesce(max(id), 0) AS value FROM entries");
  return {
    evict(cls, fromId, excess) {
      const number = CLASS_NUMBER[cls];
      const candidates = oldest.all(fromId, number, EVICTION_BATCH);
      const losses = createTally();
      let [count, bytes, nextId] = [0, 0, fromId];
      for (const row of candidates) {
        if (count >= excess.count && bytes >= excess.bytes) break;
        count += 1;
        bytes += Number(row["bytes"]);
        nextId = Number(row["id"]) + 1;
        losses.add(String(row["kind"]));
      }
      if (count > 0) remove.run(fromId, nextId - 1, number);
      const more = candidates.length === EVICTION_BATCH;
      // None left: what the others keep between here and the end is passed over for good.
      if (!more && count === candidates.length) nextId = Number(newest.get()?.["value"]) + 1;
      return { count, bytes, losses, nextId, more };
    },
  };
}

function prepareReading(driver: SqliteDriver): Pick<BufferRows, "read" | "readFull"> {
  // Sizes first: a page of large texts must not be loaded to be cut.
  const sizes = driver.prepare(`SELECT id, bytes FROM entries WHERE id > ? ORDER BY id ${LIMITED}`);
  const texts = driver.prepare(
    "SELECT id, text, bytes, kind FROM entries WHERE id > ? AND id <= ? ORDER BY id",
  );
  const full = driver.prepare(
    `SELECT *, ${IS_ENTRY} AS is_entry FROM entries WHERE id > ? AND id <= ? ORDER BY id`,
  );
  const lastOfPage = (afterId: number, { maxCount, maxBytes }: ReadLimits): number => {
    let [lastId, bytes] = [afterId, 0];
    for (const row of sizes.all(afterId, maxCount)) {
      bytes += Number(row["bytes"]);
      if (bytes > maxBytes && lastId > afterId) break;
      lastId = Number(row["id"]);
    }
    return lastId;
  };
  return {
    read(afterId, limits) {
      const lastId = lastOfPage(afterId, limits);
      if (lastId === afterId) return [];
      return texts.all(afterId, lastId) as unknown as readonly StoredEntry[];
    },
    readFull(afterId, limits) {
      const rows = full.all(afterId, lastOfPage(afterId, limits));
      // Rows that move elsewhere come from a file that nobody checked as a whole.
      if (rows.some((row) => row["is_entry"] !== 1)) throw damagedRow();
      return rows.map((row) => ({
        id: Number(row["id"]),
        text: String(row["text"]),
        bytes: Number(row["bytes"]),
        kind: String(row["kind"]),
        class: classOf(Number(row["class"])),
      }));
    },
  };
}

/** Reads like SQLite's own word for damage, see `isDamage`. */
export function damagedRow(): Error {
  return new Error("database disk image is malformed: a row is of another form");
}

/** Eviction class of a number in a file. */
export function classOf(number: number): EntryClass {
  if (number === CLASS_NUMBER.progress) return "progress";
  return number === CLASS_NUMBER.terminal ? "terminal" : "schedule";
}

type SmallRows = Pick<BufferRows, "losses" | "addLosses" | "getMeta" | "setMeta" | "allMeta">;

function prepareSmall(driver: SqliteDriver): SmallRows {
  const losses = driver.prepare("SELECT kind, count FROM losses");
  const addLoss = driver.prepare(
    "INSERT INTO losses (kind, count) VALUES (?, ?) " +
      "ON CONFLICT (kind) DO UPDATE SET count = min(count + excluded.count, 9007199254740991)",
  );
  const getMeta = driver.prepare("SELECT value FROM meta WHERE key = ?");
  const setMeta = driver.prepare(
    "INSERT INTO meta (key, value) VALUES (?, ?) " +
      "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
  );
  const dropMeta = driver.prepare("DELETE FROM meta WHERE key = ?");
  const allMeta = driver.prepare("SELECT key, value FROM meta");
  return {
    losses: () =>
      Object.fromEntries(losses.all().map((row) => [String(row["kind"]), Number(row["count"])])),
    addLosses(added) {
      for (const [kind, count] of Object.entries(added)) addLoss.run(kind, count);
    },
    getMeta: (key) => getMeta.get(key)?.["value"] as string | undefined ?? null,
    setMeta: (key, value) => void (value === null ? dropMeta.run(key) : setMeta.run(key, value)),
    allMeta: () => allMeta.all().map((row) => [String(row["key"]), String(row["value"])]),
  };
}

function toTotals(statement: SqliteStatement, ...parameters: readonly SqlValue[]): RowTotals {
  const row = statement.get(...parameters);
  return { count: Number(row?.["count"]), bytes: Number(row?.["bytes"]) };
}
