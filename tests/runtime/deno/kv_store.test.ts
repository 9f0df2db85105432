// Needs `Deno.openKv`; run with --unstable-kv.
import assert from "node:assert/strict";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { describe, it } from "node:test";
import { noopLogger } from "../../../src/base/logger.ts";
import { loadDenoKv } from "../../../src/buffer/deno_kv.ts";
import { loadFileOps } from "../../../src/buffer/file_ops_node.ts";
import type { GroupedBuffer } from "../../../src/buffer/grouped.ts";
import { openKvOrphan } from "../../../src/buffer/kv_orphan.ts";
import { openKvStore } from "../../../src/buffer/kv_store.ts";
import { loadSqlite } from "../../../src/buffer/load_sqlite.ts";
import { openBuffer } from "../../../src/buffer/open.ts";
import type { OrphanParts } from "../../../src/buffer/orphan.ts";
import { takeOwnerLock } from "../../../src/buffer/owner_lock.ts";
import { testEventStore } from "../../../src/testing/buffer_contract.ts";
import { hurriedClock } from "../../_support/agent_rig.ts";
import { event, tempDir, until } from "../../_support/buffer_files.ts";
import { createFakeClock } from "../../_support/fake_clock.ts";
import { startNeighbour } from "../../_support/buffer_neighbours.ts";

testEventStore("deno-kv", async (limits) => {
  const { dir, remove } = tempDir();
  const open = async () => openKvStore({ kv: await loadDenoKv(join(dir, "buffer.kv")), limits });
  return { store: await open(), reopen: open, cleanup: remove };
}, { describe, it });

const ALL = { maxCount: 1_000_000, maxBytes: 1_000_000_000 };

async function inTempDir(run: (dir: string) => Promise<void>): Promise<void> {
  const { dir, remove } = tempDir();
  try {
    await run(dir);
  } finally {
    remove();
  }
}

function opened(path: string, fingerprint = "p"): Promise<GroupedBuffer> {
  return openBuffer({ path, store: "deno-kv", fingerprint, neighbours: true });
}

async function textsOf(buffer: GroupedBuffer): Promise<string[]> {
  return (await buffer.read(0, ALL)).map(({ text }) => text);
}

describe("openBuffer() with Deno KV", () => {
  it("makes its files for the owner alone", () =>
    inTempDir(async (dir) => {
      const buffer = await opened(join(dir, "buffer-1.sqlite"));
      buffer.push(event(1));
      await buffer.settled();
      for (const name of readdirSync(dir)) {
        assert.equal(statSync(join(dir, name)).mode & 0o077, 0, name);
      }
      await buffer.close();
    }));
});

describe("loadDenoKv()", () => {
  it("loadDenoKv() names the file it could not open", async () => {
    await assert.rejects(loadDenoKv("/nowhere/at/all.kv"), { code: "Z4J_BUFFER_OPEN" });
  });
});

describe("loadSqlite()", () => {
  it("loadSqlite() says what it needs where there is no SQLite", async () => {
    await assert.rejects(loadSqlite({ Bun: {} }), {
      code: "Z4J_RUNTIME_UNSUPPORTED",
      message: "Cannot load SQLite: this runtime has neither bun:sqlite nor node:sqlite, " +
        "expected Bun 1.4, Deno 2.9 or Node 22.5",
    });
  });
});

describe("openKvOrphan()", () => {
  it("openKvOrphan() leaves a file in use, takes none that is gone, and frees what it cannot read", () =>
    inTempDir(async (dir) => {
      const path = join(dir, "buffer-7.kv");
      const parts: OrphanParts = {
        driver: await loadSqlite(),
        files: await loadFileOps(),
        clock: createFakeClock(),
        fingerprint: "p",
        logger: noopLogger,
      };
      assert.deepEqual(await openKvOrphan(path, parts), { kind: "busy" });
      assert.deepEqual(readdirSync(dir), []);
      writeFileSync(path, "");
      const lock = takeOwnerLock(path, parts);
      assert.deepEqual(await openKvOrphan(path, parts), { kind: "busy" });
      lock?.release();
      writeFileSync(path, "no database ".repeat(1_000));
      await assert.rejects(openKvOrphan(path, parts), { code: "Z4J_BUFFER_OPEN" });
      assert.deepEqual(readdirSync(dir), ["buffer-7.kv"]);
    }));
});

describe("openBuffer() in Deno KV", () => {
  it("openBuffer() gives the name back when Deno KV cannot read the file", () =>
    inTempDir(async (dir) => {
      writeFileSync(join(dir, "buffer-1.kv"), "no database ".repeat(1_000));
      const buffer = await opened(join(dir, "buffer-1.sqlite"));
      assert.equal(buffer.capabilities.durable, false);
      assert.deepEqual(readdirSync(dir), ["buffer-1.kv"]);
      await buffer.close();
    }));

  it("openBuffer() without a project takes every file", () =>
    inTempDir(async (dir) => {
      const path = join(dir, "buffer-1.sqlite");
      for (let n = 0; n < 2; n++) {
        const buffer = await openBuffer({ path, store: "deno-kv", neighbours: true });
        assert.equal(buffer.depth().count, n);
        buffer.push(event(n));
        await buffer.close();
      }
    }));

  it("openBuffer() without a path uses the default database, alone or in parts", () =>
    inTempDir(async (dir) => {
      const before = process.env["DENO_KV_DEFAULT_PATH"];
      process.env["DENO_KV_DEFAULT_PATH"] = join(dir, "default.kv");
      try {
        for (const neighbours of [false, true]) {
          for (let n = 0; n < 2; n++) {
            const buffer = await openBuffer({ path: null, store: "deno-kv", neighbours });
            assert.deepEqual(buffer.capabilities, { kind: "deno-kv", durable: true, path: null });
            assert.equal(buffer.depth().count, n);
            buffer.push(event(n));
            await buffer.close();
          }
        }
      } finally {
        if (before === undefined) delete process.env["DENO_KV_DEFAULT_PATH"];
        else process.env["DENO_KV_DEFAULT_PATH"] = before;
      }
      assert.ok(readdirSync(dir).includes("default.kv"), "it is that database");
    }));

  it("openBuffer() keeps events in a file of their own and finds them again", () =>
    inTempDir(async (dir) => {
      const buffer = await opened(join(dir, "buffer-1.sqlite"));
      const path = join(dir, "buffer-1.kv");
      assert.deepEqual(buffer.capabilities, { kind: "deno-kv", durable: true, path });
      buffer.push(event(0));
      await buffer.close();
      const again = await opened(join(dir, "buffer-1.sqlite"));
      assert.deepEqual(await textsOf(again), [event(0).text]);
      await again.close();
    }));

  it("openBuffer() counts and tells what it finds damaged, and keeps the rest", () =>
    inTempDir(async (dir) => {
      for (const neighbours of [false, true]) {
        const path = join(dir, `buffer-${neighbours}.kv`);
        const store = await openKvStore({ kv: await loadDenoKv(path), fingerprint: "p" });
        for (const n of [0, 1]) await store.append([event(n)]);
        await store.close();
        const raw = await loadDenoKv(path);
        const value = new TextEncoder().encode("no page");
        await raw.atomic().set(["z4j", "buffer", "page", 1], value).commit();
        raw.close();
        const told: unknown[] = [];
        const logger = { ...noopLogger, warn: (facts: unknown) => void told.push(facts) };
        const options = { path, store: "deno-kv", fingerprint: "p", neighbours, logger } as const;
        const buffer = await openBuffer(options);
        assert.deepEqual(await textsOf(buffer), [event(1).text]);
        assert.deepEqual(buffer.losses().storage, { unknown: 1 });
        assert.deepEqual(told, [{ path, pages: 1, texts: 0, events: 1 }]);
        await buffer.close();
        const again = await openBuffer(options);
        assert.deepEqual([again.losses().storage, told.length], [{}, 1], "counted once");
        await again.close();
      }
    }));

  it("openBuffer() waits in memory while Deno KV cannot be opened, and moves when it can", () =>
    inTempDir(async (dir) => {
      const home = join(dir, "home");
      const path = join(home, "buffer-1.sqlite");
      const told: string[] = [];
      const tell = (_: unknown, text: string): void => void told.push(text);
      for (const neighbours of [true, false]) {
        const buffer = await openBuffer({
          path,
          store: "deno-kv",
          fingerprint: "p",
          neighbours,
          clock: hurriedClock(10),
          random: () => 0,
          logger: { debug() {}, info() {}, warn: tell, error: tell },
        });
        assert.equal(buffer.capabilities.durable, false);
        assert.equal(told.filter((text) => text.startsWith("Events wait in memory")).length, 1);
        buffer.push(event(0));
        await buffer.settled();
        mkdirSync(home);
        await until(() => buffer.capabilities.durable, 20_000);
        await until(async () => (await textsOf(buffer)).length === 1, 20_000);
        await buffer.close();
        const again = await opened(path);
        assert.deepEqual(await textsOf(again), [event(0).text]);
        await again.close();
        rmSync(home, { recursive: true });
        told.length = 0;
      }
    }));

  it("openBuffer() empties the log that another process left, before Deno KV appends to it", () =>
    inTempDir(async (dir) => {
      const path = join(dir, "buffer-1.kv");
      const before = await opened(join(dir, "buffer-1.sqlite"));
      before.push(event(0));
      await before.settled();
      for (const end of ["", "-wal"]) copyFileSync(path + end, join(dir, `buffer-2.kv${end}`));
      assert.ok(statSync(join(dir, "buffer-2.kv-wal")).size > 0);
      await before.close();
      const whole = readFileSync(join(dir, "buffer-2.kv"));
      const after = await opened(join(dir, "buffer-2.sqlite"));
      assert.ok(
        !readFileSync(join(dir, "buffer-2.kv")).equals(whole),
        "the log went into the file",
      );
      assert.equal((await textsOf(after)).length > 0, true);
      await after.close();
    }));

  it("openBuffer() adopts what killed neighbours left in Deno KV and in SQLite", () =>
    inTempDir(async (dir) => {
      const children = [
        startNeighbour({ path: join(dir, "buffer-7.sqlite"), store: "deno-kv", count: 2_000 }),
        startNeighbour({ path: join(dir, "buffer-8.sqlite"), count: 100, from: 2_000 }),
      ];
      const left = await Promise.all(children.map((one) => one.path));
      await Promise.all(children.map((one) => one.kill()));
      const buffer = await opened(join(dir, "buffer-1.sqlite"));
      await until(() => left.every((path) => !existsSync(path)), 10_000);
      const expected = Array.from({ length: 2_100 }, (_, n) => event(n).text).sort();
      assert.deepEqual((await textsOf(buffer)).sort(), expected);
      await buffer.close();
    }));

  it("openBuffer() leaves a live neighbour and another project's events alone", () =>
    inTempDir(async (dir) => {
      const path = join(dir, "buffer-7.sqlite");
      const child = startNeighbour({ path, store: "deno-kv", count: 3, fingerprint: "other" });
      const left = await child.path;
      const buffer = await opened(path);
      assert.notEqual(buffer.capabilities.path, left);
      await child.kill();
      await buffer.close();
      const later = await opened(path);
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.equal(later.depth().count, 0);
      assert.ok(existsSync(left));
      await later.close();
    }));

  it("settled() loses nothing that it reported when the process is killed", () =>
    inTempDir(async (dir) => {
      const path = join(dir, "buffer-7.sqlite");
      for (let round = 0; round < 3; round++) {
        const child = startNeighbour({ path, store: "deno-kv", count: 1_500, from: round * 1_500 });
        await child.path;
        await child.kill();
      }
      const buffer = await opened(path);
      await until(() => buffer.depth().count >= 4_500, 10_000);
      const expected = Array.from({ length: 4_500 }, (_, n) => event(n).text).sort();
      assert.deepEqual([...new Set(await textsOf(buffer))].sort(), expected);
      await buffer.close();
    }));
});
