import { deepStrictEqual as deepEqual, ok, strictEqual as equal } from "node:assert/strict";
import { systemClock } from "../../../src/base/clock.ts";
import { noopLogger } from "../../../src/base/logger.ts";
import type { FileOps } from "../../../src/buffer/file_ops.ts";
import { loadSqlite } from "../../../src/buffer/load_sqlite.ts";
import type { EventStore, NewEntry, StoredEntry } from "../../../src/buffer/port.ts";
import { openSalvage } from "../../../src/buffer/salvage.ts";
import { openSqliteStore } from "../../../src/buffer/sqlite.ts";
import type {
  OpenSqlite,
  SqliteDriver,
  SqliteStatement,
} from "../../../src/buffer/sqlite_driver.ts";
import type { Random } from "../random.ts";
import type { FuzzBed, FuzzTarget } from "../target.ts";

/** What is done to a good file, and the ids of the rows that it touches. */
interface RowsCase {
  readonly sql: readonly string[];
  readonly touched: readonly number[];
}

const ROWS = 8;
const PAGE = { maxCount: 3, maxBytes: 1_000_000 };
const TABLES = ["entries", "losses", "meta", "identity", "sqlite_sequence"];
const VALUES = ["NULL", "0", "-1", "1", "1.5", "-0.0", "'x'", "''", "x''", "x'00ff'", "x'7b7d'"]
  .concat("9007199254740993", "9223372036854775807", "-9223372036854775808", "1e400", "'9'")
  .concat("'{\"a\":1}'", "'{'", "'1],\"x\":[2'", "zeroblob(70000)", "cast(x'fffe' AS TEXT)")
  .concat("'\u0000'", "char(0)", "char(55296)", "'task.started'", "'__proto__'", "2", "3", "1e3");
const COLUMNS = ["id", "class", "bytes", "kind", "text"];

/** A buffer file whose rows somebody has changed. */
export const sqliteRowsTarget: FuzzTarget = {
  name: "sqlite_rows",
  perBed: 200,
  make: (random) => JSON.stringify(makeCase(random)),
  open: () => RowsBed.open(),
};

function makeCase(random: Random): RowsCase {
  const sql: string[] = [];
  const touched: number[] = [];
  for (let n = random.below(3); n >= 0; n--) {
    const shape = random.below(10);
    if (shape < 6) {
      const id = 1 + random.below(ROWS);
      touched.push(id);
      const column = random.pick(COLUMNS);
      sql.push(`UPDATE OR IGNORE entries SET ${column} = ${random.pick(VALUES)} WHERE id = ${id}`);
    } else if (shape === 6) {
      const values = COLUMNS.map(() => random.pick(VALUES)).join(", ");
      sql.push(`INSERT OR IGNORE INTO entries (${COLUMNS.join(", ")}) VALUES (${values})`);
    } else sql.push(besideSql(random));
  }
  return { sql, touched };
}

function besideSql(random: Random): string {
  const value = random.pick(VALUES);
  return random.pick([
    `UPDATE OR IGNORE sqlite_sequence SET seq = ${value}`,
    "DELETE FROM sqlite_sequence",
    `INSERT OR IGNORE INTO meta (key, value) VALUES ('k', ${value})`,
    `INSERT OR REPLACE INTO losses (kind, count) VALUES ('task.started', ${
      random.pick(["0", "-5", "1.5", "'x'", "9223372036854775807", "x'00'"])
    })`,
    `UPDATE OR IGNORE identity SET store_id = ${value}`,
    `UPDATE OR IGNORE identity SET fingerprint = ${value}`,
    "DELETE FROM identity",
    "INSERT INTO identity (store_id) VALUES ('second')",
  ]);
}

/** A database in memory that keeps its statements: preparing is most of what a case costs. */
class Memory {
  readonly driver: SqliteDriver;
  readonly #statements = new Map<string, SqliteStatement>();

  constructor(load: OpenSqlite) {
    this.driver = load(":memory:");
  }

  /** The driver of somebody who opens the file and closes it again. */
  opened(): SqliteDriver {
    return {
      exec: (sql) => this.driver.exec(sql),
      prepare: (sql) => {
        const known = this.#statements.get(sql);
        if (known !== undefined) return known;
        const statement = this.driver.prepare(sql);
        this.#statements.set(sql, statement);
        return statement;
      },
      close() {},
    };
  }
}

/** A file system of one file: renaming it lets the next open begin anew. */
class OneFile {
  readonly #first: Memory;
  readonly #second: Memory;
  /** The file that was put aside, if any. */
  aside: SqliteDriver | undefined;

  constructor(load: OpenSqlite) {
    this.#first = new Memory(load);
    this.#second = new Memory(load);
  }

  readonly open: OpenSqlite = () =>
    (this.aside === undefined ? this.#first : this.#second).opened();

  readonly files: FileOps = {
    ensurePrivate: () => "existing",
    sharesMemory: () => true,
    exists: () => true,
    restrict() {},
    rename: (from) => {
      if (!from.includes("-")) this.aside = this.#first.opened();
    },
    remove() {},
    list: () => [],
    identity: () => "1",
    modifiedAt: () => 0,
    touch() {},
  };

  exec(sql: string): void {
    this.#first.driver.exec(sql);
  }

  /** Remembers what is in the file now. */
  keep(): void {
    const copies = TABLES.map((name) => `CREATE TEMP TABLE kept_${name} AS SELECT * FROM ${name};`);
    this.exec(copies.join(""));
  }

  /** Puts that back, and lets what came after a file that was put aside be empty. */
  restore(): void {
    const copies = TABLES.map((name) =>
      `DELETE FROM ${name}; INSERT INTO ${name} SELECT * FROM kept_${name};`
    );
    this.exec(`BEGIN; ${copies.join("")} COMMIT;`);
    if (this.aside === undefined) return;
    this.aside = undefined;
    const rest = TABLES.filter((name) => name !== "identity");
    this.#second.driver.exec(rest.map((name) => `DELETE FROM ${name};`).join(""));
  }

  close(): void {
    this.#first.driver.close();
    this.#second.driver.close();
  }
}

class RowsBed implements FuzzBed {
  readonly #load: OpenSqlite;
  #file: OneFile | undefined;

  private constructor(load: OpenSqlite) {
    this.#load = load;
  }

  static async open(): Promise<RowsBed> {
    return new RowsBed(await loadSqlite());
  }

  async check(text: string): Promise<string> {
    const { sql, touched } = JSON.parse(text) as RowsCase;
    const file = await this.#filled();
    // A value that the schema refuses stays out of a file as well.
    const taken = sql.filter((one) => isTaken(file, one));
    const again = this.#store(file);
    await this.#use(again, file, touched);
    const outcome = taken.length === 0 ? "refused by the schema" : "opened";
    return file.aside === undefined ? outcome : `${outcome}, put aside`;
  }

  finish(): Promise<void> {
    this.#file?.close();
    this.#file = undefined;
    return Promise.resolve();
  }

  /** A file with the rows. */
  async #filled(): Promise<OneFile> {
    if (this.#file !== undefined) {
      this.#file.restore();
      return this.#file;
    }
    const file = new OneFile(this.#load);
    this.#file = file;
    const store = this.#store(file);
    await store.append(Array.from({ length: ROWS }, (_, n) => entry(n + 1)));
    await store.close();
    file.keep();
    return file;
  }

  #store(file: OneFile): EventStore {
    return openSqliteStore({ driver: file.open, path: "buffer.db", files: file.files });
  }

  async #use(store: EventStore, file: OneFile, touched: readonly number[]): Promise<void> {
    const found = await drain(store);
    requireHonest(found, store);
    const kept = new Set(found.map((row) => `${row.id}:${row.text}`));
    if (file.aside !== undefined) { for (const row of await salvaged(file.aside)) kept.add(row); }
    for (let id = 1; id <= ROWS; id++) {
      ok(touched.includes(id) || kept.has(`${id}:${entry(id).text}`), `row ${id} is gone`);
    }
    equal(typeof (await store.getMeta("k") ?? ""), "string");
    await store.setMeta("k", "v");
    equal(await store.getMeta("k"), "v");
    const last = found.at(-1)?.id ?? 0;
    await store.append([entry(100)]);
    const [fresh, ...more] = await store.read(last, PAGE);
    deepEqual([fresh?.text, more.length], [entry(100).text, 0], "a new row comes after the others");
    await store.removeRange(0, fresh?.id ?? 0);
    deepEqual({ ...store.depth() }, { count: 0, bytes: 0 }, "everything was removed");
    await store.close();
  }
}

function entry(n: number): NewEntry {
  const text = `{"n":${n},"pad":"${"é".repeat(n)}"}`;
  const bytes = new TextEncoder().encode(text).length;
  return { text, bytes, kind: "task.started", class: n % 2 === 0 ? "progress" : "terminal" };
}

function isTaken(file: OneFile, sql: string): boolean {
  try {
    file.exec(sql);
    return true;
  } catch {
    return false;
  }
}

async function drain(store: EventStore): Promise<readonly StoredEntry[]> {
  const found: StoredEntry[] = [];
  for (let afterId = 0;;) {
    const page = await store.read(afterId, PAGE);
    if (page.length === 0) return found;
    found.push(...page);
    const lastId = page.at(-1)?.id ?? 0;
    ok(lastId > afterId, `ids rise from ${afterId}, not to ${lastId}`);
    ok(found.length < 100, "reading never ends");
    afterId = lastId;
  }
}

/** What is read is what the types promise, and as much as the depth says. */
function requireHonest(found: readonly StoredEntry[], store: EventStore): void {
  for (const { id, text, bytes, kind } of found) {
    ok(Number.isSafeInteger(id) && id > 0, `the id ${id}`);
    ok(Number.isSafeInteger(bytes) && bytes >= 0, `the size ${bytes}`);
    ok(typeof text === "string" && typeof kind === "string", `a text is a ${typeof text}`);
  }
  const bytes = found.reduce((sum, row) => sum + row.bytes, 0);
  deepEqual({ ...store.depth() }, { count: found.length, bytes });
  for (const count of Object.values(store.losses())) {
    ok(Number.isSafeInteger(count) && count >= 0, `lost ${count}`);
  }
  equal(typeof store.storeId, "string");
}

/** What the recovery of a damaged file finds in it. */
async function salvaged(aside: SqliteDriver): Promise<readonly string[]> {
  const driver: OpenSqlite = () => ({ ...aside, close() {} });
  const parts = { driver, files: new OneFile(driver).files, clock: systemClock };
  const lock = { renew() {}, release() {} };
  const answer = openSalvage("x", { ...parts, logger: noopLogger, fingerprint: null }, lock);
  if (answer.kind !== "orphan") return [];
  const found: string[] = [];
  for (let afterId = 0, more = true; more;) {
    const page = await answer.orphan.read(afterId, PAGE);
    found.push(...page.rows.map((row) => `${row.id}:${row.text}`));
    ({ lastId: afterId, more } = page);
  }
  return found;
}
