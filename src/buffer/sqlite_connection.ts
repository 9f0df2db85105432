import { errorText } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { openError } from "./failures.ts";
import { SQLITE_SUFFIXES } from "./file_ops.ts";
import type { FileOps } from "./file_ops.ts";
import { closeQuietly } from "./sqlite_driver.ts";
import type { OpenSqlite, SqliteDriver } from "./sqlite_driver.ts";
import { prepareRows } from "./sqlite_rows.ts";
import type { BufferRows } from "./sqlite_rows.ts";
import { isDamage, prepareSchema, readFingerprint, scalar } from "./sqlite_schema.ts";
import type { Journal } from "./sqlite_schema.ts";

/** A buffer file that is open and ready. */
export interface Connection {
  readonly driver: SqliteDriver;
  readonly rows: BufferRows;
  readonly storeId: string;
  readonly journal: Journal;
  /** Whether all that was in the file is safe; else nothing may be appended to it. */
  readonly safe: boolean;
}

/** Where the file is and how to reach it. */
export interface ConnectionSource {
  readonly driver: OpenSqlite;
  readonly path: string;
  readonly files: FileOps | null;
  readonly logger: Logger;
  /** Wall clock in milliseconds, for the names of damaged files. */
  readonly now: () => number;
  /** Kept in a file that does not say yet whose it is. */
  readonly fingerprint: string | null;
}

/**
 * Opens the file, creating it privately when missing. A damaged file is renamed
 * aside, never deleted, and a fresh one begins.
 *
 * @throws {Z4jError} `Z4J_BUFFER_OPEN` when that is not possible.
 */
export function openConnection(source: ConnectionSource): Connection {
  try {
    return connect(source);
  } catch (error) {
    if (!isDamage(error) || source.files === null) throw openError(source.path, error);
    setAside(source, source.files, error);
  }
  try {
    return connect(source);
  } catch (error) {
    throw openError(source.path, error);
  }
}

const REMOTE_TEXT = "The buffer is on a file system of another machine or the host: " +
  "it uses a rollback journal, which is slower but safe there";

function connect(
  { driver: open, path, files, fingerprint, logger }: ConnectionSource,
): Connection {
  // SQLite gives its side files the mode of the database file.
  if (files?.ensurePrivate(path) === "existing") {
    for (const suffix of SQLITE_SUFFIXES) files.restrict(path + suffix);
  }
  const journal = files?.sharesMemory(path) === false ? "DELETE" : "WAL";
  if (journal === "DELETE") logger.info({ path, journal }, REMOTE_TEXT);
  const driver = open(path);
  try {
    const safe = prepareSchema(driver, path, journal);
    if (fingerprint !== null && readFingerprint(driver) === null) {
      driver.prepare("UPDATE identity SET fingerprint = ?").run(fingerprint);
    }
    const storeId = String(scalar(driver, "SELECT store_id FROM identity"));
    return { driver, rows: prepareRows(driver), storeId, journal, safe };
  } catch (error) {
    closeQuietly(driver);
    throw error;
  }
}

/** Renames a damaged file and says its new name. */
export function setAside(
  { path, logger, now }: Pick<ConnectionSource, "path" | "logger" | "now">,
  files: FileOps,
  error: unknown,
): void {
  const aside = `${path}.corrupt-${now()}`;
  try {
    for (const suffix of SQLITE_SUFFIXES) files.rename(path + suffix, aside + suffix);
  } catch (cause) {
    throw openError(path, cause);
  }
  logger.warn(
    { path, aside, reason: errorText(error) },
    "The buffer file was damaged: it was renamed aside and a fresh one begins",
  );
}

/**
 * Closes the file. With `removeIfAlone` it is removed as well, unless another
 * connection has it open.
 */
export function closeConnection(
  { driver, journal }: Connection,
  { path, files }: ConnectionSource,
  removeIfAlone: boolean,
): void {
  // Leaving WAL needs the file for oneself: it fails while anybody else uses it.
  // Without WAL nothing can tell, and the file stays.
  const remove = removeIfAlone && files !== null && journal === "WAL" && leaveWal(driver);
  if (!remove) quietly(() => driver.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get());
  closeQuietly(driver);
  if (!remove || files === null) return;
  for (const suffix of SQLITE_SUFFIXES) quietly(() => files.remove(path + suffix));
}

function leaveWal(driver: SqliteDriver): boolean {
  try {
    return scalar(driver, "PRAGMA journal_mode = DELETE") === "delete";
  } catch {
    return false;
  }
}

function quietly(action: () => unknown): void {
  try {
    action();
  } catch {
    // Closing is a last service: what fails here changes nothing for the rows.
  }
}
