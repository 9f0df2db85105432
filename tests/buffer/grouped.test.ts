import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createGroupedBuffer } from "../../src/buffer/grouped.ts";
import type { GroupedBuffer, GroupedBufferOptions } from "../../src/buffer/grouped.ts";
import type { NewEntry } from "../../src/buffer/port.ts";
import { event } from "../_support/buffer_files.ts";
import { createSlowStore, createStoreDouble } from "../_support/buffer_store_double.ts";
import type { StoreDouble } from "../_support/buffer_store_double.ts";
import { createFakeClock } from "../_support/fake_clock.ts";
import type { FakeClock } from "../_support/fake_clock.ts";

const ALL = { maxCount: 1_000_000, maxBytes: 1_000_000_000 };

interface Line {
  readonly level: string;
  readonly message: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

interface Bench {
  readonly clock: FakeClock;
  readonly store: StoreDouble;
  readonly buffer: GroupedBuffer;
  readonly lines: Line[];
}

function bench(options: Partial<GroupedBufferOptions> = {}): Bench {
  const clock = createFakeClock();
  const store = createStoreDouble((ms) => clock.advance(ms));
  const lines: Line[] = [];
  const line = (level: string) => (facts: Line["facts"], message: string) =>
    void lines.push({ level, message, facts });
  const logger = {
    debug: line("debug"),
    info: line("info"),
    warn: line("warn"),
    error: line("error"),
  };
  const buffer = createGroupedBuffer({ store, clock, logger, random: () => 1, ...options });
  return { clock, store, buffer, lines };
}

function pushMany(buffer: GroupedBuffer, count: number, from = 0): void {
  for (let i = from; i < from + count; i++) buffer.push(event(i));
}

async function numbers(buffer: GroupedBuffer): Promise<number[]> {
  const rows = await buffer.read(0, ALL);
  return rows.map(({ text }) => (JSON.parse(text) as { n: number }).n);
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const mark = Symbol();
  await Promise.resolve();
  return await Promise.race([promise, Promise.resolve(mark)]) === mark;
}

describe("createGroupedBuffer() grouping", () => {
  it("push() writes one group 20 ms after its first event", async () => {
    const { clock, store, buffer } = bench();
    buffer.push(event(0));
    clock.advance(15);
    buffer.push(event(1));
    clock.advance(4);
    assert.deepEqual(store.appends, []);
    assert.deepEqual(await numbers(buffer), []);
    clock.advance(1);
    assert.deepEqual(store.appends, [2]);
    assert.deepEqual(await numbers(buffer), [0, 1]);
  });

  it("push() writes at once when a group has 1 000 events", () => {
    const { store, buffer } = bench();
    pushMany(buffer, 2_500);
    assert.deepEqual(store.appends, [1_000, 1_000]);
    assert.equal(buffer.depth().count, 2_500);
  });

  it("push() writes at once when a group has 1 MiB", () => {
    const { store, buffer } = bench();
    const big: NewEntry = { ...event(0), text: "x", bytes: 600_000 };
    buffer.push(big);
    assert.deepEqual(store.appends, []);
    buffer.push(big);
    assert.deepEqual(store.appends, [1]);
  });

  it("push() leaves no timer when nothing waits", () => {
    const { clock, buffer } = bench();
    assert.equal(clock.timerCount, 0);
    buffer.push(event(0));
    assert.equal(clock.timerCount, 1);
    clock.advance(20);
    assert.equal(clock.timerCount, 0);
  });

  it("push() writes before it returns when durability is sync", () => {
    const { store, buffer } = bench({ durability: "sync" });
    pushMany(buffer, 3);
    assert.deepEqual(store.appends, [1, 1, 1]);
    assert.equal(buffer.windowMs, 0);
  });

  it("windowMs stretches where commits are slow, up to 500 ms, and comes back", () => {
    const { clock, store, buffer } = bench();
    assert.equal(buffer.windowMs, 20);
    const commits = (count: number): void => {
      for (let i = 0; i < count; i++) {
        buffer.push(event(i));
        clock.advance(600);
      }
    };
    store.costMs = 4;
    commits(60);
    assert.ok(buffer.windowMs > 180 && buffer.windowMs < 200, `${buffer.windowMs}`);
    store.costMs = 100;
    commits(60);
    assert.equal(buffer.windowMs, 500);
    store.costMs = 0.3;
    commits(60);
    assert.equal(buffer.windowMs, 20);
  });

  it("windowMs does not stretch because groups are large", () => {
    const { clock, store, buffer } = bench();
    for (let i = 0; i < 60; i++) {
      store.costMs = 0.3 + 500 * 0.007;
      pushMany(buffer, 500);
      clock.advance(600);
    }
    assert.equal(buffer.windowMs, 20);
  });

  it("onStored() wakes after each commit until it is removed", () => {
    const { clock, buffer } = bench();
    let wakes = 0;
    const remove = buffer.onStored(() => wakes++);
    pushMany(buffer, 2);
    assert.equal(wakes, 0);
    clock.advance(20);
    assert.equal(wakes, 1);
    remove();
    pushMany(buffer, 1);
    clock.advance(20);
    assert.equal(wakes, 1);
  });

  it("settled() writes at once, and callers of one turn share a commit", async () => {
    const { store, buffer } = bench();
    await buffer.settled();
    buffer.push(event(0));
    const first = buffer.settled();
    buffer.push(event(1));
    const second = buffer.settled();
    assert.deepEqual(store.appends, []);
    await Promise.all([first, second]);
    assert.deepEqual(store.appends, [2]);
  });

  it("settled() waits for every group of a backlog", async () => {
    const { clock, store, buffer } = bench();
    store.failure = new Error("database is locked");
    pushMany(buffer, 2_500);
    store.failure = null;
    const settled = buffer.settled();
    clock.advance(250);
    await settled;
    assert.equal((await numbers(buffer)).length, 2_500);
  });
});

describe("createGroupedBuffer() with a failing store", () => {
  it("push() keeps events in order and writes them when the store recovers", async () => {
    const { clock, store, buffer, lines } = bench();
    store.failure = new Error("database or disk is full");
    pushMany(buffer, 3);
    clock.advance(20);
    pushMany(buffer, 2, 3);
    const settled = buffer.settled();
    assert.equal(buffer.troubled, true);
    assert.equal(buffer.depth().count, 5);
    assert.deepEqual(await numbers(buffer), []);
    assert.equal(await isPending(settled), true);
    store.failure = null;
    clock.advance(250);
    await settled;
    assert.equal(buffer.troubled, false);
    assert.deepEqual(await numbers(buffer), upTo(5));
    assert.deepEqual(buffer.losses().storage, {});
    const heard = lines.filter(({ message }) => !message.includes("read")).map(({ level }) =>
      level
    );
    assert.deepEqual(heard, ["warn", "info"]);
  });

  it("push() tries again after growing waits of 0.25 to 5 s and warns once per cause", () => {
    const { clock, store, buffer, lines } = bench();
    store.failure = new Error("database is locked");
    buffer.push(event(0));
    clock.advance(20);
    const waits: (number | null)[] = [];
    for (let i = 0; i < 7; i++) {
      waits.push(clock.nextTimerMs);
      clock.advance(clock.nextTimerMs ?? 0);
    }
    assert.deepEqual(waits, [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000]);
    assert.equal(lines.length, 1);
    store.failure = new Error("disk I/O error");
    clock.advance(5_000);
    assert.deepEqual(lines.map(({ facts }) => facts["reason"]), [
      "database is locked",
      "disk I/O error",
    ]);
  });

  it("push() stays bounded: the oldest progress goes first and is counted", async () => {
    const { clock, store, buffer } = bench();
    store.failure = new Error("disk I/O error");
    buffer.push({ ...event(-1, "task.failed"), class: "terminal" });
    pushMany(buffer, 12_000);
    assert.equal(buffer.depth().count, 10_000);
    assert.deepEqual(buffer.losses().storage, { "task.started": 2_001 });
    store.failure = null;
    await clock.advanceAsync(10_000);
    const kept = await numbers(buffer);
    assert.equal(kept.length, 10_000);
    assert.deepEqual(kept.slice(0, 2), [-1, 2_001]);
    assert.equal(kept.at(-1), 11_999);
  });

  it("settled() resolves when what it waits for was counted as lost", async () => {
    const { store, buffer } = bench();
    store.failure = new Error("disk I/O error");
    buffer.push(event(0));
    const settled = buffer.settled();
    pushMany(buffer, 10_000, 1);
    await settled;
    assert.deepEqual(buffer.losses().storage, { "task.started": 1 });
  });

  it("push() drops the newest schedules when only schedules wait", () => {
    const { store, buffer } = bench();
    store.failure = new Error("disk I/O error");
    for (let i = 0; i < 10_003; i++) {
      buffer.push({ ...event(i, "schedule.updated"), class: "schedule" });
    }
    assert.deepEqual(buffer.losses().storage, { "schedule.updated": 3 });
  });

  it("removeRange() is tried again when the store refused it", async () => {
    const { clock, store, buffer } = bench();
    pushMany(buffer, 3);
    clock.advance(20);
    const rows = await buffer.read(0, ALL);
    store.failure = new Error("database is locked");
    buffer.removeRange(0, rows[1]?.id ?? 0);
    assert.equal(buffer.depth().count, 3);
    store.failure = null;
    clock.advance(250);
    assert.deepEqual(await numbers(buffer), [2]);
  });

  it("close() counts what the store refused and fails the values that waited", async () => {
    const { store, buffer } = bench();
    store.failure = new Error("disk I/O error");
    pushMany(buffer, 4);
    const settled = buffer.settled();
    const meta = buffer.setMeta("k", "v");
    await buffer.close();
    await settled;
    await assert.rejects(meta, { code: "Z4J_BUFFER_CLOSED" });
    assert.deepEqual(buffer.losses().storage, { "task.started": 4 });
    assert.equal(store.closed, true);
  });
});

describe("createGroupedBuffer() at its end", () => {
  it("getMeta() and setMeta() fail with Z4J_BUFFER_CLOSED once it is closed", async () => {
    const { clock, buffer } = bench();
    await buffer.close();
    await assert.rejects(buffer.getMeta("k"), { code: "Z4J_BUFFER_CLOSED" });
    await assert.rejects(buffer.setMeta("k", "v"), { code: "Z4J_BUFFER_CLOSED" });
    buffer.removeRange(0, 1);
    assert.equal(clock.timerCount, 0);
  });

  it("close() says so when the store cannot be closed, and ends", async () => {
    let ended = 0;
    const { store, buffer, lines } = bench({ onClosed: () => void ended++ });
    store.close = () => {
      throw new Error("disk I/O error");
    };
    await buffer.close();
    assert.equal(ended, 1);
    assert.deepEqual(lines.map(({ message, facts }) => [message, facts["reason"]]), [
      ["The buffer could not be closed cleanly", "disk I/O error"],
    ]);
  });

  it("onStored() goes on when one listener fails, which is told", () => {
    const { clock, buffer, lines } = bench();
    let wakes = 0;
    buffer.onStored(() => {
      throw new Error("mine");
    });
    buffer.onStored(() => wakes++);
    buffer.push(event(0));
    clock.advance(20);
    assert.equal(wakes, 1);
    assert.equal(lines[0]?.message, "A listener of the buffer failed");
  });
});

describe("createGroupedBuffer() accounting", () => {
  it("push() after close() counts as closed", async () => {
    const { clock, store, buffer } = bench();
    buffer.push(event(0));
    await buffer.close();
    await buffer.close();
    buffer.push(event(1, "task.sent"));
    assert.deepEqual(store.appends, [1]);
    assert.deepEqual(buffer.losses().closed, { "task.sent": 1 });
    assert.equal(clock.timerCount, 0);
    assert.deepEqual(await buffer.read(0, ALL), []);
  });

  it("discard() removes the entry and counts it", async () => {
    const { clock, buffer } = bench();
    pushMany(buffer, 2);
    clock.advance(20);
    const [first] = await buffer.read(0, ALL);
    assert.ok(first);
    buffer.discard(first, "content");
    assert.deepEqual(await numbers(buffer), [1]);
    assert.deepEqual(buffer.losses().content, { "task.started": 1 });
  });

  it("setMeta() is written with the group of the events before it", async () => {
    const { clock, store, buffer } = bench();
    pushMany(buffer, 2);
    const stored = buffer.setMeta("position", "2");
    assert.equal(await buffer.getMeta("position"), "2");
    assert.equal(await store.getMeta("position"), null);
    clock.advance(20);
    await stored;
    assert.equal(await store.getMeta("position"), "2");
    assert.deepEqual(store.appends, [2]);
  });

  it("setMeta() waits for the last group of the events before it", async () => {
    const { clock, store, buffer } = bench();
    pushMany(buffer, 1);
    store.failure = new Error("disk is full");
    clock.advance(20);
    pushMany(buffer, 1_500, 1);
    const stored = buffer.setMeta("position", "1501");
    store.failure = null;
    for (let i = 0; i < 400 && store.depth().count < 1_000; i++) clock.advance(1);
    assert.equal(store.depth().count, 1_000);
    assert.equal(await store.getMeta("position"), null);
    clock.advance(1_000);
    await stored;
    assert.equal(store.depth().count, 1_501);
    assert.equal(await store.getMeta("position"), "1501");
  });

  it("setMeta() alone is written within the window", async () => {
    const { clock, store, buffer } = bench();
    const stored = buffer.setMeta("position", "3");
    clock.advance(20);
    await stored;
    assert.equal(await store.getMeta("position"), "3");
  });
});

describe("createGroupedBuffer() over an asynchronous store", () => {
  it("push() never runs two appends at once and keeps the order", async () => {
    const [clock, store] = [createFakeClock(), createSlowStore()];
    const buffer = createGroupedBuffer({ store, clock });
    pushMany(buffer, 2);
    clock.advance(20);
    pushMany(buffer, 2_000, 2);
    clock.advance(1_000);
    assert.equal(store.waiting, 1);
    assert.equal(buffer.depth().count, 2_002);
    await store.finish();
    clock.advance(20);
    assert.equal(store.waiting, 1);
    await store.finish();
    clock.advance(20);
    await store.finish();
    assert.deepEqual(await numbers(buffer), upTo(2_002));
  });

  it("settled() waits for the group that is being written", async () => {
    const [clock, store] = [createFakeClock(), createSlowStore()];
    const buffer = createGroupedBuffer({ store, clock });
    pushMany(buffer, 2);
    clock.advance(20);
    assert.equal(store.waiting, 1);
    const settled = buffer.settled();
    assert.equal(await isPending(settled), true);
    await store.finish();
    await settled;
    assert.deepEqual(await numbers(buffer), upTo(2));
  });

  it("push() keeps a refused group before what came meanwhile", async () => {
    const [clock, store] = [createFakeClock(), createSlowStore()];
    const buffer = createGroupedBuffer({ store, clock, random: () => 1 });
    pushMany(buffer, 2);
    clock.advance(20);
    pushMany(buffer, 2, 2);
    await store.finish(new Error("quota"));
    assert.equal(buffer.troubled, true);
    const settled = buffer.settled();
    clock.advance(250);
    await store.finish();
    await settled;
    assert.deepEqual(await numbers(buffer), upTo(4));
  });

  it("removeRange() waits for the one under way, joins what follows on, and tries again", async () => {
    const [clock, store] = [createFakeClock(), createSlowStore()];
    const ranges: string[] = [];
    let answer: (error?: Error) => void = () => {};
    store.removeRange = (firstId, lastId) => {
      ranges.push(`${firstId}-${lastId}`);
      return new Promise((resolve, reject) => {
        answer = (error) => error === undefined ? resolve() : reject(error);
      });
    };
    const answered = async (error?: Error): Promise<void> => {
      answer(error);
      await clock.advanceAsync(0);
    };
    const buffer = createGroupedBuffer({ store, clock, random: () => 1 });
    for (const id of [1, 2, 3, 5]) buffer.removeRange(id, id);
    assert.deepEqual(ranges, ["1-1"]);
    await answered(new Error("quota"));
    assert.deepEqual(ranges, ["1-1"]);
    await clock.advanceAsync(250);
    assert.deepEqual(ranges, ["1-1", "1-1"]);
    await answered();
    assert.deepEqual(ranges.slice(2), ["2-3"]);
    buffer.removeRange(6, 7);
    const closing = buffer.close();
    await answered();
    await answered();
    await closing;
    assert.deepEqual(ranges.slice(3), ["5-7"]);
  });

  it("close() gives up a removal that fails once more", async () => {
    const [clock, store] = [createFakeClock(), createSlowStore()];
    let calls = 0;
    store.removeRange = () => {
      calls++;
      return Promise.reject(new Error("quota"));
    };
    const buffer = createGroupedBuffer({ store, clock });
    buffer.removeRange(1, 1);
    await clock.advanceAsync(0);
    await buffer.close();
    assert.deepEqual([calls, clock.timerCount], [2, 0]);
  });

  it("close() waits for the append under way and writes the rest", async () => {
    const [clock, store] = [createFakeClock(), createSlowStore()];
    const buffer = createGroupedBuffer({ store, clock });
    pushMany(buffer, 1);
    clock.advance(20);
    pushMany(buffer, 1, 1);
    const closing = buffer.close();
    await store.finish();
    assert.equal(store.depth().count, 1);
    await store.finish();
    await closing;
    assert.equal(store.depth().count, 2);
  });
});
