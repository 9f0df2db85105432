import { noopLogger } from "../base/logger.ts";
import type { Logger } from "../base/logger.ts";
import { closedError, fullError, writeError } from "./failures.ts";
import type { FileOps } from "./file_ops.ts";
import { DISK_LIMITS, fillLimits } from "./limits.ts";
import type {
  EventStore,
  LossByKind,
  MetaChanges,
  NewEntry,
  ReadLimits,
  StoreCapabilities,
  StoredEntry,
  StoreDepth,
  StoreLimits,
} from "./port.ts";
import { closeConnection, openConnection } from "./sqlite_connection.ts";
import type { Connection, ConnectionSource } from "./sqlite_connection.ts";
import { inTransaction } from "./sqlite_driver.ts";
import type { OpenSqlite } from "./sqlite_driver.ts";
import { CHECKPOINT_PAGES } from "./sqlite_schema.ts";
import { moveRows, startState } from "./sqlite_state.ts";
import type { StoreState } from "./sqlite_state.ts";

/** What `openSqliteStore` needs. */
export interface SqliteStoreOptions {
  /** Opens a database file, see `loadSqlite`. */
  readonly driver: OpenSqlite;
  /** Path of the file; its directory must exist. */
  readonly path: string;
  /** Bounds. Default: 100 000 events and 256 MiB of text. */
  readonly limits?: Partial<StoreLimits>;
  /**
   * The file system. With it the file is created with mode 0600, a damaged one
   * is renamed aside, and an empty one is removed on close.
   */
  readonly files?: FileOps;
  /** Where damage is told. Default: nowhere. */
  readonly logger?: Logger;
  /** Wall clock for names of damaged files. Default: `Date.now`. */
  readonly now?: () => number;
  /** Marks a new file as belonging to a project. Default: no mark. */
  readonly fingerprint?: string | undefined;
  /** Called after a vanished file was created again. */
  readonly onRecreated?: () => void;
}

/**
 * Opens a store in a SQLite file. An append that returned survives a crash and
 * a power loss: write-ahead log with `synchronous=FULL`, one sync per append.
 * Rows of an earlier run are kept.
 *
 * A file that another connection also uses stays consistent; it is then never
 * removed on close.
 *
 * @throws {Z4jError} `Z4J_BUFFER_OPEN` when the file cannot be opened, belongs to
 *   another program, or was written by a newer version.
 * @throws {RangeError} When a bound is no whole number from 1.
 */
export function openSqliteStore(options: SqliteStoreOptions): EventStore {
  const limits = fillLimits(options.limits, DISK_LIMITS);
  const source: ConnectionSource = {
    driver: options.driver,
    path: options.path,
    files: options.files ?? null,
    logger: options.logger ?? noopLogger,
    now: options.now ?? Date.now,
    fingerprint: options.fingerprint ?? null,
  };
  return new SqliteStore(source, limits, options.onRecreated ?? (() => {}));
}

// Removals in a row without a sync; one of this many costs little.
const UNSYNCED_COMMITS = 16;

class SqliteStore implements EventStore {
  readonly capabilities: StoreCapabilities;
  readonly #source: ConnectionSource;
  readonly #limits: StoreLimits;
  readonly #onRecreated: () => void;
  #connection: Connection;
  #state: StoreState;
  // Ids rise even when the file had to begin anew: readers hold positions.
  #lastId = 0;
  #suspect: boolean;
  #unsyncedCommits = 0;
  #closed = false;

  constructor(source: ConnectionSource, limits: StoreLimits, onRecreated: () => void) {
    this.#onRecreated = onRecreated;
    this.capabilities = { kind: "sqlite", durable: true, path: source.path };
    this.#source = source;
    this.#limits = limits;
    this.#connection = openConnection(source);
    this.#suspect = !this.#connection.safe;
    this.#state = startState(this.#connection);
  }

  get storeId(): string {
    return this.#connection.storeId;
  }

  append(entries: readonly NewEntry[], meta?: MetaChanges): LossByKind {
    return this.#write("append to", ({ rows }, state) => {
      const firstId = Math.max(rows.lastId(), this.#lastId) + 1;
      rows.insert(firstId, entries);
      this.#lastId = firstId + entries.length - 1;
      state.added(entries);
      const evicted = state.makeRoom(rows, this.#limits);
      if (state.over(this.#limits) && entries.some((entry) => entry.class === "schedule")) {
        throw fullError(state, this.#limits);
      }
      rows.addLosses(evicted);
      for (const [key, value] of meta ?? []) rows.setMeta(key, value);
      return evicted;
    });
  }

  read(afterId: number, limits: ReadLimits): readonly StoredEntry[] {
    if (this.#closed) throw closedError("read");
    return this.#connection.rows.read(afterId, limits);
  }

  removeRange(firstId: number, lastId: number): void {
    this.#write("remove from", ({ rows }, state) => {
      const gone = rows.rangeTotals(firstId, lastId);
      if (gone.count === 0) return;
      rows.removeRange(firstId, lastId);
      state.removed(gone);
    }, "unsynced");
  }

  depth(): StoreDepth {
    return { count: this.#state.count, bytes: this.#state.bytes };
  }

  losses(): LossByKind {
    return this.#state.losses;
  }

  getMeta(key: string): string | null {
    if (this.#closed) throw closedError("read");
    return this.#connection.rows.getMeta(key);
  }

  setMeta(key: string, value: string | null): void {
    this.#write("write to", ({ rows }) => rows.setMeta(key, value));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeConnection(this.#connection, this.#source, this.#isEmpty());
  }

  /** Runs a transaction; the state in memory changes only when it commits. */
  #write<T>(
    action: string,
    work: (connection: Connection, state: StoreState) => T,
    sync: "synced" | "unsynced" = "synced",
  ): T {
    if (this.#closed) throw closedError(action);
    try {
      const connection = this.#usable();
      const draft = this.#state.copy();
      const run = (): T =>
        inTransaction(connection.driver, () => {
          draft.refresh(connection.rows);
          return work(connection, draft);
        });
      const value = sync === "synced" ? this.#synced(run) : this.#unsynced(connection, run);
      draft.commit();
      this.#state = draft;
      return value;
    } catch (error) {
      const failure = writeError(this.#source.path, error);
      if (failure.code === "Z4J_BUFFER_WRITE" && !isPassing(error)) this.#suspect = true;
      throw failure;
    }
  }

  #synced<T>(run: () => T): T {
    const value = run();
    this.#unsyncedCommits = 0;
    return value;
  }

  /**
   * A removal needs no sync of its own: the next append syncs it, since the log
   * is one file. A power loss before that only means delivering again, and
   * events are idempotent.
   *
   * It must not start a checkpoint either: that would sync the log, and SQLite
   * keeps quiet about its failure. Every so often one is synced, so that the log
   * stays bounded where nothing is appended.
   */
  #unsynced<T>({ driver, journal }: Connection, run: () => T): T {
    if (journal !== "WAL") return run();
    if (++this.#unsyncedCommits >= UNSYNCED_COMMITS) return this.#synced(run);
    driver.exec("PRAGMA synchronous = NORMAL");
    driver.exec("PRAGMA wal_autocheckpoint = 0");
    try {
      return run();
    } finally {
      driver.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
      driver.exec("PRAGMA synchronous = FULL");
    }
  }

  /**
   * The connection, opened anew after a failure that may have broken it: after
   * a failed sync neither what it holds in memory nor the log can be trusted, so
   * nothing is written before the log was emptied. When the file itself has
   * vanished, its rows move to the new one.
   */
  #usable(): Connection {
    const vanished = this.#source.files?.exists(this.#source.path) === false;
    if (!vanished && !this.#suspect) return this.#connection;
    const old = this.#connection;
    const fresh = openConnection(this.#source);
    const rescued = vanished && moveRows(old, fresh);
    closeConnection(old, this.#source, false);
    this.#connection = rescued ? { ...fresh, storeId: old.storeId } : fresh;
    this.#state = startState(fresh);
    this.#suspect = !fresh.safe;
    if (vanished) this.#onRecreated();
    if (this.#suspect) throw new Error("its log cannot be emptied after a failed write");
    this.#source.logger.info(
      { path: this.#source.path, rescued },
      vanished
        ? "The buffer file had vanished and was created again"
        : "The buffer file was opened again after a failed write",
    );
    return this.#connection;
  }

  /** Values kept beside the entries, such as a stream position, keep the file. */
  #isEmpty(): boolean {
    try {
      const { rows } = this.#connection;
      return rows.totals().count === 0 && rows.allMeta().length === 0;
    } catch {
      return false;
    }
  }
}

/** A lock or a full disk passes without harm to the connection. */
function isPassing(error: unknown): boolean {
  return error instanceof Error && /locked|busy|disk is full/i.test(error.message);
}
