/** What a store on disk asks of the file system. All calls are synchronous. */
export interface FileOps {
  /**
   * Makes sure that a private regular file is there: creates it exclusively
   * with mode 0600, or narrows the mode of the one that exists. Throws when the
   * path is a symbolic link or no regular file, or cannot be created.
   */
  ensurePrivate(path: string): "created" | "existing";
  /** Whether processes can share memory through a file there, as the log of SQLite needs. */
  sharesMemory(path: string): boolean;
  /** Whether something is at the path. */
  exists(path: string): boolean;
  /** Narrows a file to mode 0600; nothing happens when it is missing. */
  restrict(path: string): void;
  /** Renames a file; nothing happens when it is missing. */
  rename(from: string, to: string): void;
  /** Removes a file; nothing happens when it is missing. */
  remove(path: string): void;
  /** Names in a directory, in no order; empty when it cannot be read. */
  list(directory: string): readonly string[];
  /** What tells a file from a later one at the same path, or `null` without one. */
  identity(path: string): string | null;
  /** When a file was last written or touched, in milliseconds, or `null`. */
  modifiedAt(path: string): number | null;
  /** Sets that time to now; nothing happens when it is missing. */
  touch(path: string): void;
}

/** The database file itself, then the files that SQLite keeps beside it. */
export const SQLITE_SUFFIXES: readonly string[] = ["", "-wal", "-shm", "-journal"];
