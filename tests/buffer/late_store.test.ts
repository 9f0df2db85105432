import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createLateStore } from "../../src/buffer/late_store.ts";
import { MemoryStore } from "../../src/buffer/memory.ts";
import type { EventStore } from "../../src/buffer/port.ts";
import { event } from "../_support/buffer_files.ts";
import { createSlowStore, createStoreDouble } from "../_support/buffer_store_double.ts";
import type { StoreDouble } from "../_support/buffer_store_double.ts";
import { createFakeClock } from "../_support/fake_clock.ts";
import type { FakeClock } from "../_support/fake_clock.ts";

const ALL = { maxCount: 1_000_000, maxBytes: 1_000_000_000 };

interface Bench {
  readonly clock: FakeClock;
  readonly store: EventStore;
  readonly disk: StoreDouble;
  /** Whether the disk can be opened now. */
  ready: boolean;
  /** What was opened, told and given back, in order. */
  readonly told: string[];
}

function bench(disk: EventStore = createStoreDouble()): Bench {
  const clock = createFakeClock();
  const told: string[] = [];
  const home = { release: () => void told.push("released") };
  const made: Omit<Bench, "store"> = { clock, disk: disk as StoreDouble, ready: false, told };
  const store = createLateStore({
    memory: new MemoryStore(),
    open: () => {
      told.push("opened");
      if (!made.ready) return Promise.reject(new Error("read-only file system"));
      return Promise.resolve({ store: disk, home: home as never });
    },
    onOpened: () => void told.push("used"),
    clock,
    random: () => 0,
  });
  return Object.assign(made, { store });
}

async function textsOf(store: EventStore, afterId = 0): Promise<string[]> {
  return (await store.read(afterId, ALL)).map(({ text }) => text);
}

const texts = (...numbers: readonly number[]): string[] => numbers.map((n) => event(n).text);

describe("createLateStore()", () => {
  it("tries again after 1 s until the disk can be used, and moves what waited", async () => {
    const late = bench();
    const { clock, store, disk, told } = late;
    await store.append([event(0), event(1)]);
    assert.equal(store.capabilities.path, null);
    assert.deepEqual(store.depth(), { count: 2, bytes: 2 * event(0).bytes });
    assert.deepEqual(store.unsaved?.(), { "task.started": 2 });
    await clock.advanceAsync(1_000);
    assert.deepEqual([told, store.capabilities.path], [["opened"], null]);
    late.ready = true;
    await clock.advanceAsync(999);
    assert.deepEqual(told, ["opened"]);
    await clock.advanceAsync(1);
    assert.deepEqual([told, store.capabilities.path], [["opened", "opened", "used"], "/buffer"]);
    await store.append([event(2)]);
    assert.deepEqual(await textsOf(store), texts(0, 1));
    assert.deepEqual([disk.depth().count, store.depth().count], [1, 3]);
    assert.deepEqual(store.depth().bytes, 3 * event(0).bytes);
    await clock.advanceAsync(10);
    assert.deepEqual([disk.depth().count, store.depth().count], [3, 3]);
    assert.equal(clock.timerCount, 0);
    await store.close();
    await store.close();
    assert.deepEqual([disk.closed, store.unsaved?.()], [true, {}]);
  });

  it("goes on in ids behind those that memory gave, and removes in either place", async () => {
    const late = bench();
    const { clock, store } = late;
    await store.append([event(0), event(1)]);
    const [, second] = await store.read(0, ALL);
    late.ready = true;
    await clock.advanceAsync(1_000);
    await store.append([event(2), event(3)]);
    await store.removeRange(1, 1);
    assert.deepEqual(await textsOf(store), texts(1));
    const behind = await store.read(second?.id ?? 0, ALL);
    assert.deepEqual(behind.map(({ text }) => text), texts(2, 3));
    await store.removeRange(0, behind[0]?.id ?? 0);
    assert.deepEqual(await textsOf(store), texts(3));
    await store.close();
  });

  it("reads a disk that answers late", async () => {
    const disk = createSlowStore();
    const late = bench(disk);
    late.ready = true;
    await late.clock.advanceAsync(1_000);
    const stored = late.store.append([event(0)]);
    await disk.finish();
    await stored;
    assert.deepEqual(await textsOf(late.store), texts(0));
    await late.store.close();
  });

  it("counts what was evicted in memory and on disk together", async () => {
    const late = bench();
    const { clock, store, disk } = late;
    for (let n = 0; n < 20_003; n += 1_000) {
      await store.append(Array.from({ length: Math.min(1_000, 20_003 - n) }, () => event(0)));
    }
    assert.deepEqual(store.losses(), { "task.started": 3 });
    disk.losses = () => ({ "task.sent": 2 });
    late.ready = true;
    await clock.advanceAsync(1_000);
    assert.deepEqual(store.losses(), { "task.started": 3, "task.sent": 2 });
    await store.close();
  });

  it("append() tells what had to go for events that moved", async () => {
    for (const slow of [false, true]) {
      const inner = new MemoryStore({ maxEvents: 5 });
      const disk: EventStore = Object.assign(
        inner,
        slow && {
          append: async (...given: Parameters<MemoryStore["append"]>) =>
            await Promise.resolve(MemoryStore.prototype.append.apply(inner, given)),
        },
      );
      await disk.append([event(0, "task.sent"), event(1, "task.sent")]);
      const late = bench(disk);
      const { clock, store } = late;
      await store.append([0, 1, 2, 3].map((n) => event(n)));
      late.ready = true;
      await clock.advanceAsync(1_010);
      assert.deepEqual(await store.append([event(4)]), { "task.sent": 2 });
      assert.deepEqual(await store.append([event(5)]), { "task.started": 1 });
      assert.deepEqual(store.losses(), { "task.sent": 2, "task.started": 1 });
      await store.close();
    }
  });

  it("damaged() tells what the disk gave back damaged, once there is one", async () => {
    for (const damaged of [undefined, { "task.sent": 2 }]) {
      const disk: EventStore = createStoreDouble();
      if (damaged !== undefined) disk.damaged = () => damaged;
      const late = bench(disk);
      assert.deepEqual(late.store.damaged?.(), {});
      late.ready = true;
      await late.clock.advanceAsync(1_000);
      assert.deepEqual(late.store.damaged?.(), damaged ?? {});
      await late.store.close();
    }
  });

  it("takes small values along, also those that change while it does", async () => {
    const late = bench();
    const { clock, store, disk } = late;
    await disk.setMeta("gone", "old");
    await store.append([], new Map([["position", "1"], ["gone", null]]));
    await store.setMeta("own", "a");
    const { setMeta } = disk;
    disk.setMeta = async (key, value) => {
      await setMeta(key, value);
      disk.setMeta = setMeta;
      await store.append([], new Map([["position", "2"], ["late", "3"]]));
    };
    late.ready = true;
    await clock.advanceAsync(1_000);
    for (const [key, value] of [["position", "2"], ["gone", null], ["late", "3"], ["own", "a"]]) {
      assert.equal(await store.getMeta(key ?? ""), value, key ?? "");
      assert.equal(await disk.getMeta(key ?? ""), value, key ?? "");
    }
    await store.setMeta("own", "b");
    assert.equal(await disk.getMeta("own"), "b");
    await store.close();
  });

  it("closes and gives back a disk that would not take the small values", async () => {
    const late = bench();
    const { clock, store, disk, told } = late;
    await store.setMeta("position", "1");
    disk.setMeta = () => {
      throw new Error("database or disk is full");
    };
    late.ready = true;
    await clock.advanceAsync(1_000);
    assert.deepEqual([told, disk.closed], [["opened", "released"], true]);
    assert.equal(await store.getMeta("position"), "1");
    Object.assign(disk, createStoreDouble());
    await clock.advanceAsync(30_000);
    assert.deepEqual(told, ["opened", "released", "opened", "used"]);
    await store.close();
  });

  it("asks a disk again that refused to take what waits", async () => {
    const late = bench();
    const { clock, store, disk } = late;
    await store.append([event(0)]);
    late.ready = true;
    await clock.advanceAsync(1_000);
    disk.failure = new Error("database or disk is full");
    await clock.advanceAsync(10);
    assert.deepEqual([disk.appends, disk.depth().count], [[1], 0]);
    assert.deepEqual(await textsOf(store), texts(0));
    disk.failure = null;
    await clock.advanceAsync(2_000);
    assert.equal(disk.depth().count, 1);
    await store.close();
  });

  it("close() tries the disk a last time, and counts what it would not take", async () => {
    const late = bench();
    await late.store.append([event(0), event(1, "task.sent")]);
    late.ready = true;
    await late.store.close();
    assert.equal(late.disk.depth().count, 2);
    const refused = bench();
    await refused.store.append([event(0), event(1, "task.sent")]);
    refused.ready = true;
    refused.disk.failure = new Error("database or disk is full");
    await refused.store.close();
    assert.deepEqual(refused.store.unsaved?.(), { "task.started": 1, "task.sent": 1 });
    assert.equal(refused.disk.closed, true);
    const none = bench();
    await none.store.close();
    assert.deepEqual([none.told, none.store.unsaved?.()], [[], {}]);
  });

  it("close() ends the attempts and the moving, whenever it comes", async () => {
    const opening = bench();
    await opening.store.append([event(0)]);
    opening.clock.advance(1_000);
    await opening.store.close();
    assert.equal(opening.clock.timerCount, 0);
    const moving = bench();
    await moving.store.append(Array.from({ length: 2_500 }, (_, n) => event(n)));
    moving.ready = true;
    await moving.clock.advanceAsync(1_000);
    moving.clock.advance(5);
    await moving.store.close();
    assert.deepEqual([moving.clock.timerCount, moving.disk.depth().count], [0, 2_500]);
  });
});
