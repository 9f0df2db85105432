import type { JsonObject, JsonValue } from "../base/json.ts";
import { isJsonObject } from "../base/json.ts";
import {
  closeQuietly,
  inTransaction,
  type OpenSqlite,
  type SqliteDriver,
  type SqliteStatement,
  type SqlRow,
  type SqlValue,
} from "../buffer/sqlite_driver.ts";
import { migrate } from "./schema.ts";
import { storeError } from "./sqlite_errors.ts";

/** The brain's database: one connection, every statement prepared once. */
export class Database {
  readonly #driver: SqliteDriver;
  readonly #statements = new Map<string, SqliteStatement>();
  #inside = false;
  #closed = false;

  /** Takes a driver whose schema is current. */
  constructor(driver: SqliteDriver) {
    this.#driver = driver;
  }

  /** The prepared statement of a text. */
  sql(text: string): SqliteStatement {
    const known = this.#statements.get(text);
    if (known !== undefined) return known;
    const statement = this.#driver.prepare(text);
    this.#statements.set(text, statement);
    return statement;
  }

  /** The first row, or `undefined`. */
  get(text: string, ...parameters: readonly SqlValue[]): SqlRow | undefined {
    return this.sql(text).get(...parameters);
  }

  /** Every row. */
  all(text: string, ...parameters: readonly SqlValue[]): readonly SqlRow[] {
    return this.sql(text).all(...parameters);
  }

  /** Runs a statement; answers how many rows changed. */
  run(text: string, ...parameters: readonly SqlValue[]): number {
    return this.sql(text).run(...parameters);
  }

  /** Runs `work` in a transaction, or inside the one that is already open. */
  transaction<T>(work: () => T): T {
    if (this.#inside) return work();
    this.#inside = true;
    try {
      return inTransaction(this.#driver, work);
    } finally {
      this.#inside = false;
    }
  }

  /** Runs `work` so that its failure undoes only its own writes. */
  savepoint<T>(work: () => T): T {
    this.#driver.exec("SAVEPOINT one");
    try {
      const value = work();
      this.#driver.exec("RELEASE one");
      return value;
    } catch (error) {
      this.#driver.exec("ROLLBACK TO one; RELEASE one");
      throw error;
    }
  }

  /**
   * Moves what the log holds into the file, as far as no reader is in the way, so
   * that the log is written again from its start.
   */
  checkpoint(): void {
    this.sql("PRAGMA wal_checkpoint(PASSIVE)").get();
  }

  /** Whether the file is closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Closes the file. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#statements.clear();
    this.#driver.close();
  }
}

/**
 * Opens the database and brings its schema up to date.
 *
 * `synchronous=FULL` makes every commit survive a power cut: an ack promises
 * that (protocol 14).
 */
export function openDatabase(open: OpenSqlite, path: string): Database {
  let driver: SqliteDriver | undefined;
  try {
    driver = open(path);
    driver.exec("PRAGMA busy_timeout = 5000");
    driver.prepare("PRAGMA journal_mode = WAL").get();
    // What an earlier process failed to sync may lie in the log and count as
    // written: a power cut would end the log there, before all that comes now.
    driver.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get();
    driver.exec("PRAGMA synchronous = FULL");
    driver.exec("PRAGMA cache_size = -32768");
    driver.exec("PRAGMA temp_store = MEMORY");
    // A checkpoint copies hot index pages: ten times fewer of them cost ten
    // times less, for a log of at most some 40 MiB. The sweeper's keep it small
    // at an ordinary rate.
    driver.exec("PRAGMA wal_autocheckpoint = 10000");
    migrate(driver);
    return new Database(driver);
  } catch (cause) {
    if (driver !== undefined) closeQuietly(driver);
    throw storeError(path, cause);
  }
}

/** A text column, or `null`. */
export function textOf(row: SqlRow, column: string): string | null {
  const value = row[column];
  return typeof value === "string" ? value : null;
}

/** A text column that the schema declares NOT NULL. */
export function requiredText(row: SqlRow, column: string): string {
  return textOf(row, column) ?? "";
}

// Farthest time that there is. Nothing larger was written here, and it would fail as a date.
const MAX_TIME_MS = 8_640_000_000_000_000;

/** A number column, or `null`. */
export function numberOf(row: SqlRow, column: string): number | null {
  const value = row[column];
  if (typeof value !== "number" && typeof value !== "bigint") return null;
  return Math.abs(Number(value)) <= MAX_TIME_MS ? Number(value) : null;
}

/** A number column that the schema declares NOT NULL. */
export function requiredNumber(row: SqlRow, column: string): number {
  return numberOf(row, column) ?? 0;
}

/** The value of a JSON text column; `null` when empty, or no JSON: one row must not hide the others. */
export function jsonOf(row: SqlRow, column: string): JsonValue {
  const text = textOf(row, column);
  if (text === null) return null;
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return null;
  }
}

/** The object of a JSON text column; empty when it is none. */
export function objectOf(row: SqlRow, column: string): JsonObject {
  const value = jsonOf(row, column);
  return isJsonObject(value) ? value : {};
}

/** The strings of a JSON array column. */
export function stringsOf(row: SqlRow, column: string): readonly string[] {
  const value = jsonOf(row, column);
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
