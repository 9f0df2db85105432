import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { openBench } from "./bench.ts";
import { seededChoices } from "./choices.ts";
import { playSchedule } from "./schedule.ts";
import { findSettle } from "./world.ts";

const SCHEDULES = 100;

test("no schedule of faults loses, doubles, alters or strands anything", async () => {
  const [bench, settle] = [await openBench(), await findSettle()];
  for (let schedule = 0; schedule < SCHEDULES; schedule++) {
    const played = await playSchedule({ bench, settle, choices: seededChoices(1, schedule) });
    deepEqual(played.violations, [], `schedule ${schedule} with ${played.faults.join(", ")}`);
  }
});

test("a seed repeats its schedule to the last line", async () => {
  const [bench, settle] = [await openBench(), await findSettle()];
  const traceOf = async (schedule: number): Promise<string> => {
    const lines: string[] = [];
    const choices = seededChoices(7, schedule);
    await playSchedule({ bench, settle, choices, trace: (line) => void lines.push(line) });
    return lines.join("\n");
  };
  for (let schedule = 0; schedule < 5; schedule++) {
    equal(await traceOf(schedule), await traceOf(schedule));
  }
});
