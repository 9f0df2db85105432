import { deepStrictEqual as deepEqual, rejects, strictEqual as equal } from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { noopLogger } from "../../src/base/logger.ts";
import { loadFileOps } from "../../src/buffer/file_ops_node.ts";
import { createGroupedBuffer } from "../../src/buffer/grouped.ts";
import { openKvStore } from "../../src/buffer/kv_store.ts";
import { loadSqlite } from "../../src/buffer/load_sqlite.ts";
import type { EventStore, NewEntry } from "../../src/buffer/port.ts";
import { openSqliteStore } from "../../src/buffer/sqlite.ts";
import { createKvDouble } from "../_support/buffer_kv_double.ts";
import { replay } from "../fuzz/target.ts";
import { sqliteRowsTarget } from "../fuzz/targets/sqlite_rows.ts";

const directory = mkdtempSync(join(tmpdir(), "z4j-rows-"));
after(() => rmSync(directory, { recursive: true }));

function entry(n: number): NewEntry {
  const text = `{"n":${n}}`;
  return { text, bytes: text.length, kind: "task.started", class: "progress" };
}

async function openFile(name: string): Promise<EventStore> {
  const [driver, files] = [await loadSqlite(), await loadFileOps()];
  return openSqliteStore({ driver, path: join(directory, name), files });
}

async function alteredFile(name: string, sql: string): Promise<EventStore> {
  const store = await openFile(name);
  await store.append([entry(1), entry(2)]);
  await store.close();
  const raw = (await loadSqlite())(join(directory, name));
  raw.exec(sql);
  raw.close();
  return await openFile(name);
}

const texts = async (store: EventStore): Promise<string[]> =>
  (await store.read(0, { maxCount: 10, maxBytes: 1_000 })).map(({ text }) => text);

describe("a buffer file whose rows somebody has changed", () => {
  const cases: Readonly<Record<string, string>> = {
    "a size that no number holds": "UPDATE entries SET bytes = 9223372036854775807 WHERE id = 1",
    "bytes for a text": "UPDATE entries SET text = x'7b7d' WHERE id = 1",
    "an id below all": "UPDATE entries SET id = -1 WHERE id = 1",
    "an id beyond all": "UPDATE entries SET id = 9223372036854775807 WHERE id = 1",
    "a sequence of another type": "UPDATE sqlite_sequence SET seq = 'x'",
    "a count below zero": "INSERT INTO losses (kind, count) VALUES ('task.started', -1)",
    "bytes for a small value": "INSERT INTO meta (key, value) VALUES ('k', x'00')",
    "two identities": "INSERT INTO identity (store_id) VALUES ('second')",
  };
  for (const [name, sql] of Object.entries(cases)) {
    it(`openSqliteStore() puts a file with ${name} aside and begins anew`, async () => {
      const file = `${name.replaceAll(" ", "-")}.db`;
      const store = await alteredFile(file, sql);
      deepEqual({ ...store.depth() }, { count: 0, bytes: 0 });
      await store.append([entry(3)]);
      deepEqual(await texts(store), ['{"n":3}']);
      await store.close();
      const aside = readdirSync(directory).filter((one) => one.startsWith(`${file}.corrupt-`));
      equal(aside.length > 0, true, "the damaged file is kept");
    });
  }

  it("append() goes on after the rows when the sequence of ids was lost", async () => {
    const store = await alteredFile("sequence.db", "DELETE FROM sqlite_sequence");
    await store.append([entry(3)]);
    deepEqual(await texts(store), ['{"n":1}', '{"n":2}', '{"n":3}']);
    await store.close();
  });

  it("openSalvage() ends, and finds every good row, beside an id beyond all numbers", async () => {
    const sql = [
      "INSERT INTO entries VALUES (9007199254740993, 0, 9223372036854775807, 'k', '{}')",
    ];
    equal(
      await replay(sqliteRowsTarget, JSON.stringify({ sql, touched: [] })),
      "opened, put aside",
    );
  });
});

describe("loadSqlite()", () => {
  it("reads an integer beyond 2^53 as the nearest number, and all other rows beside it", async () => {
    const driver = (await loadSqlite())(":memory:");
    const sql = "SELECT 1 AS n, 'a' AS t UNION ALL SELECT 9223372036854775807, NULL ORDER BY n";
    const statement = driver.prepare(sql);
    for (let round = 0; round < 2; round++) {
      const rows = statement.all().map((row) => ({ ...row }));
      deepEqual(rows, [{ n: 1, t: "a" }, { n: 2 ** 63, t: null }]);
    }
    const single = driver.prepare("SELECT ? + 9007199254740992 AS n WHERE ? = 'x'");
    deepEqual({ ...single.get(2, "x") }, { n: 2 ** 53 + 2 });
    equal(single.get(2, "y"), undefined);
    driver.close();
  });
});

describe("a buffer in Deno KV whose values somebody has changed", () => {
  const P = ["z4j", "buffer"];
  const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
  const altered = async (key: readonly unknown[], value: unknown) => {
    const kv = createKvDouble();
    const store = await openKvStore({ kv });
    await store.append([entry(1)]);
    await store.append([entry(2)]);
    kv.data.set(JSON.stringify(key), { value, versionstamp: "1".padStart(20, "0") });
    return kv;
  };

  it("openKvStore() keeps the other pages when one is no page", async () => {
    const pages = [
      "",
      "no json\n",
      "{}\n",
      "[1]\n",
      '[[1,0,"k",-5,0]]\n',
      '[["x",0,1,2,3]]\n{}',
      '[[1,0,"k",5,0]]\n{}',
    ]
      .map(encode);
    for (const value of [...pages, "text", 7, null]) {
      const store = await openKvStore({ kv: await altered([...P, "page", 1], value) });
      deepEqual(await texts(store), ['{"n":2}'], String(value));
      await store.append([entry(3)]);
      deepEqual(await texts(store), ['{"n":2}', '{"n":3}'], String(value));
    }
  });

  it("damaged() counts at most what a page held, once, and tells the log", async () => {
    const told: unknown[] = [];
    const logger = { ...noopLogger, warn: (facts: unknown) => void told.push(facts) };
    const kv = createKvDouble();
    const first = await openKvStore({ kv, logger });
    await first.append([entry(1), entry(2), entry(3)]);
    await first.append([entry(4)]);
    deepEqual([first.damaged?.(), told], [{}, []]);
    kv.data.set(JSON.stringify([...P, "page", 1]), { value: encode("x"), versionstamp: "1" });
    const store = await openKvStore({ kv, logger });
    deepEqual(store.damaged?.(), { unknown: 3 });
    deepEqual(told, [{ path: null, pages: 1, texts: 0, events: 3 }]);
    deepEqual((await openKvStore({ kv, logger })).damaged?.(), {}, "it was counted already");
  });

  it("damaged() counts a large text with a hole by its kind, once, and keeps its neighbours", async () => {
    const kv = createKvDouble();
    const large = { ...entry(2), text: "x".repeat(100_000), bytes: 100_000, kind: "task.failed" };
    await (await openKvStore({ kv })).append([entry(1), large, entry(3)]);
    kv.data.delete(JSON.stringify([...P, "part", 2, 1]));
    const store = await openKvStore({ kv });
    deepEqual(store.damaged?.(), { "task.failed": 1 });
    deepEqual(await texts(store), ['{"n":1}', '{"n":3}']);
    const again = await openKvStore({ kv });
    deepEqual([again.damaged?.(), await texts(again)], [{}, ['{"n":1}', '{"n":3}']]);
    equal([...kv.data.keys()].some((key) => key.includes('"part"')), false, "no part is left");
  });

  it("damaged() does not count what a write that never ended has left", async () => {
    const kv = createKvDouble();
    await (await openKvStore({ kv })).append([entry(1)]);
    kv.data.set(JSON.stringify([...P, "page", 2]), { value: encode("x"), versionstamp: "1" });
    kv.data.set(JSON.stringify([...P, "page", "odd"]), { value: encode("x"), versionstamp: "1" });
    deepEqual((await openKvStore({ kv })).damaged?.(), {});
  });

  it("losses() of a buffer counts what its store found damaged as lost to storage", async () => {
    const kv = await altered([...P, "page", 1], encode("x"));
    const buffer = createGroupedBuffer({ store: await openKvStore({ kv }) });
    deepEqual(buffer.losses().storage, { unknown: 1 });
    await buffer.close();
  });

  it("openKvStore() refuses a head of another form with Z4J_BUFFER_OPEN", async () => {
    const heads = ["x", 7, {}, { version: 1 }, { version: 1, storeId: 5, lastId: "x" }];
    for (const head of heads) {
      const kv = await altered([...P, "head"], head);
      await rejects(openKvStore({ kv }), { code: "Z4J_BUFFER_OPEN" }, JSON.stringify(head));
    }
  });
});
