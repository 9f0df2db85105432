import type { Logger } from "../base/logger.ts";
import { isZ4jError } from "../base/errors.ts";
import type { MaybePromise } from "../base/maybe_promise.ts";
import { SQLITE_SUFFIXES } from "./file_ops.ts";
import { FOREIGN, isForeign } from "./fingerprint.ts";
import { isLocked, takeOwnerLock } from "./owner_lock.ts";
import type { LockParts, OwnerLock } from "./owner_lock.ts";
import type { LossByKind, ReadLimits } from "./port.ts";
import { openSalvage } from "./salvage.ts";
import { setAside } from "./sqlite_connection.ts";
import { closeQuietly, inTransaction } from "./sqlite_driver.ts";
import type { SqliteDriver } from "./sqlite_driver.ts";
import { prepareRows } from "./sqlite_rows.ts";
import type { FullEntry } from "./sqlite_rows.ts";
import { isDamage, prepareOrphan, readFingerprint } from "./sqlite_schema.ts";

/** The rows of a buffer whose process is gone, held by nobody but us. */
export interface Orphan {
  /** Rows above an id; none at the end. */
  read(afterId: number, limits: ReadLimits): MaybePromise<OrphanPage>;
  /** Removes rows that are safe elsewhere. */
  remove(firstId: number, lastId: number): MaybePromise<void>;
  /** What it had evicted in its life, by wire kind. */
  losses(): LossByKind;
  /** Closes it; `empty` says that every row was moved. */
  close(empty: boolean): MaybePromise<void>;
}

/** A portion of rows, and up to where it was looked. */
export interface OrphanPage {
  readonly rows: readonly FullEntry[];
  /** Every row up to this id was given or cannot be read. */
  readonly lastId: number;
  /** Whether there may be more. */
  readonly more: boolean;
}

/** What came of looking at a neighbour's file. */
export type OrphanAnswer =
  | { readonly kind: "orphan"; readonly orphan: Orphan }
  /** Its process lives, or another neighbour is at it. */
  | { readonly kind: "busy" }
  /** It must be left alone. */
  | { readonly kind: "kept"; readonly reason: string };

/** What looking at a neighbour's file needs. */
export interface OrphanParts extends LockParts {
  /** Fingerprint of the own project, or `null` to take every file. */
  readonly fingerprint: string | null;
  /** Where damage is told. */
  readonly logger: Logger;
}

/** Name of a damaged file that still has to be read. */
export const CORRUPT_NAME: RegExp = /\.corrupt-\d+$/;

/** Opens a neighbour's SQLite file if its process is gone. */
export function openOrphan(path: string, parts: OrphanParts): OrphanAnswer {
  const lock = takeOwnerLock(path, parts);
  if (lock === null) return { kind: "busy" };
  if (!parts.files.exists(path)) {
    // Another neighbour was faster, or died before it could remove the lock.
    lock.release();
    return { kind: "busy" };
  }
  try {
    const answer = CORRUPT_NAME.test(path)
      ? openSalvage(path, parts, lock)
      : openWhole(path, parts, lock);
    if (answer.kind !== "orphan") lock.release();
    return answer;
  } catch (error) {
    lock.release();
    return refusal(path, parts, error);
  }
}

/** A locked file waits, a damaged one goes aside, another's stays. */
function refusal(path: string, parts: OrphanParts, error: unknown): OrphanAnswer {
  if (isLocked(error)) return { kind: "busy" };
  if (isZ4jError(error)) return { kind: "kept", reason: error.message };
  if (!isDamage(error)) throw error;
  if (!CORRUPT_NAME.test(path)) {
    setAside({ path, logger: parts.logger, now: () => parts.clock.now() }, parts.files, error);
    return { kind: "busy" };
  }
  return { kind: "kept", reason: "nothing in it can be read" };
}

function openWhole(path: string, parts: OrphanParts, lock: OwnerLock): OrphanAnswer {
  const driver = parts.driver(path);
  try {
    // Asked first: nothing of another project's file is changed.
    if (isForeign(readFingerprint(driver), parts.fingerprint)) {
      closeQuietly(driver);
      return { kind: "kept", reason: FOREIGN };
    }
    prepareOrphan(driver, path);
    return { kind: "orphan", orphan: wholeOrphan(path, parts, lock, driver) };
  } catch (error) {
    closeQuietly(driver);
    throw error;
  }
}

function wholeOrphan(
  path: string,
  { files, logger, clock }: OrphanParts,
  lock: OwnerLock,
  driver: SqliteDriver,
): Orphan {
  const rows = prepareRows(driver);
  let damage: unknown;
  const noting = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      if (isDamage(error)) damage = error;
      throw error;
    }
  };
  return {
    read: (afterId, limits) =>
      noting(() => {
        const page = rows.readFull(afterId, limits);
        return { rows: page, lastId: page.at(-1)?.id ?? afterId, more: page.length > 0 };
      }),
    remove: (firstId, lastId) =>
      noting(() => inTransaction(driver, () => rows.removeRange(firstId, lastId))),
    losses: () => rows.losses(),
    close(empty) {
      closeQuietly(driver);
      // What is readable behind the damage is taken at the next look.
      if (damage !== undefined) setAside({ path, logger, now: () => clock.now() }, files, damage);
      if (empty) { for (const suffix of SQLITE_SUFFIXES) files.remove(path + suffix); }
      lock.release();
    },
  };
}
