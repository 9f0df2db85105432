import { isZ4jError, Z4jError } from "../base/errors.ts";
import { randomUuid } from "../base/ids.ts";
import { inTransaction } from "./sqlite_driver.ts";
import type { SqliteDriver, SqlValue } from "./sqlite_driver.ts";
import { damagedRow, IS_ENTRY, MAX_ROW_ID } from "./sqlite_rows.ts";

/** Marks a SQLite file as a buffer of this library: "z4jb" in ASCII. */
export const APPLICATION_ID = 0x7a346a62;

// Opening may meet another process that does the same (file locks are short).
const OPEN_BUSY_MS = 500;

// SQLite waits on the host's event loop, so a locked file fails soon; the
// caller keeps its events in memory and tries again.
const WORK_BUSY_MS = 25;

/**
 * One step per schema version; step `n` lifts a file from version `n` to
 * `n + 1`. Steps that were released never change.
 *
 * `bytes` and `kind` come before `text` so that counting and evicting never
 * load the overflow pages of long texts.
 */
const MIGRATIONS: readonly ((driver: SqliteDriver) => void)[] = [
  (driver) => {
    driver.exec(`CREATE TABLE entries (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      class INTEGER NOT NULL,
      bytes INTEGER NOT NULL,
      kind TEXT NOT NULL,
      text TEXT NOT NULL
    )`);
    driver.exec(
      "CREATE TABLE losses (kind TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID",
    );
    driver.exec("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID");
    driver.exec("CREATE TABLE identity (store_id TEXT NOT NULL)");
    driver.prepare("INSERT INTO identity (store_id) VALUES (?)").run(randomUuid());
  },
  // Whose events they are, so that a neighbour never sends them to another project.
  (driver) => driver.exec("ALTER TABLE identity ADD COLUMN fingerprint TEXT"),
];

// What is true of every file that this library wrote.
const RULES: readonly string[] = [
  `NOT EXISTS (SELECT 1 FROM entries WHERE NOT (${IS_ENTRY} AND typeof(class) = 'integer'
     AND class BETWEEN 0 AND 2))`,
  `NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE typeof(seq) <> 'integer'
     OR seq NOT BETWEEN 0 AND ${MAX_ROW_ID})`,
  `NOT EXISTS (SELECT 1 FROM losses WHERE typeof(kind) <> 'text' OR typeof(count) <> 'integer'
     OR count NOT BETWEEN 0 AND 9007199254740991)`,
  "NOT EXISTS (SELECT 1 FROM meta WHERE typeof(key) <> 'text' OR typeof(value) <> 'text')",
  "(SELECT count(*) = 1 AND min(typeof(store_id) = 'text') FROM identity)",
];

/** Technique of the journal; `DELETE` where processes cannot share memory. */
export type Journal = "WAL" | "DELETE";

/** The log goes into the file when it has this many pages: SQLite's own default. */
export const CHECKPOINT_PAGES = 1000;

/** The schema version that this code writes. */
export const SCHEMA_VERSION: number = MIGRATIONS.length;

/**
 * Makes an open file ready for use: lock waiting first, then the check that
 * the file is ours, then the journal, then the schema.
 *
 * Answers whether everything in the file is safe, so that more may be appended.
 *
 * @throws {Z4jError} `Z4J_BUFFER_OPEN` when the file belongs to something else
 *   or to a newer version. The driver's error when the file is damaged.
 */
export function prepareSchema(driver: SqliteDriver, path: string, journal: Journal): boolean {
  driver.exec(`PRAGMA busy_timeout = ${OPEN_BUSY_MS}`);
  requireOurs(driver, path);
  driver.prepare(`PRAGMA journal_mode = ${journal}`).get();
  const isSafe = journal !== "WAL" || emptyLog(driver);
  // FULL in WAL, too: a commit that returned survives a power loss.
  driver.exec("PRAGMA synchronous = FULL");
  driver.exec("PRAGMA foreign_keys = OFF");
  if (journal === "WAL") driver.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  migrate(driver);
  requireIntact(driver);
  driver.exec(`PRAGMA busy_timeout = ${WORK_BUSY_MS}`);
  return isSafe;
}

/**
 * Moves the whole log into the file and begins a new one; answers whether that
 * was possible. After a failed sync the kernel takes pages for written that it
 * gave up: a log that holds such a page ends there when the power fails, and
 * what was appended and synced behind it would be gone.
 *
 * A reader of the log keeps it, perhaps for long, and each write tries again: the
 * host must not wait for that as for an opening.
 */
function emptyLog(driver: SqliteDriver): boolean {
  try {
    driver.exec(`PRAGMA busy_timeout = ${WORK_BUSY_MS}`);
    return scalar(driver, "PRAGMA wal_checkpoint(TRUNCATE)") === 0;
  } catch (error) {
    if (isDamage(error)) throw error;
    return false;
  } finally {
    driver.exec(`PRAGMA busy_timeout = ${OPEN_BUSY_MS}`);
  }
}

const DAMAGE = /database disk image is malformed|file is not a database/;

/** Tells whether an error means that the file itself is damaged. */
export function isDamage(error: unknown): boolean {
  return error instanceof Error && !isZ4jError(error) && DAMAGE.test(error.message);
}

/** The first column of the first row. */
export function scalar(driver: SqliteDriver, sql: string): SqlValue {
  return Object.values(driver.prepare(sql).get() ?? {})[0] ?? null;
}

/**
 * Makes an orphan's file ready, which nobody else may have open: it leaves WAL,
 * and that fails with "locked" while anybody has it open. Nothing waits and
 * nothing is checked as a whole, since the host's loop stands still meanwhile.
 */
export function prepareOrphan(driver: SqliteDriver, path: string): void {
  driver.exec("PRAGMA busy_timeout = 0");
  requireOurs(driver, path);
  driver.prepare("PRAGMA journal_mode = DELETE").get();
  // Moved rows are synced at their new place: a lost removal only repeats them.
  driver.exec("PRAGMA synchronous = NORMAL");
  migrate(driver);
}

/** The project that wrote the file, or `null` when it does not say. */
export function readFingerprint(driver: SqliteDriver): string | null {
  if (Number(scalar(driver, "PRAGMA user_version")) < 2) return null;
  const value = scalar(driver, "SELECT fingerprint FROM identity");
  return typeof value === "string" ? value : null;
}

function requireOurs(driver: SqliteDriver, path: string): void {
  const version = Number(scalar(driver, "PRAGMA user_version"));
  const application = Number(scalar(driver, "PRAGMA application_id"));
  const tables = Number(scalar(driver, "SELECT count(*) FROM sqlite_master"));
  if (application !== APPLICATION_ID && (tables > 0 || version > 0)) {
    throw new Z4jError(
      "Z4J_BUFFER_OPEN",
      `Cannot open the buffer file ${path}: it is another program's database, ` +
        "expected a z4j buffer or a new file",
    );
  }
  if (version > SCHEMA_VERSION) {
    throw new Z4jError(
      "Z4J_BUFFER_OPEN",
      `Cannot open the buffer file ${path}: its schema is version ${version}, ` +
        `expected at most ${SCHEMA_VERSION}; update @z4j/core or remove the file`,
    );
  }
}

function migrate(driver: SqliteDriver): void {
  if (Number(scalar(driver, "PRAGMA user_version")) === SCHEMA_VERSION) return;
  inTransaction(driver, () => {
    // Read again under the lock: another process may have come first.
    const from = Number(scalar(driver, "PRAGMA user_version"));
    for (const step of MIGRATIONS.slice(from)) step(driver);
    driver.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
    driver.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
  });
}

function requireIntact(driver: SqliteDriver): void {
  const verdict = scalar(driver, "PRAGMA quick_check(1)");
  if (verdict !== "ok") throw new Error(`database disk image is malformed: ${String(verdict)}`);
  // Sound pages may hold rows that nobody here wrote; one of them could keep all others back.
  for (const rule of RULES) if (scalar(driver, `SELECT ${rule}`) !== 1) throw damagedRow();
}
