import assert from "node:assert/strict";
import type { MaybePromise } from "../base/maybe_promise.ts";
import type { EventStore, NewEntry, StoreLimits } from "../buffer/port.ts";
import {
  ALL,
  at,
  entry,
  idsOf,
  many,
  type StoreCase,
  type StoreHandle,
  texts,
} from "./buffer_cases.ts";
import { SIZE_CASES } from "./buffer_size_cases.ts";

export type { StoreHandle } from "./buffer_cases.ts";

/** Makes a fresh, empty store with these bounds. */
export type StoreFactory = (limits: Partial<StoreLimits>) => MaybePromise<StoreHandle>;

/** The parts of a test runner that the suite uses; `node:test`, `bun:test` and vitest fit. */
export interface ContractRunner {
  /** Groups cases. */
  readonly describe: (title: string, define: () => void) => unknown;
  /** Defines one case. */
  readonly it: (title: string, run: () => Promise<void>) => unknown;
}

/**
 * Checks that a store keeps the promises of `EventStore`. Every case gets its
 * own store and stands alone.
 *
 * @example
 * ```ts
 * import { createMemoryStore } from "@z4j/core/buffer";
 * import { testEventStore } from "@z4j/core/testing";
 * import { describe, it } from "node:test";
 *
 * export function check(): void {
 *   testEventStore("memory", (limits) => ({ store: createMemoryStore(limits) }), { describe, it });
 * }
 * ```
 */
export function testEventStore(name: string, factory: StoreFactory, runner: ContractRunner): void {
  runner.describe(`EventStore contract: ${name}`, () => {
    for (const one of CASES) {
      runner.it(one.title, async () => {
        const handle = await factory(one.limits ?? {});
        try {
          await one.run(handle.store, handle);
          await handle.store.close();
        } finally {
          await handle.cleanup?.();
        }
      });
    }
  });
}

/** A group that must fail: its schedules alone are more than the store may hold. */
async function assertRefused(store: EventStore, group: readonly NewEntry[]): Promise<void> {
  await assert.rejects(async () => await store.append(group), { code: "Z4J_BUFFER_FULL" });
}

const ORDER_CASES: readonly StoreCase[] = [
  {
    title: "append() keeps entries in order with rising ids",
    async run(store) {
      await store.append(many(100, "progress", "a"));
      await store.append(many(33, "terminal", "b"));
      assert.deepEqual(await texts(store), [
        ...many(100, "progress", "a").map(({ text }) => text),
        ...many(33, "terminal", "b").map(({ text }) => text),
      ]);
      const ids = await idsOf(store);
      assert.ok(ids.every((id, i) => i === 0 || id > (ids[i - 1] ?? Infinity)), "ids must rise");
    },
  },
  {
    title: "append() gives text, bytes and kind back unchanged",
    async run(store) {
      const odd = '{"a":"é \\u0000 \\"q\\" 😀","n":1.5e300}';
      await store.append([entry(odd, "terminal", "task.failed")]);
      const row = at(await store.read(0, ALL), 0);
      assert.deepEqual({ ...row, id: 0 }, {
        id: 0,
        text: odd,
        bytes: new TextEncoder().encode(odd).length,
        kind: "task.failed",
      });
    },
  },
  {
    title: "append() of nothing changes nothing",
    async run(store) {
      assert.deepEqual(await store.append([]), {});
      assert.deepEqual(store.depth(), { count: 0, bytes: 0 });
    },
  },
  {
    title: "append() gives ids above those of removed entries",
    async run(store) {
      await store.append(many(3));
      const before = at(await store.read(0, ALL), -1).id;
      await store.removeRange(0, before);
      await store.append([entry("later")]);
      assert.ok(at(await store.read(0, ALL), 0).id > before);
    },
  },
];

const READ_CASES: readonly StoreCase[] = [
  {
    title: "read() stops at maxCount",
    async run(store) {
      await store.append(many(10));
      assert.equal((await store.read(0, { ...ALL, maxCount: 4 })).length, 4);
    },
  },
  {
    title: "read() stops at maxBytes",
    async run(store) {
      await store.append(many(10)); // two bytes each
      assert.equal((await store.read(0, { ...ALL, maxBytes: 7 })).length, 3);
      assert.equal((await store.read(0, { ...ALL, maxBytes: 8 })).length, 4);
    },
  },
  {
    title: "read() gives one entry that is larger than maxBytes",
    async run(store) {
      await store.append([entry("x".repeat(1_000)), entry("y")]);
      const rows = await store.read(0, { ...ALL, maxBytes: 10 });
      assert.deepEqual(rows.map(({ bytes }) => bytes), [1_000]);
    },
  },
  {
    title: "read() begins above afterId and leaves the entries",
    async run(store) {
      await store.append(many(5));
      const rows = await store.read(0, ALL);
      assert.deepEqual(await texts(store, at(rows, 1).id), ["e2", "e3", "e4"]);
      assert.deepEqual(await texts(store, at(rows, -1).id), []);
      assert.equal(store.depth().count, 5);
    },
  },
];

const REMOVE_CASES: readonly StoreCase[] = [
  {
    title: "removeRange() removes both ends and what is between",
    async run(store) {
      await store.append(many(6));
      const rows = await store.read(0, ALL);
      await store.removeRange(at(rows, 1).id, at(rows, 3).id);
      assert.deepEqual(await texts(store), ["e0", "e4", "e5"]);
      assert.deepEqual(store.depth(), { count: 3, bytes: 6 });
    },
  },
  {
    title: "removeRange() twice counts once",
    async run(store) {
      await store.append(many(6));
      const rows = await store.read(0, ALL);
      for (let i = 0; i < 2; i++) await store.removeRange(at(rows, 0).id, at(rows, 3).id);
      assert.deepEqual(store.depth(), { count: 2, bytes: 4 });
      assert.deepEqual(store.losses(), {});
    },
  },
  {
    title: "removeRange() of ids that are not there does nothing",
    async run(store) {
      await store.append(many(2));
      const last = at(await store.read(0, ALL), -1).id;
      await store.removeRange(last + 1, last + 100);
      assert.equal(store.depth().count, 2);
    },
  },
];

const LIMIT_CASES: readonly StoreCase[] = [
  {
    title: "append() evicts the oldest progress first, then the oldest outcome",
    limits: { maxEvents: 4 },
    async run(store) {
      await store.append([entry("t0", "terminal"), ...many(3, "progress", "p")]);
      assert.deepEqual(await store.append([entry("t1", "terminal")]), { "kind.progress": 1 });
      assert.deepEqual(await texts(store), ["t0", "p1", "p2", "t1"]);
      assert.deepEqual(await store.append(many(3, "terminal", "u")), {
        "kind.progress": 2,
        "kind.terminal": 1,
      });
      assert.deepEqual(await texts(store), ["t1", "u0", "u1", "u2"]);
    },
  },
  {
    title: "append() never evicts schedules",
    limits: { maxEvents: 3 },
    async run(store) {
      await store.append([entry("s0", "schedule"), entry("p0"), entry("s1", "schedule")]);
      await store.append([entry("s2", "schedule")]);
      assert.deepEqual(await texts(store), ["s0", "s1", "s2"]);
      await store.append([entry("p1"), entry("t1", "terminal")]);
      assert.deepEqual(await texts(store), ["s0", "s1", "s2"]);
      assert.deepEqual(store.losses(), { "kind.progress": 2, "kind.terminal": 1 });
    },
  },
  {
    title: "append() is atomic when schedules do not fit",
    limits: { maxEvents: 2 },
    async run(store) {
      await store.append([entry("p0"), entry("s0", "schedule")]);
      await assertRefused(store, [entry("p1"), ...many(2, "schedule", "s")]);
      assert.deepEqual(await texts(store), ["p0", "s0"]);
      assert.deepEqual(store.depth(), { count: 2, bytes: 4 });
      assert.deepEqual(store.losses(), {});
    },
  },
  {
    title: "append() stays within maxBytes",
    limits: { maxBytes: 100 },
    async run(store) {
      await store.append([entry("a".repeat(60)), entry("b".repeat(30))]);
      assert.deepEqual(await store.append([entry("c".repeat(50))]), { "kind.progress": 1 });
      assert.deepEqual(store.depth(), { count: 2, bytes: 80 });
    },
  },
  {
    title: "append() of more than fits keeps the newest",
    limits: { maxEvents: 10 },
    async run(store) {
      assert.deepEqual(await store.append(many(700)), { "kind.progress": 690 });
      assert.deepEqual((await texts(store))[0], "e690");
      assert.equal(store.depth().count, 10);
    },
  },
  {
    title: "losses() counts every eviction by kind",
    limits: { maxEvents: 1 },
    async run(store) {
      for (const kind of ["task.sent", "task.started", "task.sent", "task.received"]) {
        await store.append([entry("x", "progress", kind)]);
      }
      assert.deepEqual(store.losses(), { "task.sent": 2, "task.started": 1 });
    },
  },
  {
    title: "append() at the bound finds progress that came after it was all evicted",
    limits: { maxEvents: 3 },
    async run(store) {
      await store.append(many(3, "terminal", "t"));
      await store.append([entry("p0")]);
      await store.append([entry("t3", "terminal")]);
      await store.removeRange(0, at(await store.read(0, ALL), 0).id);
      await store.append([entry("p1"), entry("t4", "terminal")]);
      assert.deepEqual(store.losses(), { "kind.progress": 2, "kind.terminal": 1 });
      assert.deepEqual(await texts(store), ["t2", "t3", "t4"]);
    },
  },
];

const META_CASES: readonly StoreCase[] = [
  {
    title: "setMeta() keeps, replaces and removes a value",
    async run(store) {
      assert.equal(await store.getMeta("k"), null);
      await store.setMeta("k", "1");
      await store.setMeta("k", "2");
      assert.equal(await store.getMeta("k"), "2");
      await store.setMeta("k", null);
      assert.equal(await store.getMeta("k"), null);
    },
  },
  {
    title: "append() stores values with its entries, or neither",
    limits: { maxEvents: 1 },
    async run(store) {
      await store.append([entry("a")], new Map([["position", "7"]]));
      assert.equal(await store.getMeta("position"), "7");
      const tooMany = many(2, "schedule");
      await assert.rejects(async () => await store.append(tooMany, new Map([["position", "8"]])));
      assert.equal(await store.getMeta("position"), "7");
    },
  },
];

const LIFE_CASES: readonly StoreCase[] = [
  {
    title: "storeId is a UUID",
    run(store) {
      assert.match(store.storeId, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      return Promise.resolve();
    },
  },
  {
    title: "close() twice does nothing more, and append() fails afterwards",
    async run(store) {
      await store.append(many(1));
      await store.close();
      await store.close();
      await assert.rejects(async () => await store.append(many(1)), { code: "Z4J_BUFFER_CLOSED" });
    },
  },
  {
    title: "close() and opening again keeps entries, values, losses and identity",
    limits: { maxEvents: 3 },
    async run(store, { reopen }) {
      assert.equal(store.capabilities.durable, reopen !== undefined);
      if (reopen === undefined) return;
      await store.append(many(5));
      await store.setMeta("k", "v");
      const before = await store.read(0, ALL);
      await store.close();
      const again = await reopen();
      try {
        assert.deepEqual(await again.read(0, ALL), before);
        assert.deepEqual(again.depth(), { count: 3, bytes: 6 });
        assert.deepEqual(again.losses(), { "kind.progress": 2 });
        assert.equal(await again.getMeta("k"), "v");
        assert.equal(again.storeId, store.storeId);
        await again.append([entry("next", "terminal")]);
        const rows = await again.read(0, ALL);
        assert.ok(at(rows, -1).id > at(before, -1).id);
        assert.deepEqual(rows.map(({ text }) => text), ["e3", "e4", "next"]);
      } finally {
        await again.close();
      }
    },
  },
];

const CASES: readonly StoreCase[] = [
  ...ORDER_CASES,
  ...READ_CASES,
  ...REMOVE_CASES,
  ...LIMIT_CASES,
  ...META_CASES,
  ...SIZE_CASES,
  ...LIFE_CASES,
];
