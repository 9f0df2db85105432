import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loadDenoKv } from "../../src/buffer/deno_kv.ts";
import { openKvOwned, openKvStore } from "../../src/buffer/kv_store.ts";
import { openKvShared } from "../../src/buffer/open_kv.ts";
import type { NewEntry } from "../../src/buffer/port.ts";
import { createFakeClock } from "../../src/testing/fake_clock.ts";
import { event } from "../_support/buffer_files.ts";
import { createKvDouble } from "../_support/buffer_kv_double.ts";

const ALL = { maxCount: 1_000_000, maxBytes: 1_000_000_000 };

function large(count: number, size: number): NewEntry[] {
  return Array.from({ length: count }, (_, n) => {
    const text = JSON.stringify({ n, x: "y".repeat(size) });
    return { text, bytes: text.length, kind: "task.started", class: "progress" };
  });
}

describe("openKvStore()", () => {
  it("append() packs many events into few values and one commit", async () => {
    const kv = createKvDouble();
    const store = await openKvStore({ kv });
    const before = kv.commits.length;
    await store.append(Array.from({ length: 1_000 }, (_, n) => event(n)));
    assert.equal(kv.commits.length, before + 1);
    assert.ok((kv.commits.at(-1) ?? 0) <= 3, `${kv.commits.at(-1)} mutations`);
  });

  it("append() larger than a commit shows whole or not at all, wherever it is cut off", async () => {
    const group = large(90, 40_000);
    let passed = 0;
    for (let budget = 0; passed === 0; budget++) {
      assert.ok(budget < 20, "it must pass in the end");
      const kv = createKvDouble();
      const store = await openKvStore({ kv });
      await store.append([event("before")]);
      kv.budget = budget;
      const outcome = await Promise.resolve(store.append(group)).then(
        () => "stored",
        () => "refused",
      );
      kv.budget = Infinity;
      // What another process finds after a kill at this point.
      const other = await openKvStore({ kv: createKvDouble(new Map(kv.data)) });
      const found = await other.read(0, ALL);
      assert.equal(found.length, outcome === "stored" ? 91 : 1, `after ${budget} commits`);
      assert.equal(other.depth().count, found.length);
      // And the same store takes it again without mixing in the remains.
      if (outcome === "refused") await store.append(group);
      const texts = (await store.read(0, ALL)).map(({ text }) => text);
      assert.deepEqual(texts, [event("before").text, ...group.map(({ text }) => text)]);
      if (outcome === "stored") passed = budget;
    }
    assert.ok(passed > 3, `${passed} commits were no cut at all`);
  });

  it("append() removes the pages and parts of what was evicted or delivered", async () => {
    const kv = createKvDouble();
    const store = await openKvStore({ kv, limits: { maxEvents: 20 } });
    for (let round = 0; round < 10; round++) await store.append(large(10, 40_000));
    const rows = await store.read(0, ALL);
    await store.removeRange(0, rows.at(-1)?.id ?? 0);
    assert.deepEqual([...kv.data.keys()], ['["z4j","buffer","head"]']);
  });

  it("append() fails whole when another process writes to the same keys", async () => {
    const kv = createKvDouble();
    const [first, second] = [await openKvStore({ kv }), await openKvStore({ kv })];
    await first.append([event(1)]);
    await assert.rejects(async () => await second.append([event(2)]), { code: "Z4J_BUFFER_WRITE" });
    await second.append([event(2)]);
    const texts = (await second.read(0, ALL)).map(({ text }) => text);
    assert.deepEqual(texts, [1, 2].map((n) => event(n).text));
  });

  it("append() refuses values that no commit can hold, and goes on", async () => {
    const store = await openKvStore({ kv: createKvDouble() });
    const meta = new Map([["k", "v".repeat(800_000)]]);
    await assert.rejects(async () => await store.append([event(1)], meta), {
      code: "Z4J_BUFFER_WRITE",
    });
    await store.setMeta("k", "v".repeat(300_000));
    assert.equal((await store.getMeta("k"))?.length, 300_000);
    assert.equal(store.depth().count, 0);
  });

  it("append() takes values and events that need a commit each", async () => {
    const kv = createKvDouble();
    const store = await openKvStore({ kv });
    const before = kv.commits.length;
    const group = large(10, 20_000);
    await store.append(group, new Map([["k", "v".repeat(600_000)]]));
    assert.equal(kv.commits.length, before + 2);
    const other = await openKvStore({ kv: createKvDouble(new Map(kv.data)) });
    assert.equal((await other.read(0, ALL)).length, 10);
    assert.equal((await other.getMeta("k"))?.length, 600_000);
  });

  it("setMeta() keeps an empty text apart from none", async () => {
    const kv = createKvDouble();
    const store = await openKvStore({ kv });
    await store.setMeta("k", "");
    assert.equal(await store.getMeta("k"), "");
    const again = await openKvStore({ kv });
    assert.equal(await again.getMeta("k"), "");
    await again.setMeta("k", null);
    assert.equal(await again.getMeta("k"), null);
  });

  it("openKvStore() gives up a text with a hole, and clears parts of none away", async () => {
    for (const change of ["removed", "no bytes"]) {
      const kv = createKvDouble();
      await (await openKvStore({ kv })).append([...large(1, 200_000), event("after")]);
      const key = JSON.stringify(["z4j", "buffer", "part", 1, 1]);
      const part = kv.data.get(key);
      assert.ok(part !== undefined);
      if (change === "removed") kv.data.delete(key);
      else kv.data.set(key, { ...part, value: "text" });
      const beyond = ["part", 1, 99, "part", 7, 0];
      for (let i = 0; i < beyond.length; i += 3) {
        kv.data.set(JSON.stringify(["z4j", "buffer", ...beyond.slice(i, i + 3)]), part);
      }
      const store = await openKvStore({ kv });
      const texts = (await store.read(0, ALL)).map(({ text }) => text);
      assert.deepEqual(texts, [event("after").text], change);
      assert.deepEqual(store.damaged?.(), { "task.started": 1 });
      const again = await openKvStore({ kv });
      assert.deepEqual([again.depth().count, again.damaged?.()], [1, {}], "counted once");
      assert.equal(kv.data.has(JSON.stringify(["z4j", "buffer", "part", 7, 0])), false);
    }
  });

  it("openKvStore() removes a page of which only texts without parts are left", async () => {
    const kv = createKvDouble();
    const before = await openKvStore({ kv });
    await before.append([event("kept")]);
    await before.append(large(1, 200_000));
    const page = (id: number): string => JSON.stringify(["z4j", "buffer", "page", id]);
    assert.deepEqual([kv.data.has(page(1)), kv.data.has(page(2))], [true, true]);
    for (const key of [...kv.data.keys()]) if (key.includes('"part"')) kv.data.delete(key);
    const store = await openKvStore({ kv });
    assert.deepEqual([store.depth().count, store.damaged?.()], [1, { "task.started": 1 }]);
    assert.deepEqual([kv.data.has(page(1)), kv.data.has(page(2))], [true, false]);
  });

  it("openKvOwned() closes a database that it cannot use", async () => {
    const kv = createKvDouble();
    let closed = 0;
    kv.close = () => void closed++;
    kv.data.set(JSON.stringify(["z4j", "buffer", "head"]), { value: 7, versionstamp: "1" });
    await assert.rejects(openKvOwned({ kv }), { code: "Z4J_BUFFER_OPEN" });
    assert.equal(closed, 1);
  });

  it("openKvStore() leaves what a newer version wrote", async () => {
    const kv = createKvDouble();
    await openKvStore({ kv });
    for (const [key, { value, versionstamp }] of kv.data) {
      kv.data.set(key, { value: { ...value as object, version: 2 }, versionstamp });
    }
    await assert.rejects(openKvStore({ kv }), { code: "Z4J_BUFFER_OPEN" });
  });
});

describe("loadDenoKv()", () => {
  it("loadDenoKv() says exactly what to switch on", async () => {
    await assert.rejects(loadDenoKv(undefined, { Deno: {} }), {
      code: "Z4J_RUNTIME_UNSUPPORTED",
      message: "Cannot open Deno KV: Deno.openKv is missing, " +
        'expected "unstable": ["kv"] in deno.json or the flag --unstable-kv',
    });
    await assert.rejects(loadDenoKv(undefined, {}), /this runtime is not Deno/);
    await assert.rejects(loadDenoKv(undefined, { Deno: null }), /Deno.openKv is missing/);
  });

  it("loadDenoKv() says which database could not be opened, and why", async () => {
    const failing = (reason: unknown): object => ({
      Deno: { openKv: () => Promise.reject(reason) },
    });
    await assert.rejects(loadDenoKv(undefined, failing(new Error("quota"))), {
      code: "Z4J_BUFFER_OPEN",
      message: "Cannot open Deno KV (default): quota",
    });
    await assert.rejects(loadDenoKv("/h/buffer.kv", failing("quota")), {
      message: "Cannot open Deno KV /h/buffer.kv: unknown error",
    });
  });
});

describe("openKvShared()", () => {
  const clock = createFakeClock();
  const parts = { fingerprint: "p", clock };

  it("openKvShared() gives each process a part of its own and takes over what is free", async () => {
    const { data } = createKvDouble();
    const open = () => openKvShared(createKvDouble(data), {}, parts);
    const [first, second] = [await open(), await open()];
    await first.store.append([event(1)]);
    await second.store.append([event(2)]);
    assert.equal(first.store.depth().count, 1);
    assert.equal((await open()).store.depth().count, 0);
    await first.store.close();
    await first.home?.release();
    const next = await open();
    const rows = await next.store.read(0, ALL);
    assert.deepEqual(rows.map(({ text }) => text), [event(1).text]);
  });

  it("openKvShared() gives a part to one alone when two want it at once", async () => {
    const { data } = createKvDouble();
    const left = await openKvShared(createKvDouble(data), {}, parts);
    await left.store.append([event(1)]);
    await left.store.close();
    await left.home?.release();
    const open = () => openKvShared(createKvDouble(data), {}, parts);
    const both = await Promise.all([open(), open()]);
    assert.deepEqual(both.map(({ store }) => store.depth().count).sort(), [0, 1]);
    assert.equal(new Set(both.map(({ home }) => home?.own)).size, 2);
  });

  it("openKvShared() fails when not even a new part can be had", async () => {
    const kv = createKvDouble();
    const { atomic } = kv;
    kv.atomic = () => {
      const refusing = atomic();
      refusing.commit = () => Promise.resolve({ ok: false });
      return refusing;
    };
    await assert.rejects(openKvShared(kv, {}, parts), /a new partition is taken already/);
  });

  it("openKvShared() without a project uses a part that no project sees", async () => {
    const { data } = createKvDouble();
    const any = { fingerprint: null, clock };
    const first = await openKvShared(createKvDouble(data), {}, any);
    await first.store.append([event(1)]);
    await first.store.close();
    await first.home?.release();
    assert.equal((await openKvShared(createKvDouble(data), {}, parts)).store.depth().count, 0);
    const again = await openKvShared(createKvDouble(data), {}, any);
    assert.equal(again.store.depth().count, 1);
    const answer = await again.home?.open(first.home?.own ?? "");
    assert.equal(answer?.kind, "busy");
  });

  it("openKvShared() finds the part of a process that is silent, and only then", async () => {
    const { data } = createKvDouble();
    const dead = await openKvShared(createKvDouble(data), {}, {
      fingerprint: "p",
      clock: createFakeClock(),
    });
    await dead.store.append([event(1)]);
    const other = await openKvShared(createKvDouble(data), {}, parts);
    assert.deepEqual(await other.home?.names(), []);
    await clock.advanceAsync(31_000);
    const names = await other.home?.names() ?? [];
    assert.equal(names.length, 1);
    const answer = await other.home?.open(names[0] ?? "");
    assert.equal(answer?.kind, "orphan");
    if (answer?.kind !== "orphan") return;
    assert.equal((await other.home?.open(names[0] ?? ""))?.kind, "busy");
    const page = await answer.orphan.read(0, ALL);
    assert.deepEqual(page.rows.map(({ text }) => text), [event(1).text]);
    await answer.orphan.remove(0, page.lastId);
    const end = await answer.orphan.read(page.lastId, ALL);
    assert.deepEqual(end, { rows: [], lastId: page.lastId, more: false });
    await answer.orphan.close(true);
    assert.deepEqual(await other.home?.names(), []);
  });
});
