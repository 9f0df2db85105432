/**
 * Hostile input from a grammar, on Deno and on Bun: see `./scripts/fuzz`. Each
 * runtime has a lane and walks through all targets, with cases of its own.
 */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import type { FuzzAccount, FuzzFailure } from "../tests/fuzz/target.ts";
import { keepAccount } from "./account_parts/json.ts";
import type { RuntimeName } from "./bench/measure.ts";
import { runtimeCommand } from "./bench/peer.ts";
import { watchedChild } from "./child_parts/watched_child.ts";

const SCRIPT = "scripts/fuzz_parts/run_one.ts";
// Cases of both runtimes together. A full run gives each target what its speed allows in
// ten minutes on two cores: a case is 50 µs of work for one, a brain read whole for another.
const CASES: Readonly<Record<string, { readonly test: number; readonly full: number }>> = {
  frames: { test: 6_000, full: 1_000_000 },
  settings: { test: 4_000, full: 1_000_000 },
  gateway: { test: 2_500, full: 200_000 },
  rest: { test: 4_000, full: 400_000 },
  sqlite_rows: { test: 1_500, full: 200_000 },
  kv_rows: { test: 1_700, full: 300_000 },
  brain_rows: { test: 300, full: 40_000 },
};
// No word of a child for so long: a case has hung.
const SILENCE_MS = 120_000;

const { values } = parseArgs({
  options: {
    full: { type: "boolean", default: false },
    seed: { type: "string", default: "1" },
    target: { type: "string" },
    cases: { type: "string" },
    json: { type: "string" },
  },
});

interface Run extends FuzzAccount {
  readonly runtime: RuntimeName;
}

async function runOne(runtime: RuntimeName, target: string, cases: number): Promise<Run> {
  const seed = Number(values.seed);
  const from = runtime === "deno" ? cases : 0;
  const { code, last } = await watchedChild(
    [...runtimeCommand(runtime), SCRIPT, target, `${cases}`, `${seed}`, `${from}`],
    { silenceMs: SILENCE_MS },
  );
  if (last.startsWith("{")) return { runtime, ...JSON.parse(last) as FuzzAccount };
  // Neither a crash nor a hang may look like a run without a failure.
  const why = `the process ended with ${code} after "${last}"`;
  const failure = { target, seed, case: from, text: null, alone: false, why };
  return { ...{ runtime, target, seed, cases: 0, seconds: 0 }, ...EMPTY, failures: [failure] };
}

const EMPTY = { outcomes: {}, slowestMs: 0 };

/** Keeps a case that failed by itself for every later test run. */
function keepSeed({ target, text, why }: FuzzFailure): void {
  if (text === null) return;
  const name = createHash("sha256").update(text).digest("hex").slice(0, 12);
  const path = `tests/fuzz/seeds/${target}-${name}.json`;
  writeFileSync(path, `${JSON.stringify({ target, text, was: why }, null, 2)}\n`);
  console.log(`kept as ${path}`);
}

async function main(): Promise<void> {
  const startMs = performance.now();
  const targets = Object.keys(CASES).filter((name) => (values.target ?? name) === name);
  if (targets.length === 0) throw new RangeError(`Cannot find the target ${values.target}`);
  const casesOf = (name: string): number => {
    const each = CASES[name] ?? { test: 0, full: 0 };
    return Math.ceil(Number(values.cases ?? (values.full ? each.full : each.test)) / 2);
  };
  const lane = async (runtime: RuntimeName): Promise<Run[]> => {
    const runs: Run[] = [];
    for (const name of targets) {
      const run = await runOne(runtime, name, casesOf(name));
      const { cases, seconds, slowestMs, failures } = run;
      console.log(
        `${runtime} ${name}: ${cases} cases in ${seconds} s, slowest ${slowestMs} ms, ` +
          `${failures.length} failed`,
      );
      runs.push(run);
    }
    return runs;
  };
  const runs = (await Promise.all([lane("bun"), lane("deno")])).flat();
  const failures = runs.flatMap((run) => run.failures);
  for (const failure of failures) {
    console.log(`${failure.target} case ${failure.case}, seed ${failure.seed}: ${failure.why}`);
    keepSeed(failure);
  }
  const cases = runs.reduce((sum, run) => sum + run.cases, 0);
  const minutes = Math.round((performance.now() - startMs) / 6_000) / 10;
  const account = {
    ...{ holds: failures.length === 0, seed: Number(values.seed), minutes, cases },
    targets: targets.map((target) => summary(target, runs)),
  };
  if (values.json !== undefined) keepAccount(values.json, account);
  console.log(JSON.stringify(account));
  process.exitCode = failures.length === 0 ? 0 : 1;
}

function summary(target: string, all: readonly Run[]): Record<string, unknown> {
  const runs = all.filter((run) => run.target === target);
  const outcomes: Record<string, number> = {};
  for (const run of runs) {
    for (const [name, count] of Object.entries(run.outcomes)) {
      outcomes[name] = (outcomes[name] ?? 0) + count;
    }
  }
  return {
    target,
    cases: runs.reduce((sum, run) => sum + run.cases, 0),
    failed: runs.reduce((sum, run) => sum + run.failures.length, 0),
    slowestMs: Math.max(...runs.map((run) => run.slowestMs)),
    outcomes,
  };
}

await main();
