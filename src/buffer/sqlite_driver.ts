/** A value that SQLite takes and gives back. */
export type SqlValue = string | number | bigint | Uint8Array | null;

/** A row by column name. */
export type SqlRow = Readonly<Record<string, SqlValue>>;

/** A prepared statement. */
export interface SqliteStatement {
  /** Runs it; answers how many rows changed. */
  run(...parameters: readonly SqlValue[]): number;
  /** The first row, or `undefined`. */
  get(...parameters: readonly SqlValue[]): SqlRow | undefined;
  /** Every row. */
  all(...parameters: readonly SqlValue[]): readonly SqlRow[];
}

/**
 * The little of SQLite that this library uses, so that all SQL is written once
 * and a runtime differs in a shim of a page. Every call is synchronous and
 * throws the driver's own error.
 */
export interface SqliteDriver {
  /** Runs statements that give no rows. */
  exec(sql: string): void;
  /** Prepares a statement; keep it, preparing is not cached. */
  prepare(sql: string): SqliteStatement;
  /** Closes the file. */
  close(): void;
}

/** Opens a database file, creating it when missing. */
export type OpenSqlite = (path: string) => SqliteDriver;

/**
 * A bound limit. Of a bare `LIMIT ?` SQLite wants to know the value when it plans,
 * so each call would prepare the statement anew: ten to twenty times what a short
 * read takes.
 */
export const LIMITED = "LIMIT 0 + ?";

/** Runs `work` in a transaction that takes the write lock at once. */
export function inTransaction<T>(driver: SqliteDriver, work: () => T): T {
  driver.exec("BEGIN IMMEDIATE");
  try {
    const value = work();
    driver.exec("COMMIT");
    return value;
  } catch (error) {
    rollback(driver);
    throw error;
  }
}

function rollback(driver: SqliteDriver): void {
  try {
    driver.exec("ROLLBACK");
  } catch {
    // SQLite has rolled back by itself on a full disk or an I/O error.
  }
}

/** Closes a driver that may be broken. */
export function closeQuietly(driver: SqliteDriver): void {
  try {
    driver.close();
  } catch {
    // Closing is a last service: what fails here changes nothing for the rows.
  }
}
