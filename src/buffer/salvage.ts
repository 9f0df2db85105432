import { FOREIGN, isForeign } from "./fingerprint.ts";
import type { OwnerLock } from "./owner_lock.ts";
import type { Orphan, OrphanAnswer, OrphanParts } from "./orphan.ts";
import { closeQuietly, LIMITED } from "./sqlite_driver.ts";
import type { SqliteDriver, SqlRow } from "./sqlite_driver.ts";
import { classOf, IS_ENTRY, MAX_ROW_ID } from "./sqlite_rows.ts";
import type { FullEntry } from "./sqlite_rows.ts";
import { readFingerprint, scalar } from "./sqlite_schema.ts";

/** Appended to the name of a damaged file once everything readable was taken. */
export const DONE_SUFFIX = ".done";

// Ids to look at when the file cannot say how far they go.
const BLIND_IDS = 100_000;

// A class that is none counts as the dearest.
const SELECT = `SELECT id, text, bytes, kind,
  CASE class WHEN 0 THEN 0 WHEN 1 THEN 1 ELSE 2 END AS class FROM entries`;

/**
 * Opens a damaged file to take what can be read. Nothing is written into it;
 * afterwards it is renamed, and kept for whoever wants to look.
 *
 * @throws The driver's error when not even its own project can be read.
 */
export function openSalvage(path: string, parts: OrphanParts, lock: OwnerLock): OrphanAnswer {
  const driver = parts.driver(path);
  try {
    driver.exec("PRAGMA busy_timeout = 0");
    if (isForeign(readFingerprint(driver), parts.fingerprint)) {
      closeQuietly(driver);
      return { kind: "kept", reason: FOREIGN };
    }
    return { kind: "orphan", orphan: damagedOrphan(path, parts, lock, driver) };
  } catch (error) {
    closeQuietly(driver);
    throw error;
  }
}

function damagedOrphan(
  path: string,
  { files }: OrphanParts,
  lock: OwnerLock,
  driver: SqliteDriver,
): Orphan {
  // Rows of another form are passed over here: some runtimes cannot even read them.
  const page = driver.prepare(
    `${SELECT} WHERE id > ? AND ${IS_ENTRY} ORDER BY id ${LIMITED}`,
  );
  const one = driver.prepare(`${SELECT} WHERE id = ? AND ${IS_ENTRY}`);
  const highest = highestId(driver);
  /** Beyond a damaged page ids are tried one by one: each finds its own way. */
  const singly = (afterId: number, count: number): SqlRow[] => {
    const found: SqlRow[] = [];
    for (let id = afterId + 1; id <= Math.min(highest, afterId + count); id++) {
      const row = orNothing(() => one.get(id));
      if (row !== undefined) found.push(row);
    }
    return found;
  };
  return {
    read(afterId, { maxCount }) {
      const whole = orNothing(() => page.all(afterId, maxCount));
      if (whole !== undefined) {
        const lastId = Number(whole.at(-1)?.["id"] ?? afterId);
        return { rows: whole.flatMap(readable), lastId, more: whole.length > 0 };
      }
      const lastId = afterId + maxCount;
      return { rows: singly(afterId, maxCount).flatMap(readable), lastId, more: lastId < highest };
    },
    remove() {},
    losses: () => ({}),
    close(empty) {
      closeQuietly(driver);
      if (empty) {
        for (const suffix of ["", "-wal", "-shm", "-journal"]) {
          files.rename(path + suffix, path + DONE_SUFFIX + suffix);
        }
      }
      lock.release();
    },
  };
}

function highestId(driver: SqliteDriver): number {
  const ask = (sql: string): number => Number(orNothing(() => scalar(driver, sql)) ?? 0);
  const highest = Math.max(
    ask(`SELECT min(seq, ${MAX_ROW_ID}) FROM sqlite_sequence WHERE name = 'entries'`),
    ask(`SELECT max(id) FROM entries WHERE id <= ${MAX_ROW_ID}`),
  );
  return highest > 0 ? highest : BLIND_IDS;
}

/** A row whose parts agree with each other; damage may leave others. */
function readable(row: SqlRow): readonly FullEntry[] {
  const { id, text, bytes, kind } = row;
  const isWhole = typeof text === "string" && typeof kind === "string" && kind !== "" &&
    new TextEncoder().encode(text).length === bytes && isJson(text);
  if (!isWhole) return [];
  return [{
    id: Number(id),
    text,
    bytes: Number(bytes),
    kind,
    class: classOf(Number(row["class"])),
  }];
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function orNothing<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch {
    return undefined;
  }
}
