/**
 * Hostile input from a grammar, on Deno and on Bun: see `./scripts/fuzz`. Each
 * runtime has a lane and walks through all targets, with cases of its own.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import type { FuzzFailure } from "../tests/fuzz/target.ts";
import { keepAccount } from "./account_parts/json.ts";
import { minutesSince, sumOf } from "./account_parts/tell.ts";
import { runLane, type Tried } from "./fuzz_parts/lane.ts";

// Cases of both runtimes together.
const CASES: Readonly<Record<string, number>> = {
  frames: 4_000,
  settings: 4_000,
  kv_rows: 1_700,
  rest: 4_000,
  gateway: 2_500,
  long_poll: 2_000,
  sqlite_rows: 1_500,
  brain_rows: 300,
};
const FULL_CASES = 1_000_000;
const FULL_MINUTES = 25;

const { values } = parseArgs({
  options: {
    full: { type: "boolean", default: false },
    resume: { type: "boolean", default: false },
    seed: { type: "string", default: "1" },
    target: { type: "string" },
    cases: { type: "string" },
    minutes: { type: "string" },
    json: { type: "string" },
  },
});

/** What is kept of a run, and what `--resume` goes on from. */
interface Account {
  readonly holds: boolean;
  readonly seed: number;
  readonly minutes: number;
  readonly cases: number;
  readonly attacked: number;
  readonly failed: number;
  readonly targets: readonly Record<string, unknown>[];
  readonly lanes: readonly Tried[];
}

/** Keeps a case that failed by itself for every later test run. */
function keepSeed({ target, text, why }: FuzzFailure): void {
  if (text === null) return;
  const name = createHash("sha256").update(text).digest("hex").slice(0, 12);
  const path = `tests/fuzz/seeds/${target}-${name}.json`;
  writeFileSync(path, `${JSON.stringify({ target, text, was: why }, null, 2)}\n`);
  console.log(`kept as ${path}`);
}

function earlier(seed: number): Account | null {
  if (!values.resume) return null;
  if (values.json === undefined) throw new TypeError("Cannot resume: expected --json FILE");
  if (!existsSync(values.json)) return null;
  const account = JSON.parse(readFileSync(values.json, "utf8")) as Account;
  if (account.seed !== seed) throw new RangeError(`Cannot resume: its seed is ${account.seed}`);
  return account;
}

function wantedCases(): ReadonlyMap<string, number> {
  const names = Object.keys(CASES).filter((name) => (values.target ?? name) === name);
  if (names.length === 0) throw new RangeError(`Cannot find the target ${values.target}`);
  const of = (name: string): number => values.full ? FULL_CASES : CASES[name] ?? 0;
  return new Map(names.map((name) => [name, Math.ceil(Number(values.cases ?? of(name)) / 2)]));
}

function summary(target: string, wanted: number, all: readonly Tried[]): Record<string, unknown> {
  const tried = all.filter((one) => one.target === target);
  const cases = sumOf(tried, (one) => one.cases);
  const casesOn = (runtime: string): number =>
    sumOf(tried.filter((one) => one.runtime === runtime), (one) => one.cases);
  return {
    ...{ target, cases, bun: casesOn("bun"), deno: casesOn("deno") },
    ofWanted: `${Math.floor(cases / wanted * 50)} %`,
    failed: sumOf(tried, (one) => one.failed),
    slowestMs: Math.max(0, ...tried.map((one) => one.slowestMs)),
  };
}

async function main(): Promise<void> {
  const startMs = performance.now();
  const seed = Number(values.seed);
  const wanted = wantedCases();
  const before = earlier(seed);
  const lanes = new Map((before?.lanes ?? []).map((one) => [`${one.runtime} ${one.target}`, one]));
  const minutes = Number(values.minutes ?? (values.full ? FULL_MINUTES : Infinity));
  const account = (): Account => {
    const all = [...lanes.values()];
    const failed = sumOf(all, (one) => one.failed);
    return {
      ...{ holds: failed === 0, seed, cases: sumOf(all, (one) => one.cases) },
      minutes: Math.round(((before?.minutes ?? 0) + minutesSince(startMs)) * 10) / 10,
      ...{ attacked: wanted.size, failed },
      targets: [...wanted].map(([target, each]) => summary(target, each, all)),
      lanes: all,
    };
  };
  const lane = (runtime: "bun" | "deno"): Promise<void> =>
    runLane({
      ...{ runtime, seed, wanted, endMs: startMs + minutes * 60_000 },
      before: [...lanes.values()].filter((one) => one.runtime === runtime),
      onSlice(tried, failures) {
        lanes.set(`${runtime} ${tried.target}`, tried);
        console.log(
          `${runtime} ${tried.target}: ${tried.cases} of ${wanted.get(tried.target)} cases in ` +
            `${tried.seconds} s, slowest ${tried.slowestMs} ms, ${tried.failed} failed`,
        );
        for (const failure of failures) {
          console.log(`${failure.target} case ${failure.case}, seed ${seed}: ${failure.why}`);
          keepSeed(failure);
        }
        if (values.json !== undefined) keepAccount(values.json, account());
      },
    });
  await Promise.all([lane("bun"), lane("deno")]);
  const { lanes: _, ...told } = account();
  if (values.json !== undefined) keepAccount(values.json, account());
  console.log(JSON.stringify(told));
  process.exitCode = told.holds ? 0 : 1;
}

await main();
