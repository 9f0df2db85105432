import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { systemClock } from "../../src/base/clock.ts";
import { noopLogger } from "../../src/base/logger.ts";
import { loadFileOps } from "../../src/buffer/file_ops_node.ts";
import { loadSqlite } from "../../src/buffer/load_sqlite.ts";
import { openBuffer } from "../../src/buffer/open.ts";
import { openOrphan } from "../../src/buffer/orphan.ts";
import type { Orphan, OrphanParts } from "../../src/buffer/orphan.ts";
import { DAMAGED, DISK_ERROR, faultySqlite } from "../_support/buffer_faulty_sqlite.ts";
import type { FaultySqlite } from "../_support/buffer_faulty_sqlite.ts";
import { event, tempDir } from "../_support/buffer_files.ts";

const PAGE = { maxCount: 10, maxBytes: 1_000_000 };

let dir = "";
let path = "";
let sqlite: FaultySqlite;
let parts: OrphanParts;
let removeDir = (): void => {};

beforeEach(async () => {
  ({ dir, remove: removeDir } = tempDir());
  path = join(dir, "buffer-7.sqlite");
  sqlite = await faultySqlite();
  parts = {
    driver: sqlite.open,
    files: await loadFileOps(),
    clock: systemClock,
    fingerprint: "p",
    logger: noopLogger,
  };
});
afterEach(() => {
  assert.deepEqual(sqlite.left, [], "every connection is closed");
  removeDir();
});

/** Leaves a file with three events behind, and changes it. */
async function leave(at: string, sql = "PRAGMA optimize"): Promise<void> {
  const buffer = await openBuffer({ path: at, fingerprint: "p" });
  for (let n = 0; n < 3; n++) buffer.push(event(n));
  await buffer.close();
  const driver = (await loadSqlite())(at);
  driver.exec(sql);
  driver.close();
}

function opened(at = path): Orphan {
  const answer = openOrphan(at, parts);
  assert.ok(answer.kind === "orphan", JSON.stringify(answer));
  return answer.orphan;
}

async function textsOf(orphan: Orphan, afterId = 0): Promise<string[]> {
  return (await orphan.read(afterId, PAGE)).rows.map(({ text }) => text);
}

const names = (): string[] => readdirSync(dir).sort();
const texts = (...numbers: readonly number[]): string[] => numbers.map((n) => event(n).text);

describe("openOrphan()", () => {
  it("leaves a file that anybody has open", async () => {
    await leave(path);
    for (const statement of ["BEGIN IMMEDIATE", "PRAGMA user_version"]) {
      const other = (await loadSqlite())(path);
      other.prepare("PRAGMA journal_mode = WAL").get();
      other.exec(statement);
      assert.deepEqual(openOrphan(path, parts), { kind: "busy" }, statement);
      other.close();
    }
    const orphan = opened();
    assert.deepEqual(await textsOf(orphan), texts(0, 1, 2));
    await orphan.close(false);
    assert.deepEqual(names(), ["buffer-7.sqlite"]);
  });

  it("tells a failure of the disk, and frees the file", async () => {
    await leave(path);
    sqlite.faults.set(/journal_mode = DELETE/, DISK_ERROR);
    assert.throws(() => openOrphan(path, parts), DISK_ERROR);
    sqlite.faults.clear();
    await opened().close(true);
    assert.deepEqual(names(), []);
  });

  it("sets a file aside whose damage shows at the opening", async () => {
    await leave(path);
    sqlite.faults.set(/journal_mode = DELETE/, DAMAGED);
    assert.deepEqual(openOrphan(path, parts), { kind: "busy" });
    assert.match(names().join(), /^buffer-7\.sqlite\.corrupt-\d+$/);
  });

  it("sets a file aside whose damage shows at a row, and takes the others then", async () => {
    await leave(path, "UPDATE entries SET text = x'7b7d' WHERE id = 2");
    const orphan = opened();
    await assert.rejects(async () => await orphan.read(0, PAGE), /malformed/);
    await orphan.close(false);
    const [aside = ""] = names();
    assert.match(aside, /^buffer-7\.sqlite\.corrupt-\d+$/);
    const salvage = opened(join(dir, aside));
    assert.deepEqual(await textsOf(salvage), texts(0, 2));
    await salvage.close(true);
    assert.deepEqual(names(), [`${aside}.done`]);
  });

  it("keeps a file where a failure of the disk came between", async () => {
    await leave(path);
    const orphan = opened();
    sqlite.faults.set(/DELETE FROM entries/, DISK_ERROR);
    await assert.rejects(async () => await orphan.remove(1, 2), DISK_ERROR);
    sqlite.faults.clear();
    await orphan.close(false);
    assert.deepEqual(names(), ["buffer-7.sqlite"]);
    const again = opened();
    assert.deepEqual(await textsOf(again), texts(0, 1, 2));
    await again.close(true);
    assert.deepEqual(names(), []);
  });
});

describe("openOrphan() of a damaged file", () => {
  const corrupt = (): string => `${path}.corrupt-9`;

  it("keeps another project's", async () => {
    await leave(corrupt(), "UPDATE identity SET fingerprint = 'other'");
    const answer = openOrphan(corrupt(), parts);
    assert.equal(answer.kind === "kept" && answer.reason.includes("another project"), true);
    assert.deepEqual(names(), ["buffer-7.sqlite.corrupt-9"]);
  });

  it("takes no row whose parts do not agree with each other", async () => {
    const change = (n: number, text: string): string =>
      `UPDATE entries SET text = '${text}', bytes = ${text.length} WHERE id = ${n};`;
    await leave(corrupt(), change(1, '{"n":') + "UPDATE entries SET bytes = 99 WHERE id = 2;");
    const orphan = opened(corrupt());
    assert.deepEqual(await textsOf(orphan), texts(2));
    assert.deepEqual(orphan.losses(), {});
    await orphan.close(false);
    assert.deepEqual(names(), ["buffer-7.sqlite.corrupt-9"]);
  });

  it("looks at 100 000 ids one by one when the file tells neither pages nor how far they go", async () => {
    await leave(corrupt());
    sqlite.faults.set(/sqlite_sequence|max\(id\)/, DAMAGED);
    const orphan = opened(corrupt());
    sqlite.faults.set(/id > \?/, DAMAGED);
    const first = await orphan.read(0, PAGE);
    assert.deepEqual([first.rows.length, first.lastId, first.more], [3, 10, true]);
    const end = await orphan.read(99_990, PAGE);
    assert.deepEqual([end.rows.length, end.lastId, end.more], [0, 100_000, false]);
    // One id that cannot be read costs itself alone.
    sqlite.faults.set(/id = \?/, DAMAGED);
    assert.deepEqual((await orphan.read(0, PAGE)).rows, []);
    sqlite.faults.clear();
    await orphan.remove(1, 3);
    assert.equal((await orphan.read(0, PAGE)).rows.length, 3, "nothing is written into it");
    await orphan.close(true);
    assert.deepEqual(names(), ["buffer-7.sqlite.corrupt-9.done"]);
  });

  it("keeps a file of which not even the project can be read", async () => {
    await leave(corrupt());
    sqlite.faults.set(/FROM identity/, DAMAGED);
    const reason = "nothing in it can be read";
    assert.deepEqual(openOrphan(corrupt(), parts), { kind: "kept", reason });
    assert.deepEqual(names(), ["buffer-7.sqlite.corrupt-9"]);
  });
});
