import assert from "node:assert/strict";
import type { EventStore } from "../buffer/port.ts";
import { ALL, at, entry, many, type StoreCase, texts } from "./buffer_cases.ts";

// Some stores put several events in one value and cut large ones.
/** Cases that are about the sizes and shares of what is stored together. */
export const SIZE_CASES: readonly StoreCase[] = [
  {
    title: "append() and read() carry texts of every size between others",
    async run(store, { reopen }) {
      const sizes = [1, 30_000, 61_440, 70_000, 5, 300_000, 2, 900_000, 64];
      const group = sizes.map((size, i) =>
        entry("aé😀".repeat(Math.ceil(size / 7)), "terminal", `k${i}`)
      );
      await store.append(group);
      await store.append(many(2_500));
      const check = async (open: EventStore): Promise<void> => {
        const rows = await open.read(0, ALL);
        assert.equal(rows.length, group.length + 2_500);
        group.forEach(({ text, bytes, kind }, i) => {
          const row = at(rows, i);
          assert.ok(row.text === text, `text ${i} came back changed`);
          assert.deepEqual([row.bytes, row.kind], [bytes, kind]);
        });
        assert.equal(at(rows, -1).text, "e2499");
      };
      await check(store);
      if (reopen === undefined) return;
      await store.close();
      const again = await reopen();
      await check(again);
      await again.close();
    },
  },
  {
    title: "removeRange() in odd pieces leaves exactly the others, also after opening again",
    async run(store, { reopen }) {
      for (let n = 0; n < 4; n++) {
        await store.append(many(700, n % 2 ? "terminal" : "progress", `${n}-`));
      }
      const before = await store.read(0, ALL);
      const isGone = (i: number): boolean => i < 311 || (i > 900 && i < 1_650) || i % 401 === 0;
      let from = 0;
      before.forEach((row, i) => {
        if (isGone(i)) return;
        if (i > from) void store.removeRange(at(before, from).id, row.id - 1);
        from = i + 1;
      });
      const left = before.filter((_, i) => !isGone(i)).map(({ text }) => text);
      assert.deepEqual(await texts(store), left);
      assert.equal(store.depth().count, left.length);
      if (reopen === undefined) return;
      await store.close();
      const again = await reopen();
      assert.deepEqual(await texts(again), left);
      assert.equal(again.depth().count, left.length);
      await again.close();
    },
  },
  {
    title: "append() evicts across many groups and forgets nothing that stays",
    limits: { maxEvents: 2_000 },
    async run(store, { reopen }) {
      for (let n = 0; n < 6; n++) {
        await store.append([...many(600, "progress", `p${n}-`), ...many(50, "terminal", `t${n}-`)]);
      }
      const rows = await texts(store);
      assert.equal(rows.length, 2_000);
      assert.equal(rows.filter((text) => text.startsWith("t")).length, 300);
      assert.deepEqual(store.losses(), { "kind.progress": 1_900 });
      if (reopen === undefined) return;
      await store.close();
      const again = await reopen();
      assert.deepEqual(await texts(again), rows);
      assert.deepEqual(again.losses(), { "kind.progress": 1_900 });
      await again.close();
    },
  },
];
