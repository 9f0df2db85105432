import type { CancelTimer, Clock } from "../base/clock.ts";
import type { FileOps } from "./file_ops.ts";
import { LEASE_MS, LEASE_RENEW_MS } from "./limits.ts";
import { closeQuietly } from "./sqlite_driver.ts";
import type { OpenSqlite, SqliteDriver } from "./sqlite_driver.ts";

/** What taking a lock needs. */
export interface LockParts {
  /** Opens a database file. */
  readonly driver: OpenSqlite;
  /** The file system. */
  readonly files: FileOps;
  /** Time and timers. */
  readonly clock: Clock;
}

/** The right to use a buffer file alone. */
export interface OwnerLock {
  /** Takes it again where its directory had vanished. */
  renew(): void;
  /** Gives it back. */
  release(): void;
}

/** Name of the lock of a buffer file. */
export const LOCK_SUFFIX = "-owner";

// A lock file may be removed by its owner between our opening and locking it.
const TRIES = 5;

/**
 * Takes the lock of a buffer file, or answers `null` while somebody has it.
 *
 * It is an empty SQLite file beside the buffer with an exclusive transaction
 * that never ends: a lock of the kernel, the same on every runtime, that goes
 * with its process however that dies. Unlike a process id it means the same
 * in every container, and is never given to somebody else.
 *
 * On file systems of another machine such locks may not reach the others; there
 * the lock file's time counts as well, renewed every 15 s, stale after 60 s.
 *
 * @throws The driver's or the file system's error when there can be no lock.
 */
export function takeOwnerLock(path: string, parts: LockParts): OwnerLock | null {
  const holder = acquire(path + LOCK_SUFFIX, parts);
  return holder === null ? null : new HeldLock(path + LOCK_SUFFIX, parts, holder);
}

/** A lock file that is locked, and which one it is. */
interface Holder {
  readonly driver: SqliteDriver;
  readonly identity: string;
}

class HeldLock implements OwnerLock {
  readonly #path: string;
  readonly #parts: LockParts;
  #holder: Holder | null;
  #timer: CancelTimer = () => {};

  constructor(path: string, parts: LockParts, holder: Holder) {
    this.#path = path;
    this.#parts = parts;
    this.#holder = holder;
    if (!parts.files.sharesMemory(path)) this.#showLife();
  }

  renew(): void {
    const { files } = this.#parts;
    if (this.#holder === null || files.identity(this.#path) === this.#holder.identity) return;
    const fresh = acquire(this.#path, this.#parts);
    if (fresh === null) return;
    closeQuietly(this.#holder.driver);
    this.#holder = fresh;
  }

  release(): void {
    this.#timer();
    const holder = this.#holder;
    this.#holder = null;
    if (holder === null) return;
    const { files } = this.#parts;
    try {
      // Removed while it is locked: whoever opens it now sees that it is gone.
      if (files.identity(this.#path) === holder.identity) files.remove(this.#path);
    } catch {
      // An empty file stays behind; without its lock it keeps nobody out.
    }
    closeQuietly(holder.driver);
  }

  #showLife(): void {
    const { files, clock } = this.#parts;
    try {
      files.touch(this.#path);
    } catch {
      // The next turn tries again, well before the lease is over.
    }
    this.#timer = clock.setTimer(() => this.#showLife(), LEASE_RENEW_MS);
  }
}

function acquire(path: string, parts: LockParts): Holder | null {
  const { files } = parts;
  for (let i = 0; i < TRIES; i++) {
    if (isLeased(path, parts)) return null;
    files.ensurePrivate(path);
    const before = files.identity(path);
    const driver = lock(path, parts.driver);
    if (driver === null) return null;
    // Another file by now means that the lock is on one that nobody sees.
    if (before !== null && files.identity(path) === before) return { driver, identity: before };
    closeQuietly(driver);
  }
  return null;
}

function lock(path: string, open: OpenSqlite): SqliteDriver | null {
  const driver = open(path);
  try {
    driver.exec("PRAGMA busy_timeout = 0");
    driver.prepare("PRAGMA locking_mode = EXCLUSIVE").get();
    driver.prepare("PRAGMA journal_mode = MEMORY").get();
    driver.exec("BEGIN EXCLUSIVE");
    return driver;
  } catch (error) {
    closeQuietly(driver);
    if (isLocked(error)) return null;
    throw error;
  }
}

/** Whether somebody else uses the file now. */
export function isLocked(error: unknown): boolean {
  return error instanceof Error && /locked|busy/i.test(error.message);
}

function isLeased(path: string, { files, clock }: LockParts): boolean {
  const at = files.modifiedAt(path);
  if (at === null || files.sharesMemory(path)) return false;
  return Math.abs(clock.now() - at) < LEASE_MS;
}
