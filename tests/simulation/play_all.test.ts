import { deepStrictEqual as deepEqual, ok, strictEqual as equal } from "node:assert/strict";
import { test } from "node:test";
import { playAll } from "../../scripts/simulation_parts/play_all.ts";
import type { Share, ShareFound } from "../../scripts/simulation_parts/share.ts";

const found = (schedules: number): ShareFound => ({
  schedules,
  steps: schedules * 2,
  slowestDrainMs: schedules,
  visits: { "idle drop": 1 },
  faults: { drop: 1 },
  brokenCount: 0,
  broken: [],
});

test("processes share all schedules, each once, and what they found is added up", async () => {
  const played = new Set<number>();
  let [atOnce, most, told] = [0, 0, 0];
  const run = async ({ from, until }: Share): Promise<ShareFound> => {
    most = Math.max(most, ++atOnce);
    await Promise.resolve();
    for (let schedule = from; schedule < until; schedule++) {
      ok(!played.has(schedule), `schedule ${schedule} was played before`);
      played.add(schedule);
    }
    atOnce--;
    return found(until - from);
  };
  const all = await playAll({
    seed: 1,
    schedules: 60_001,
    processes: 2,
    endsAtMs: null,
    told: ({ schedules }) => void (told = schedules),
    run,
  });
  equal(played.size, 60_001);
  equal(most, 2);
  equal(told, 60_001);
  deepEqual({ ...all, visits: all.visits["idle drop"] }, {
    ...found(60_001),
    slowestDrainMs: 12_500,
    visits: 5,
    faults: { drop: 5 },
  });
});

test("no process begins when the time is up, and what was found until then counts", async () => {
  const endsAtMs = Date.now() + 40;
  const run = async (share: Share): Promise<ShareFound> => {
    equal(share.endsAtMs, endsAtMs);
    while (Date.now() < endsAtMs) await new Promise((resolve) => setTimeout(resolve, 5));
    return found(7);
  };
  const { schedules } = await playAll({
    seed: 1,
    schedules: 1_000_000,
    processes: 2,
    endsAtMs,
    told: () => {},
    run,
  });
  equal(schedules, 14);
});
