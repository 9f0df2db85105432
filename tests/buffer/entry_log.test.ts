import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EntryLog } from "../../src/buffer/entry_log.ts";
import type { EntryClass, NewEntry } from "../../src/buffer/port.ts";

const CLASSES: readonly EntryClass[] = ["progress", "terminal", "schedule"];
const LIMITS = { maxEvents: 40, maxBytes: 200 };

/** A small repeatable generator (Lehmer), so that a failure can be repeated. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => (state = state * 48_271 % 2_147_483_647) % below;
}

interface Row {
  readonly id: number;
  readonly entry: NewEntry;
}

/** The plain way: an array that is searched from the start each time. */
function trimPlain(rows: Row[]): Row[] {
  let left = rows;
  for (const cls of ["progress", "terminal"]) {
    const over = (): boolean =>
      left.length > LIMITS.maxEvents ||
      left.reduce((sum, { entry }) => sum + entry.bytes, 0) > LIMITS.maxBytes;
    while (over()) {
      const index = left.findIndex(({ entry }) => entry.class === cls);
      if (index < 0) break;
      left = left.toSpliced(index, 1);
    }
  }
  return left;
}

function play(seed: number): void {
  const next = random(seed);
  const log = new EntryLog();
  let plain: Row[] = [];
  for (let step = 0; step < 400; step++) {
    const action = next(10);
    if (action < 7) {
      const bytes = 1 + next(12);
      const entry: NewEntry = {
        text: `${step}`,
        bytes,
        kind: "k",
        class: CLASSES[next(20) === 0 ? 2 : next(2)] ?? "progress",
      };
      plain.push({ id: log.push(entry), entry });
      log.trim(LIMITS, () => {});
      plain = trimPlain(plain);
    } else if (action === 7) {
      const first = next(step + 1);
      const last = first + next(30);
      log.removeRange(first, last);
      plain = plain.filter(({ id }) => id < first || id > last);
    } else if (action === 8) {
      const taken = log.peek(0, 1 + next(20), 1 + next(100));
      if (taken.length > 0) log.removeRange(taken[0]?.id ?? 0, taken.at(-1)?.id ?? 0);
      log.restore(taken);
    } else {
      assert.equal(log.pop()?.text, plain.pop()?.entry.text);
    }
    const where = `seed ${seed}, step ${step}`;
    assert.deepEqual(log.peek(0, Infinity, Infinity), plain, where);
    assert.equal(log.count, plain.length, where);
    assert.equal(log.bytes, plain.reduce((sum, { entry }) => sum + entry.bytes, 0), where);
    assert.equal(log.kept().count, plain.filter((row) => row.entry.class === "schedule").length);
    if (plain[0] !== undefined) assert.equal(log.firstId(), plain[0].id, where);
  }
}

describe("EntryLog", () => {
  it("EntryLog does what a plain array would, for 60 seeds of 400 steps", () => {
    for (let seed = 1; seed <= 60; seed++) play(seed);
  });

  it("trim() costs a constant amount per entry at the bound", () => {
    const log = new EntryLog();
    const entry = (cls: EntryClass): NewEntry => ({ text: "", bytes: 1, kind: "k", class: cls });
    const limits = { maxEvents: 20_000, maxBytes: 1e9 };
    for (let i = 0; i < 19_999; i++) log.push(entry("terminal"));
    const began = performance.now();
    for (let i = 0; i < 50_000; i++) {
      log.push(entry("progress"));
      log.trim(limits, () => {});
    }
    // Searching from the start each time would look at 10^9 entries.
    const tookMs = performance.now() - began;
    assert.ok(tookMs < 1_000, `${tookMs} ms`);
    assert.equal(log.count, 20_000);
  });
});
