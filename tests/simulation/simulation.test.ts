import { deepStrictEqual as deepEqual, ok, strictEqual as equal } from "node:assert/strict";
import { test } from "node:test";
import { openBench } from "./bench.ts";
import { createSearch, seededChoices } from "./choices.ts";
import { playSchedule } from "./schedule.ts";
import { playSmallest } from "./smallest.ts";
import { findPlayer } from "./world.ts";

const SCHEDULES = 100;
// Of all; the first ones have no crash or a late one.
const SMALLEST_RUNS = 200;

test("no schedule of faults loses, doubles, alters or strands anything", async () => {
  const [bench, player] = [await openBench(), await findPlayer()];
  for (let schedule = 0; schedule < SCHEDULES; schedule++) {
    const played = await playSchedule({ bench, player, choices: seededChoices(1, schedule) });
    deepEqual(played.violations, [], `schedule ${schedule} with ${played.faults.join(", ")}`);
  }
});

// Each was a mistake of the simulation once: an append that arrives in a crash evicts
// uncounted, and a process killed at its start dials in the name of the next one.
const MISTAKEN = [136_580, 150_961, 307_904];

test("the schedules that the simulation once judged wrong hold", async () => {
  const [bench, player] = [await openBench(), await findPlayer()];
  for (const schedule of MISTAKEN) {
    const played = await playSchedule({ bench, player, choices: seededChoices(1, schedule) });
    deepEqual(played.violations, [], `schedule ${schedule} with ${played.faults.join(", ")}`);
  }
});

test("a seed repeats its schedule to the last line", async () => {
  const [bench, player] = [await openBench(), await findPlayer()];
  const traceOf = async (schedule: number): Promise<string> => {
    const lines: string[] = [];
    const choices = seededChoices(7, schedule);
    await playSchedule({ bench, player, choices, trace: (line) => void lines.push(line) });
    return lines.join("\n");
  };
  for (let schedule = 0; schedule < 5; schedule++) {
    equal(await traceOf(schedule), await traceOf(schedule));
  }
});

test("the first runs of the smallest model lose, double and strand nothing", async () => {
  const [bench, player, search] = [await openBench(), await findPlayer(), createSearch()];
  const traces = new Set<string>();
  for (let run = 0; run < SMALLEST_RUNS; run++) {
    const { violations, trace } = await playSmallest(bench, player, search);
    deepEqual(violations, [], trace.join("\n"));
    traces.add(trace.join("\n"));
    equal(search.next(), true);
  }
  ok(traces.size > SMALLEST_RUNS / 2, `${traces.size} of ${SMALLEST_RUNS} runs differ`);
});
