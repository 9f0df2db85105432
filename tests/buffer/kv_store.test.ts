import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loadDenoKv } from "../../src/buffer/deno_kv.ts";
import { openKvStore } from "../../src/buffer/kv_store.ts";
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
    await answer.orphan.close(true);
    assert.deepEqual(await other.home?.names(), []);
  });
});
