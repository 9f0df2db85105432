import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Z4jError } from "../../src/base/errors.ts";
import { loadFileOps } from "../../src/buffer/file_ops_node.ts";
import { loadSqlite } from "../../src/buffer/load_sqlite.ts";
import { openBuffer } from "../../src/buffer/open.ts";
import type { EventStore } from "../../src/buffer/port.ts";
import { openSqliteStore } from "../../src/buffer/sqlite.ts";
import type { SqliteDriver } from "../../src/buffer/sqlite_driver.ts";
import { event, tempDir, until } from "../_support/buffer_files.ts";
import { createFakeClock } from "../_support/fake_clock.ts";

const ALL = { maxCount: 1_000_000, maxBytes: 1_000_000_000 };

interface Opened {
  readonly store: EventStore;
  /** The connections that the store opened, the newest last. */
  readonly drivers: SqliteDriver[];
  /** What the next statement of this text throws. */
  readonly fail: Map<string, Error>;
  /** Every statement without parameters, in order. */
  readonly log: string[];
}

async function withStore(work: (opened: Opened) => Promise<void>, maxEvents = 100): Promise<void> {
  const { dir, remove } = tempDir();
  const [open, files] = [await loadSqlite(), await loadFileOps()];
  const [drivers, fail, log] = [[] as SqliteDriver[], new Map<string, Error>(), [] as string[]];
  const driver = (path: string): SqliteDriver => {
    const real = open(path);
    drivers.push(real);
    return {
      ...real,
      exec(sql) {
        log.push(sql);
        const error = fail.get(sql);
        if (error !== undefined) throw error;
        real.exec(sql);
      },
    };
  };
  const path = join(dir, "buffer.sqlite");
  const store = openSqliteStore({ driver, path, files, limits: { maxEvents } });
  try {
    await work({ store, drivers, fail, log });
    await store.close();
  } finally {
    remove();
  }
}

function pragma(driver: SqliteDriver | undefined, name: string): unknown {
  return Object.values(driver?.prepare(`PRAGMA ${name}`).get() ?? {})[0];
}

describe("openSqliteStore()", () => {
  it("openSqliteStore() waits for locks first and syncs every commit", () =>
    withStore(async ({ store, drivers, log }) => {
      assert.match(log[0] ?? "", /^PRAGMA busy_timeout = \d+$/);
      const isSafe = (): void => {
        assert.equal(pragma(drivers[0], "journal_mode"), "wal");
        assert.equal(pragma(drivers[0], "synchronous"), 2);
        assert.ok(Number(pragma(drivers[0], "busy_timeout")) > 0);
      };
      isSafe();
      await store.append([event(0)]);
      await store.removeRange(0, 10);
      isSafe();
    }));

  it("append() is one transaction, whatever the group holds", () =>
    withStore(async ({ store, log }) => {
      log.length = 0;
      const group = Array.from({ length: 75 }, (_, n) => event(n));
      await store.append([...group, ...group], new Map([["k", "v"]]));
      assert.deepEqual(log, ["BEGIN IMMEDIATE", "COMMIT"]);
      assert.deepEqual(store.losses(), { "task.started": 50 });
    }));

  it("removeRange() asks for no sync of its own", () =>
    withStore(async ({ store, log }) => {
      await store.append([event(0)]);
      log.length = 0;
      await store.removeRange(0, 10);
      assert.deepEqual(log, [
        "PRAGMA synchronous = NORMAL",
        "PRAGMA wal_autocheckpoint = 0",
        "BEGIN IMMEDIATE",
        "COMMIT",
        "PRAGMA wal_autocheckpoint = 1000",
        "PRAGMA synchronous = FULL",
      ]);
    }));

  it("append() leaves counters and rows alone when the commit fails", () =>
    withStore(async ({ store, fail }) => {
      await store.append(Array.from({ length: 100 }, (_, n) => event(n)));
      const [depth, rows] = [store.depth(), await store.read(0, ALL)];
      fail.set("COMMIT", new Error("database or disk is full"));
      await assert.rejects(async () => await store.append([event(100)]), {
        code: "Z4J_BUFFER_WRITE",
      });
      assert.deepEqual(store.depth(), depth);
      assert.deepEqual(store.losses(), {});
      assert.deepEqual(await store.read(0, ALL), rows);
      fail.clear();
      await store.append([event(100)]);
      assert.deepEqual(store.losses(), { "task.started": 1 });
      assert.equal((await store.read(0, ALL)).at(-1)?.text, event(100).text);
    }));

  it("append() goes on with a new connection after an I/O error, a full disk keeps the old", () =>
    withStore(async ({ store, drivers, fail }) => {
      await store.append([event(0)]);
      fail.set("COMMIT", new Error("database or disk is full"));
      await assert.rejects(async () => await store.append([event(1)]));
      fail.clear();
      await store.append([event(1)]);
      assert.equal(drivers.length, 1);
      fail.set("COMMIT", new Error("disk I/O error"));
      await assert.rejects(async () => await store.append([event(2)]));
      fail.clear();
      await store.append([event(2)]);
      assert.equal(drivers.length, 2);
      const rows = await store.read(0, ALL);
      assert.deepEqual(rows.map(({ text }) => text), [0, 1, 2].map((n) => event(n).text));
    }));
});

describe("openBuffer() on a full disk", () => {
  it("push() keeps what SQLite has no room for and writes it when there is room", async () => {
    const { dir, remove } = tempDir();
    const open = await loadSqlite();
    const drivers: SqliteDriver[] = [];
    const sqlite = () =>
      Promise.resolve((path: string) => {
        const driver = open(path);
        drivers.push(driver);
        return driver;
      });
    const buffer = await openBuffer({ path: join(dir, "buffer.sqlite"), sqlite, random: () => 0 });
    // SQLite itself then answers as on a full disk.
    drivers[0]?.exec("PRAGMA max_page_count = 20");
    for (let n = 0; n < 5_000; n++) buffer.push(event(n));
    await until(() => buffer.troubled);
    assert.equal(buffer.depth().count, 5_000);
    drivers[0]?.exec("PRAGMA max_page_count = 100000");
    await until(() => !buffer.troubled);
    await buffer.settled();
    const rows = await buffer.read(0, ALL);
    assert.deepEqual(rows.map(({ text }) => text), rows.map((_, n) => event(n).text));
    assert.equal(rows.length, 5_000);
    assert.deepEqual(buffer.losses().storage, {});
    assert.equal(drivers.length, 1);
    await buffer.close();
    remove();
  });
});

describe("openBuffer() options", () => {
  it("openBuffer() falls back to memory when SQLite is missing", async () => {
    const heard: string[] = [];
    const logger = {
      debug() {},
      info() {},
      warn: (_: unknown, m: string) => void heard.push(m),
      error() {},
    };
    const sqlite = () => Promise.reject(new Error("no SQLite here"));
    const buffer = await openBuffer({ path: "/nowhere/buffer.sqlite", sqlite, logger });
    assert.equal(buffer.capabilities.durable, false);
    assert.equal(heard.length, 1);
    await buffer.close();
  });

  it("openBuffer() without a path, and without SQLite, uses memory and asks no more", async () => {
    const clock = createFakeClock();
    const unsupported = new Z4jError("Z4J_RUNTIME_UNSUPPORTED", "no SQLite here");
    const sqlite = () => Promise.reject(unsupported);
    for (
      const options of [
        { path: null, store: "sqlite" },
        { path: "/nowhere/buffer.sqlite", sqlite },
        { path: "/nowhere/buffer.sqlite", store: "memory" },
      ] as const
    ) {
      const buffer = await openBuffer({ ...options, clock });
      assert.deepEqual(buffer.capabilities, { kind: "memory", durable: false, path: null });
      assert.equal(clock.timerCount, 0);
      await buffer.close();
    }
    // Who chose Deno KV is told that it is not there.
    const chosen = { path: "/nowhere/buffer.sqlite", store: "deno-kv", neighbours: true } as const;
    await assert.rejects(openBuffer({ ...chosen, sqlite }), unsupported);
  });

  it("openBuffer() writes before push() returns when durability is sync", async () => {
    const buffer = await openBuffer({ path: null, durability: "sync", random: () => 0 });
    assert.equal(buffer.windowMs, 0);
    buffer.push(event(0));
    assert.equal((await buffer.read(0, ALL)).length, 1);
    await buffer.close();
  });

  it("openBuffer() among neighbours gives the name back when the file cannot be opened", async () => {
    const { dir, remove } = tempDir();
    try {
      const path = join(dir, "buffer-1.sqlite");
      const other = (await loadSqlite())(path);
      other.exec("CREATE TABLE theirs (a)");
      other.close();
      const buffer = await openBuffer({ path, neighbours: true });
      assert.equal(buffer.capabilities.durable, false);
      assert.deepEqual(readdirSync(dir), ["buffer-1.sqlite"]);
      await buffer.close();
    } finally {
      remove();
    }
  });

  it("openBuffer() refuses bounds that are no whole numbers from 1", async () => {
    for (const limits of [{ maxEvents: 0 }, { maxBytes: 1.5 }, { maxEvents: NaN }]) {
      await assert.rejects(openBuffer({ path: null, limits }), RangeError);
      await assert.rejects(openBuffer({ path: "/nowhere/x.sqlite", limits }), RangeError);
    }
  });
});
