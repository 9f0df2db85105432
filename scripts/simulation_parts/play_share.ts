/**
 * Plays the schedules of one process, named by its first argument; prints their
 * number now and then, and what it found in the last line.
 */
import process from "node:process";
import { openBench } from "../../tests/simulation/bench.ts";
import { seededChoices } from "../../tests/simulation/choices.ts";
import { playSchedule } from "../../tests/simulation/schedule.ts";
import { findPlayer } from "../../tests/simulation/world.ts";
import { type Broken, MOST_TOLD, type Share, type ShareFound } from "./share.ts";

// Who waits takes silence for a hang.
const WORD_EVERY = 500;

async function playShare(share: Share): Promise<ShareFound> {
  const [bench, player] = [await openBench(), await findPlayer()];
  const faults: Record<string, number> = {};
  const broken: Broken[] = [];
  let [schedules, steps, slowestDrainMs, brokenCount] = [0, 0, 0, 0];
  const endsAtMs = share.endsAtMs ?? Infinity;
  for (let schedule = share.from; schedule < share.until && Date.now() < endsAtMs; schedule++) {
    const choices = seededChoices(share.seed, schedule);
    const played = await playSchedule({ bench, player, choices });
    schedules++;
    steps += played.steps;
    slowestDrainMs = Math.max(slowestDrainMs, Math.round(played.drainMs));
    for (const fault of played.faults) faults[fault] = (faults[fault] ?? 0) + 1;
    if (played.violations.length > 0) {
      brokenCount++;
      const { violations, faults } = played;
      if (broken.length < MOST_TOLD) broken.push({ schedule, violations, faults });
      if (share.stopsAtFirst) break;
    }
    if (schedules % WORD_EVERY === 0) console.log(schedules);
  }
  return { schedules, steps, slowestDrainMs, visits: bench.visits, faults, brokenCount, broken };
}

console.log(JSON.stringify(await playShare(JSON.parse(process.argv[2] ?? "") as Share)));
// What a schedule left waiting is of no interest.
process.exit(0);
