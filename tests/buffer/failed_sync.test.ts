import assert from "node:assert/strict";
import { copyFileSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { loadFileOps } from "../../src/buffer/file_ops_node.ts";
import { loadSqlite } from "../../src/buffer/load_sqlite.ts";
import type { EventStore } from "../../src/buffer/port.ts";
import { openSqliteStore } from "../../src/buffer/sqlite.ts";
import type { SqliteDriver } from "../../src/buffer/sqlite_driver.ts";
import { event, tempDir } from "../_support/buffer_files.ts";

const EMPTY_LOG = "PRAGMA wal_checkpoint(TRUNCATE)";
const DISK_ERROR = new Error("disk I/O error");

interface Bench {
  readonly path: string;
  /** A store whose statements of these texts fail. */
  open(rewrite?: (sql: string) => string): EventStore;
  readonly fail: Set<string>;
}

/** A failed sync cannot be made here: what the library does after one can. */
async function bench(work: (bench: Bench) => Promise<void>): Promise<void> {
  const { dir, remove } = tempDir();
  const [openFile, files] = [await loadSqlite(), await loadFileOps()];
  const fail = new Set<string>();
  const path = join(dir, "buffer.sqlite");
  const watched = (rewrite: (sql: string) => string) => (name: string): SqliteDriver => {
    const driver = openFile(name);
    const checked = (sql: string): string => {
      if (fail.has(sql)) throw DISK_ERROR;
      return rewrite(sql);
    };
    return {
      exec: (sql) => driver.exec(checked(sql)),
      prepare: (sql) => driver.prepare(checked(sql)),
      close: () => driver.close(),
    };
  };
  const open = (rewrite = (sql: string) => sql): EventStore =>
    openSqliteStore({ driver: watched(rewrite), path, files });
  try {
    await work({ path, open, fail });
  } finally {
    remove();
  }
}

describe("openSqliteStore() after a failed sync", () => {
  it("append() trusts no log that it cannot empty", () =>
    bench(async ({ open, fail }) => {
      const store = open();
      await store.append([event(0)]);
      fail.add("COMMIT").add(EMPTY_LOG);
      assert.throws(() => store.append([event(1)]), { code: "Z4J_BUFFER_WRITE" });
      fail.delete("COMMIT");
      // What the kernel forgot may lie in the log, before all that comes now.
      assert.throws(() => store.append([event(1)]), { code: "Z4J_BUFFER_WRITE" });
      assert.throws(() => store.append([event(1)]), { code: "Z4J_BUFFER_WRITE" });
      fail.clear();
      await store.append([event(1)]);
      assert.equal(store.depth().count, 2);
      await store.close();
    }));

  it("openSqliteStore() empties the log that another process left", () =>
    bench(async ({ path, open }) => {
      const before = open();
      await before.append([event(0), event(1)]);
      assert.ok(statSync(`${path}-wal`).size > 0);
      for (const end of ["", "-wal"]) copyFileSync(path + end, `${path}.left${end}`);
      await before.close();
      for (const end of ["", "-wal"]) copyFileSync(`${path}.left${end}`, path + end);
      const store = open();
      assert.equal(statSync(`${path}-wal`).size, 0);
      assert.equal(store.depth().count, 2);
      await store.close();
    }));

  it("openSqliteStore() reads a log that it cannot empty, and writes once it can", () =>
    bench(async ({ path, open, fail }) => {
      const before = open();
      await before.append([event(0)]);
      for (const end of ["", "-wal"]) copyFileSync(path + end, `${path}.left${end}`);
      await before.close();
      for (const end of ["", "-wal"]) copyFileSync(`${path}.left${end}`, path + end);
      fail.add(EMPTY_LOG);
      const store = open();
      assert.equal(store.depth().count, 1);
      assert.throws(() => store.append([event(1)]), { code: "Z4J_BUFFER_WRITE" });
      fail.clear();
      await store.append([event(1)]);
      assert.equal(store.depth().count, 2);
      await store.close();
    }));

  it("removeRange() leaves checkpoints, whose failures nobody hears of, to what is synced", () =>
    bench(async ({ path, open }) => {
      const store = open((sql) =>
        sql.replace("wal_autocheckpoint = 1000", "wal_autocheckpoint = 1")
      );
      await store.append([event(0), event(1), event(2)]);
      const afterAppend = readFileSync(path);
      void store.removeRange(1, 1);
      assert.ok(readFileSync(path).equals(afterAppend), "a removal must not reach the file");
      await store.append([event(3)]);
      assert.ok(!readFileSync(path).equals(afterAppend), "an append does");
      await store.close();
    }));

  it("removeRange() bounds the log where nothing is appended", () =>
    bench(async ({ path, open }) => {
      const store = open((sql) =>
        sql.replace("wal_autocheckpoint = 1000", "wal_autocheckpoint = 1")
      );
      await store.append(Array.from({ length: 60 }, (_, n) => event(n)));
      const before = readFileSync(path);
      for (let id = 1; id <= 40; id++) void store.removeRange(id, id);
      assert.ok(!readFileSync(path).equals(before));
      await store.close();
    }));

  it("append() waits no longer than a write for a reader of a log that an earlier run left", () =>
    bench(async ({ path, open }) => {
      await open().append([event(0)]);
      const reader = (await loadSqlite())(path);
      reader.exec("BEGIN");
      reader.prepare("SELECT count(*) FROM entries").get();
      let busyMs = 0;
      const waits: number[] = [];
      const store = open((sql) => {
        busyMs = Number(/^PRAGMA busy_timeout = (\d+)$/.exec(sql)?.[1] ?? busyMs);
        if (sql === EMPTY_LOG) waits.push(busyMs);
        return sql;
      });
      assert.throws(() => store.append([event(1)]), { code: "Z4J_BUFFER_WRITE" });
      // SQLite waits on the host's event loop, again and again while the reader is there.
      assert.ok(waits.length > 1 && waits.every((ms) => ms <= 25), `waits ${waits.join()} ms`);
      reader.exec("ROLLBACK");
      reader.close();
      await store.append([event(1)]);
      assert.equal(store.depth().count, 2);
      await store.close();
    }));
});
