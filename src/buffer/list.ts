import type { Clock } from "../base/clock.ts";
import { systemClock } from "../base/clock.ts";
import type { FileOps } from "./file_ops.ts";
import { loadFileOps } from "./file_ops_node.ts";
import { isForeign } from "./fingerprint.ts";
import { loadSqlite } from "./load_sqlite.ts";
import { bufferNames } from "./names.ts";
import { CORRUPT_NAME } from "./orphan.ts";
import { takeOwnerLock } from "./owner_lock.ts";
import type { LockParts } from "./owner_lock.ts";
import { closeQuietly } from "./sqlite_driver.ts";
import type { OpenSqlite, SqliteDriver } from "./sqlite_driver.ts";
import { readFingerprint } from "./sqlite_schema.ts";

/** A buffer in a home directory. */
export interface BufferFile {
  /** Where it is. */
  readonly path: string;
  /**
   * `used`: its process lives. `orphan`: it waits for a neighbour. `foreign`:
   * another project's, kept and not sent. `damaged`: set aside.
   */
  readonly state: "used" | "orphan" | "foreign" | "damaged";
  /** Events in it, or `null` when they cannot be counted. */
  readonly events: number | null;
  /** Bytes of their texts, or `null`. */
  readonly bytes: number | null;
}

/** What `listBuffers` may be told. */
export interface ListBuffersOptions {
  /** The own project, see `fingerprintOf`; without it nothing is `foreign`. */
  readonly fingerprint?: string | undefined;
  /** Loads SQLite. Default: that of the runtime. */
  readonly sqlite?: () => Promise<OpenSqlite>;
  /** Loads the file system. Default: `node:fs`. */
  readonly files?: () => Promise<FileOps>;
  /** Time. Default: that of the process. */
  readonly clock?: Clock;
}

/**
 * Every buffer in a home directory, for doctors and for people. It changes
 * nothing and disturbs nobody.
 *
 * @param home The directory, `~/.z4j` as an absolute path.
 *
 * @example
 * ```ts
 * import { listBuffers } from "@z4j/core/buffer";
 * import { deepEqual } from "node:assert/strict";
 *
 * deepEqual(await listBuffers("/nowhere"), []);
 * ```
 */
export async function listBuffers(
  home: string,
  options: ListBuffersOptions = {},
): Promise<readonly BufferFile[]> {
  const parts: LockParts = {
    driver: await (options.sqlite ?? loadSqlite)(),
    files: await (options.files ?? loadFileOps)(),
    clock: options.clock ?? systemClock,
  };
  return bufferNames(`${home}/buffer-.sqlite`, parts.files)
    .filter((path) => parts.files.exists(path))
    .map((path) => describeFile(path, parts, options.fingerprint ?? null));
}

interface Contents {
  readonly events: number | null;
  readonly bytes: number | null;
  readonly fingerprint: string | null;
}

function describeFile(path: string, parts: LockParts, own: string | null): BufferFile {
  const { events, bytes, fingerprint } = contentsOf(path, parts.driver);
  return { path, events, bytes, state: stateOf(path, parts, isForeign(fingerprint, own)) };
}

function stateOf(path: string, parts: LockParts, foreign: boolean): BufferFile["state"] {
  if (CORRUPT_NAME.test(path)) return "damaged";
  if (foreign) return "foreign";
  try {
    const lock = takeOwnerLock(path, parts);
    lock?.release();
    return lock === null ? "used" : "orphan";
  } catch {
    return "orphan";
  }
}

const UNKNOWN: Contents = { events: null, bytes: null, fingerprint: null };

function contentsOf(path: string, open: OpenSqlite): Contents {
  if (path.endsWith(".kv")) return UNKNOWN;
  let driver: SqliteDriver | undefined;
  try {
    driver = open(path);
    const fingerprint = readFingerprint(driver);
    const row = driver.prepare("SELECT count(*) AS n, coalesce(sum(bytes), 0) AS b FROM entries")
      .get();
    return { events: Number(row?.["n"]), bytes: Number(row?.["b"]), fingerprint };
  } catch {
    return UNKNOWN;
  } finally {
    if (driver !== undefined) closeQuietly(driver);
  }
}
