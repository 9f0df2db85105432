import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { loadSqlite } from "../../src/buffer/load_sqlite.ts";
import { openBuffer } from "../../src/buffer/open.ts";
import type { SqliteDriver } from "../../src/buffer/sqlite_driver.ts";
import { event, until } from "../_support/buffer_files.ts";
import { BufferHome, textsOf } from "../_support/buffer_home.ts";

const home = new BufferHome();

beforeEach(() => home.renew());
afterEach(() => home.remove());

async function leaveBehind(count: number, at = home.path): Promise<void> {
  const buffer = await home.open("p", at);
  for (let n = 0; n < count; n++) {
    buffer.push({ ...event(n), class: n % 2 ? "terminal" : "progress" });
  }
  await buffer.close();
}

/** Overwrites a part of a file, given as shares of its size. */
function damage(file: string, from: number, to: number): Uint8Array {
  const bytes = readFileSync(file);
  bytes.fill(0xff, Math.floor(bytes.length * from), Math.floor(bytes.length * to));
  writeFileSync(file, bytes);
  return bytes;
}

/** The names that are in the directory once nothing is left to do. */
function names(pattern: RegExp): string[] {
  return readdirSync(home.dir).filter((name) => pattern.test(name));
}

/** A file as version 1 wrote it, spelled out. */
async function writeVersion1(file: string): Promise<SqliteDriver> {
  const driver = (await loadSqlite())(file);
  driver.prepare("PRAGMA journal_mode = WAL").get();
  driver.exec(`CREATE TABLE entries (id INTEGER PRIMARY KEY AUTOINCREMENT, class INTEGER NOT NULL,
    bytes INTEGER NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL)`);
  driver.exec("CREATE TABLE losses (kind TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID");
  driver.exec("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID");
  driver.exec("CREATE TABLE identity (store_id TEXT NOT NULL)");
  driver.exec("INSERT INTO identity VALUES ('7d9f0c1e-3b1a-4a51-9c58-0123456789ab')");
  driver.exec(`INSERT INTO entries (class, bytes, kind, text) VALUES
    (0, 7, 'task.started', '{"n":0}'), (1, 7, 'task.failed', '{"n":1}')`);
  driver.exec("INSERT INTO losses VALUES ('task.sent', 3)");
  driver.exec("INSERT INTO meta VALUES ('k', 'v')");
  driver.exec("PRAGMA application_id = 2050255458");
  driver.exec("PRAGMA user_version = 1");
  return driver;
}

describe("openBuffer() with an old file", () => {
  it("openBuffer() migrates a file of version 1 with everything in it", async () => {
    (await writeVersion1(home.path)).close();
    const buffer = await home.open();
    assert.equal(buffer.capabilities.path, home.path);
    assert.deepEqual(await textsOf(buffer), [0, 1].map((n) => event(n).text));
    assert.equal(buffer.storeId, "7d9f0c1e-3b1a-4a51-9c58-0123456789ab");
    assert.deepEqual(buffer.storedLosses(), { "task.sent": 3 });
    assert.equal(await buffer.getMeta("k"), "v");
    await buffer.close();
    const driver = (await loadSqlite())(home.path);
    assert.equal(driver.prepare("PRAGMA user_version").get()?.["user_version"], 2);
    assert.equal(driver.prepare("SELECT fingerprint AS f FROM identity").get()?.["f"], "p");
    driver.close();
  });

  it("openBuffer() adopts a neighbour's file of version 1", async () => {
    const other = join(home.dir, "buffer-7.sqlite");
    (await writeVersion1(other)).close();
    const buffer = await home.open();
    await until(() => !existsSync(other));
    assert.deepEqual(await textsOf(buffer), [0, 1].map((n) => event(n).text));
    await buffer.close();
  });
});

describe("openBuffer() with a damaged file", () => {
  it("openBuffer() takes over what is readable, keeps the file and says its name", async () => {
    await leaveBehind(5_000);
    const damaged = damage(home.path, 0.4, 0.5);
    const buffer = await home.open();
    assert.equal(buffer.capabilities.path, home.path);
    await until(() => names(/\.done$/).length === 1, 10_000);
    const texts = await textsOf(buffer);
    // A tenth of the pages is gone; what they held cannot come back.
    assert.ok(texts.length >= 4_300 && texts.length < 5_000, `${texts.length} came back`);
    const written = new Set(Array.from({ length: 5_000 }, (_, n) => event(n).text));
    assert.ok(texts.every((text) => written.has(text)), "nothing may come that was never written");
    assert.equal(new Set(texts).size, texts.length);
    const [aside = ""] = names(/\.done$/);
    assert.match(aside, /^buffer-1\.sqlite\.corrupt-\d+\.done$/);
    assert.deepEqual(readFileSync(join(home.dir, aside)), damaged);
    const told = home.lines.filter((line) => line.includes(aside.replace(".done", "")));
    assert.ok(told.some((line) => /damaged/.test(line)), home.lines.join());
    await buffer.close();
    const again = await home.open();
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.equal(again.depth().count, texts.length);
    await again.close();
  });

  it("openBuffer() begins a fresh file when nothing in the old one is readable", async () => {
    writeFileSync(home.path, "no database ".repeat(2_000));
    const buffer = await home.open();
    assert.equal(buffer.capabilities.path, home.path);
    buffer.push(event(0));
    await buffer.settled();
    await until(() => home.lines.some((line) => line.includes("nothing in it can be read")));
    assert.deepEqual(await textsOf(buffer), [event(0).text]);
    assert.equal(names(/\.corrupt-\d+$/).length, 1);
    await buffer.close();
  });

  it("openBuffer() sets a neighbour's damaged file aside and takes what is readable", async () => {
    const other = join(home.dir, "buffer-7.sqlite");
    await leaveBehind(5_000, other);
    damage(other, 0.6, 0.7);
    const buffer = await openBuffer({
      path: home.path,
      fingerprint: "p",
      neighbours: true,
      logger: home.logger,
    });
    await until(() => names(/\.done$/).length === 1, 10_000);
    assert.ok(!existsSync(other));
    const texts = new Set(await textsOf(buffer));
    assert.ok(texts.size >= 4_300 && texts.size < 5_000, `${texts.size} came back`);
    await buffer.close();
  });
});
