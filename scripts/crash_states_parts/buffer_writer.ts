/**
 * A writer of the agent's buffer whose system calls are traced:
 *
 *     buffer_writer.ts FOLDER FULL|NORMAL strace|prefixes buffer|kv
 *
 * It works on a real store: old schema (SQLite), appends, removals, evictions
 * and checkpoints. After each step that returned it writes a mark, which says in
 * the trace what had been promised by then.
 */
import { loadDenoKv } from "../../src/buffer/deno_kv.ts";
import { openKvStore } from "../../src/buffer/kv_store.ts";
import { loadSqlite } from "../../src/buffer/load_sqlite.ts";
import type { EventStore, NewEntry } from "../../src/buffer/port.ts";
import { openSqliteStore } from "../../src/buffer/sqlite.ts";
import { inTransaction, type OpenSqlite } from "../../src/buffer/sqlite_driver.ts";
import { FILE_NAME, LIMITS, textFor } from "./buffer_promise.ts";
import { startWriter } from "./marks.ts";

const VERSION_1: readonly string[] = [
  "CREATE TABLE entries (id INTEGER PRIMARY KEY AUTOINCREMENT, class INTEGER NOT NULL, " +
  "bytes INTEGER NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL)",
  "CREATE TABLE losses (kind TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID",
  "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
  "CREATE TABLE identity (store_id TEXT NOT NULL)",
  "INSERT INTO identity VALUES ('7d9f0c1e-3b1a-4a51-9c58-0123456789ab')",
  "PRAGMA application_id = 2050255458",
  "PRAGMA user_version = 1",
];
const ROUNDS = 60;
const CHECKPOINT_PAGES = 40;
const EMPTIES = /wal_checkpoint/;

const { path, synchronous, subject, keepsLog, mark, end } = await startWriter(FILE_NAME);

/** The driver of the runtime with early checkpoints, weakened where the trace is to show losses. */
function weakened(open: OpenSqlite): OpenSqlite {
  const early = `wal_autocheckpoint = ${CHECKPOINT_PAGES}`;
  return (path) => {
    const driver = open(path);
    driver.exec(`PRAGMA ${early}`);
    const changed = (sql: string): string => {
      const sooner = sql.replace(/wal_autocheckpoint = [1-9]\d*/, early);
      return synchronous === "FULL"
        ? sooner
        : sooner.replace("synchronous = FULL", "synchronous = NORMAL");
    };
    return {
      ...driver,
      exec: (sql) => driver.exec(changed(sql)),
      // A log that is held is not emptied, and must not be taken for one that failed.
      prepare: (sql) => driver.prepare(keepsLog && EMPTIES.test(sql) ? "SELECT 0 AS busy" : sql),
    };
  };
}

function entry(n: number): NewEntry {
  const text = textFor(n);
  const bytes = new TextEncoder().encode(text).length;
  const cls = n % 3 === 0 ? "terminal" : "progress";
  return { text, bytes, kind: "task.started", class: cls };
}

/** A file as version 1 wrote it, with two events: opening migrates it. */
function writeVersion1(open: OpenSqlite): void {
  const driver = open(path);
  driver.prepare("PRAGMA journal_mode = WAL").get();
  driver.exec("PRAGMA synchronous = FULL");
  mark({ begun: [0, 1] });
  inTransaction(driver, () => {
    for (const sql of VERSION_1) driver.exec(sql);
    for (const { text, bytes, kind } of [entry(0), entry(1)]) {
      driver.prepare("INSERT INTO entries (class, bytes, kind, text) VALUES (0, ?, ?, ?)")
        .run(bytes, kind, text);
    }
  });
  mark({ stored: [0, 1] });
  driver.close();
}

const ALL = { maxCount: 100_000, maxBytes: 1_000_000_000 };

/** The store that is written to, with the events 0 and 1 in it. */
async function openStore(): Promise<EventStore> {
  if (subject === "kv") {
    const store = await openKvStore({ kv: await loadDenoKv(path), limits: LIMITS });
    mark({ begun: [0, 1] });
    await store.append([entry(0), entry(1)]);
    mark({ stored: [0, 1] });
    return store;
  }
  const driver = weakened(await loadSqlite());
  writeVersion1(driver);
  return openSqliteStore({ driver, path, limits: LIMITS, fingerprint: "crash states" });
}

async function main(): Promise<void> {
  const store = await openStore();
  const numbers = async (limits = ALL): Promise<number[]> =>
    (await store.read(0, limits)).map(({ text }) => (JSON.parse(text) as { readonly n: number }).n);
  for (let round = 0, n = 2; round < ROUNDS; round++) {
    const from = n;
    const entries = Array.from({ length: 1 + (round * 7) % 9 }, () => entry(n++));
    const before = await numbers();
    mark({ begun: [from, n - 1] });
    await store.append(entries);
    const after = new Set(await numbers());
    const known = [...before, ...entries.map((_, i) => from + i)];
    mark({ stored: [from, n - 1], evicted: known.filter((one) => !after.has(one)) });
    if (round % 5 !== 4) continue;
    const rows = await store.read(0, { maxCount: 6, maxBytes: 1_000_000 });
    mark({ removing: await numbers({ maxCount: 6, maxBytes: 1_000_000 }) });
    await store.removeRange(0, rows.at(-1)?.id ?? 0);
  }
  end();
  await store.close();
}

await main();
