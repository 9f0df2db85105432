/** Simulation of the delivery on two processes of Deno: see `./scripts/simulation`. */
import process from "node:process";
import { parseArgs } from "node:util";
import { openBench } from "../tests/simulation/bench.ts";
import { createSearch, seededChoices } from "../tests/simulation/choices.ts";
import { coverageOf, type Visits } from "../tests/simulation/coverage.ts";
import { playSchedule } from "../tests/simulation/schedule.ts";
import { playSmallest } from "../tests/simulation/smallest.ts";
import { findSettle } from "../tests/simulation/world.ts";
import { keepAccount } from "./account_parts/json.ts";
import { prove } from "./simulation_parts/prove.ts";
import { runShare } from "./simulation_parts/run_share.ts";
import { MOST_TOLD, type ShareFound } from "./simulation_parts/share.ts";

const SCHEDULES = 8000;
const FULL_SCHEDULES = 100_000;
const PROCESSES = 2;
const LEAST_PERCENT = 95;

const { values } = parseArgs({
  options: {
    exhaustive: { type: "boolean", default: false },
    full: { type: "boolean", default: false },
    json: { type: "string" },
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
    settle: await findSettle(),
    choices: seededChoices(seed, schedule),
    ...(trace === undefined ? {} : { trace }),
  });
  for (const violation of violations) console.log(`violation: ${violation}`);
  console.log(JSON.stringify({ holds: violations.length === 0, schedule, steps, drainMs, faults }));
  return violations.length === 0;
}

/** Adds up counts by their names. */
function total(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const one of counts) {
    for (const [name, count] of Object.entries(one)) sums[name] = (sums[name] ?? 0) + count;
  }
  return sums;
}

function tellBroken(found: readonly ShareFound[]): void {
  for (
    const { schedule, violations, faults } of found.flatMap(({ broken }) => broken).slice(
      0,
      MOST_TOLD,
    )
  ) {
    console.log(`schedule ${schedule} (${faults.join(", ")}): ${violations.join("; ")}`);
    console.log(`  ./scripts/simulation --seed ${seed} --only ${schedule} --trace`);
  }
}

/** Plays all schedules; whether the model holds in each, and enough was visited. */
async function play(schedules: number): Promise<boolean> {
  const startMs = performance.now();
  const found = await Promise.all(Array.from(
    { length: PROCESSES },
    (_, from) => runShare({ seed, from, until: schedules, step: PROCESSES, stopsAtFirst: false }),
  ));
  const sum = (count: (one: ShareFound) => number): number =>
    found.reduce((all, one) => all + count(one), 0);
  const visits: Visits = total(found.map((one) => one.visits));
  const { rows, visited, possible, missing } = coverageOf(visits);
  const percent = Math.round(visited / possible * 1000) / 10;
  const violations = sum(({ brokenCount }) => brokenCount);
  console.table(rows);
  tellBroken(found);
  const account = {
    holds: violations === 0 && percent >= LEAST_PERCENT &&
      sum((one) => one.schedules) === schedules,
    seed,
    minutes: Math.round((performance.now() - startMs) / 6000) / 10,
    schedules: sum((one) => one.schedules),
    steps: sum(({ steps }) => steps),
    violations,
    pairs: { visited, possible, percent },
    missing,
    slowestDrainVirtualMs: Math.max(...found.map(({ slowestDrainMs }) => slowestDrainMs)),
    faults: total(found.map((one) => one.faults)),
  };
  if (values.json !== undefined) keepAccount(values.json, { ...account, visits: rows });
  console.log(JSON.stringify(account));
  return account.holds;
}

/** Plays every run of the smallest model; whether the model holds in each. */
async function exhaust(): Promise<boolean> {
  const startMs = performance.now();
  const [bench, settle, search] = [await openBench(), await findSettle(), createSearch()];
  let [runs, steps, violations] = [0, 0, 0];
  do {
    const played = await playSmallest(bench, settle, search);
    runs++;
    steps += played.steps;
    if (played.violations.length === 0) continue;
    if (++violations > MOST_TOLD) continue;
    console.log(`run ${runs}: ${played.violations.join("; ")}\n  ${played.trace.join("\n  ")}`);
  } while (search.next());
  const minutes = Math.round((performance.now() - startMs) / 6000) / 10;
  const account = { holds: violations === 0, minutes, runs, steps, violations };
  if (values.json !== undefined) keepAccount(values.json, account);
  console.log(JSON.stringify(account));
  return account.holds;
}

async function main(): Promise<boolean> {
  if (values.only !== undefined) return await replay(Number(values.only));
  if (values.exhaustive) return await exhaust();
  if (!values.prove) {
    return await play(Number(values.schedules ?? (values.full ? FULL_SCHEDULES : SCHEDULES)));
  }
  return await prove(seed, ({ fault, schedule, violation }) => {
    const how = schedule === null ? "NOT FOUND" : `found by schedule ${schedule}: ${violation}`;
    console.log(`  ${fault.padEnd(28)} ${how}`);
  });
}

process.exit(await main() ? 0 : 1);
