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
} from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { loadDenoKv } from "../../../src/buffer/deno_kv.ts";
import type { GroupedBuffer } from "../../../src/buffer/grouped.ts";
import { openKvStore } from "../../../src/buffer/kv_store.ts";
import { openBuffer } from "../../../src/buffer/open.ts";
import { testEventStore } from "../../../src/testing/buffer_contract.ts";
import { hurriedClock } from "../../_support/agent_rig.ts";
import { event, tempDir, until } from "../../_support/buffer_files.ts";
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

describe("openBuffer() in Deno KV", () => {
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
