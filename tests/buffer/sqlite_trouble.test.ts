import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { FileOps } from "../../src/buffer/file_ops.ts";
import { loadFileOps } from "../../src/buffer/file_ops_node.ts";
import type { EventStore } from "../../src/buffer/port.ts";
import { openSqliteStore } from "../../src/buffer/sqlite.ts";
import { DAMAGED, DISK_ERROR, faultySqlite } from "../_support/buffer_faulty_sqlite.ts";
import type { FaultySqlite } from "../_support/buffer_faulty_sqlite.ts";
import { event, tempDir } from "../_support/buffer_files.ts";

const ALL = { maxCount: 1_000_000, maxBytes: 1_000_000_000 };

let dir = "";
let path = "";
let sqlite: FaultySqlite;
let realFiles: FileOps;
let removeDir = (): void => {};

beforeEach(async () => {
  ({ dir, remove: removeDir } = tempDir());
  path = join(dir, "buffer.sqlite");
  [sqlite, realFiles] = [await faultySqlite(), await loadFileOps()];
});
afterEach(() => {
  assert.deepEqual(sqlite.left, [], "every connection is closed");
  removeDir();
});

function opened(files: Partial<FileOps> = {}): EventStore {
  return openSqliteStore({ driver: sqlite.open, path, files: { ...realFiles, ...files } });
}

const names = (): string[] => readdirSync(dir).sort();

describe("openSqliteStore() of a damaged file", () => {
  it("says so when the file stays in the way, or the fresh one cannot be opened", () => {
    writeFileSync(path, "no database ".repeat(1_000));
    const rename = (): void => {
      throw new Error("operation not permitted");
    };
    const failure = { code: "Z4J_BUFFER_OPEN" };
    assert.throws(() => opened({ rename }), { ...failure, message: /not permitted/ });
    assert.deepEqual(names(), ["buffer.sqlite"]);
    sqlite.faults.set(/ open$/, DAMAGED);
    assert.throws(() => opened(), { ...failure, message: /malformed/ });
    assert.match(names().join(), /^buffer\.sqlite,buffer\.sqlite\.corrupt-\d+$/);
  });

  it("without a file system leaves it where it is", () => {
    writeFileSync(path, "no database ".repeat(1_000));
    assert.throws(() => openSqliteStore({ driver: sqlite.open, path }), {
      code: "Z4J_BUFFER_OPEN",
    });
    assert.deepEqual(names(), ["buffer.sqlite"]);
  });

  it("begins anew when the damage shows in the log that it empties", async () => {
    const before = opened();
    await before.append([event(0)]);
    await before.close();
    const damageOnce = { get: 0 };
    const store = openSqliteStore({
      driver: (name) => {
        const driver = sqlite.open(name);
        return {
          ...driver,
          prepare(sql) {
            if (sql.includes("wal_checkpoint") && damageOnce.get++ === 0) throw DAMAGED;
            return driver.prepare(sql);
          },
        };
      },
      path,
      files: realFiles,
    });
    assert.equal(store.depth().count, 0);
    assert.ok(names().some((name) => name.includes(".corrupt-")));
    await store.close();
  });
});

describe("openSqliteStore() at its end", () => {
  it("fails with Z4J_BUFFER_CLOSED for whoever uses it after the close", async () => {
    const store = opened();
    await store.close();
    await store.close();
    for (
      const use of [
        () => store.append([event(0)]),
        () => store.read(0, ALL),
        () => store.removeRange(0, 1),
        () => store.getMeta("k"),
        () => store.setMeta("k", "v"),
      ]
    ) {
      assert.throws(() => void use(), { code: "Z4J_BUFFER_CLOSED" });
    }
  });

  it("close() keeps a file that it cannot look into, and ends whatever fails", async () => {
    const store = opened();
    sqlite.faults.set(/count\(\*\)|wal_checkpoint| close$/, DISK_ERROR);
    await store.close();
    assert.ok(existsSync(path));
  });
});

describe("openSqliteStore() when its file has vanished", () => {
  it("append() begins anew when the old rows cannot be read any more", async () => {
    const store = opened();
    await store.append([event(0)]);
    const id = store.storeId;
    rmSync(dir, { recursive: true });
    await assert.rejects(async () => await store.append([event(1)]), { code: "Z4J_BUFFER_OPEN" });
    mkdirSync(dir);
    sqlite.faults.set(/sqlite SELECT [^]* AS is_entry/, DISK_ERROR);
    await store.append([event(1)]);
    sqlite.faults.clear();
    const rows = await store.read(0, ALL);
    assert.deepEqual(rows.map(({ text }) => text), [event(1).text]);
    assert.ok((rows[0]?.id ?? 0) > 1, "ids rise all the same");
    assert.notEqual(store.storeId, id);
    await store.close();
  });
});
