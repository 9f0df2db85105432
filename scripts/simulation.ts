/** Simulation of the delivery on two processes of Deno: see `./scripts/simulation`. */
import process from "node:process";
import { parseArgs } from "node:util";
import { openBench } from "../tests/simulation/bench.ts";
import { createSearch, seededChoices } from "../tests/simulation/choices.ts";
import { coverageOf } from "../tests/simulation/coverage.ts";
import { playSchedule } from "../tests/simulation/schedule.ts";
import { playSmallest } from "../tests/simulation/smallest.ts";
import { findPlayer } from "../tests/simulation/world.ts";
import { keepAccount } from "./account_parts/json.ts";
import { minutesSince, tellAccount } from "./account_parts/tell.ts";
import { playAll } from "./simulation_parts/play_all.ts";
import { prove } from "./simulation_parts/prove.ts";
import { MOST_TOLD, type ShareFound } from "./simulation_parts/share.ts";

const SCHEDULES = 50_000;
const FULL_SCHEDULES = 1_000_000;
const PROCESSES = 2;
const LEAST_PERCENT = 95;

const { values } = parseArgs({
  options: {
    exhaustive: { type: "boolean", default: false },
    full: { type: "boolean", default: false },
    json: { type: "string" },
    minutes: { type: "string" },
    only: { type: "string" },
    prove: { type: "boolean", default: false },
    schedules: { type: "string" },
    seed: { type: "string", default: "1" },
    trace: { type: "boolean", default: false },
  },
});
const seed = Number(values.seed);

/** Plays one schedule again; whether the model holds. */
async function replay(schedule: number): Promise<boolean> {
  const trace = values.trace ? (line: string) => console.log(line) : undefined;
  const { violations, faults, drainMs, steps } = await playSchedule({
    bench: await openBench(),
    player: await findPlayer(),
    choices: seededChoices(seed, schedule),
    ...(trace === undefined ? {} : { trace }),
  });
  for (const violation of violations) console.log(`violation: ${violation}`);
  console.log(JSON.stringify({ holds: violations.length === 0, schedule, steps, drainMs, faults }));
  return violations.length === 0;
}

function tellBroken({ broken }: ShareFound): void {
  for (const { schedule, violations, faults } of broken) {
    console.log(`schedule ${schedule} (${faults.join(", ")}): ${violations.join("; ")}`);
    console.log(`  ./scripts/simulation --seed ${seed} --only ${schedule} --trace`);
  }
}

/** What a run says of itself, and the table of what was visited. */
function accountOf(found: ShareFound, startMs: number) {
  const { rows, visited, possible, missing } = coverageOf(found.visits);
  const percent = Math.round(visited / possible * 1000) / 10;
  const account = {
    holds: found.brokenCount === 0 && percent >= LEAST_PERCENT && found.schedules > 0,
    seed,
    minutes: minutesSince(startMs),
    schedules: found.schedules,
    steps: found.steps,
    violations: found.brokenCount,
    pairs: { visited, possible, percent },
    missing,
    slowestDrainVirtualMs: found.slowestDrainMs,
    faults: found.faults,
  };
  return { account, rows };
}

/**
 * Plays all schedules, or as many as the minutes allow; whether the model holds in
 * each, and enough was visited. The account is kept as it grows.
 */
async function play(schedules: number, minutes: number | null): Promise<boolean> {
  const startMs = performance.now();
  const keep = (found: ShareFound): void => {
    if (values.json === undefined) return;
    const { account, rows } = accountOf(found, startMs);
    keepAccount(values.json, { ...account, visits: rows });
  };
  const found = await playAll({
    seed,
    schedules,
    processes: PROCESSES,
    endsAtMs: minutes === null ? null : Date.now() + minutes * 60_000,
    told: keep,
  });
  const { account, rows } = accountOf(found, startMs);
  console.table(rows);
  tellBroken(found);
  if (found.schedules < schedules) {
    console.log(`${found.schedules} of ${schedules} schedules in ${minutes} minutes`);
  }
  console.log(JSON.stringify(account));
  return account.holds && (minutes !== null || found.schedules === schedules);
}

/** Plays every run of the smallest model; whether the model holds in each. */
async function exhaust(): Promise<boolean> {
  const startMs = performance.now();
  const [bench, player, search] = [await openBench(), await findPlayer(), createSearch()];
  let [runs, steps, violations] = [0, 0, 0];
  do {
    const played = await playSmallest(bench, player, search);
    runs++;
    steps += played.steps;
    if (played.violations.length === 0) continue;
    if (++violations > MOST_TOLD) continue;
    console.log(`run ${runs}: ${played.violations.join("; ")}\n  ${played.trace.join("\n  ")}`);
  } while (search.next());
  const minutes = minutesSince(startMs);
  const account = { holds: violations === 0, minutes, runs, steps, violations };
  tellAccount(account, values.json);
  return account.holds;
}

async function main(): Promise<boolean> {
  if (values.only !== undefined) return await replay(Number(values.only));
  if (values.exhaustive) return await exhaust();
  if (!values.prove) {
    const schedules = Number(values.schedules ?? (values.full ? FULL_SCHEDULES : SCHEDULES));
    return await play(schedules, values.minutes === undefined ? null : Number(values.minutes));
  }
  return await prove(seed, ({ fault, schedule, violation }) => {
    const how = schedule === null ? "NOT FOUND" : `found by schedule ${schedule}: ${violation}`;
    console.log(`  ${fault.padEnd(28)} ${how}`);
  });
}

process.exit(await main() ? 0 : 1);
