import type { FuzzAccount, FuzzFailure } from "../../tests/fuzz/target.ts";
import { sumByName } from "../account_parts/tell.ts";
import type { RuntimeName } from "../bench/measure.ts";
import { runtimeCommand } from "../bench/peer.ts";
import { watchedChild } from "../child_parts/watched_child.ts";

/** What one runtime has tried of one target so far. */
export interface Tried {
  readonly runtime: RuntimeName;
  readonly target: string;
  /** Cases, counted from the first of this runtime. */
  readonly cases: number;
  readonly seconds: number;
  readonly failed: number;
  readonly slowestMs: number;
  readonly outcomes: Readonly<Record<string, number>>;
}

/** What a lane is to do. */
export interface LanePlan {
  readonly runtime: RuntimeName;
  readonly seed: number;
  /** Cases that this runtime should have tried of each target in the end. */
  readonly wanted: ReadonlyMap<string, number>;
  /** What an earlier run has tried of them. */
  readonly before: readonly Tried[];
  /** Reading of `performance.now()` at which nothing further begins. */
  readonly endMs: number;
  /** Told after each slice, so that an interruption loses no more than one. */
  readonly onSlice: (tried: Tried, failures: readonly FuzzFailure[]) => void;
}

const SCRIPT = "scripts/fuzz_parts/run_one.ts";
// So long a child works before its figures are kept.
const SLICE_MS = 30_000;
// No word of a child for so long: a case has hung.
const SILENCE_MS = 120_000;

/** Walks through all targets with one runtime, a slice of each at a time, until all are done. */
export async function runLane(plan: LanePlan): Promise<void> {
  const tried = new Map(plan.before.map((one) => [one.target, one]));
  const slice = async (target: string, wanted: number): Promise<boolean> => {
    const before = tried.get(target) ?? nothing(plan.runtime, target);
    const leftMs = plan.endMs - performance.now();
    if (before.failed > 0 || before.cases >= wanted || leftMs <= 0) return false;
    const account = await runSlice(plan, before, wanted, Math.min(SLICE_MS, leftMs));
    const after = added(before, account);
    tried.set(target, after);
    plan.onSlice(after, account.failures);
    return true;
  };
  for (let isMore = true; isMore;) {
    isMore = false;
    for (const [target, wanted] of plan.wanted) isMore = await slice(target, wanted) || isMore;
  }
}

async function runSlice(
  { runtime, seed, wanted: all }: LanePlan,
  { target, cases: done }: Tried,
  wanted: number,
  maxMs: number,
): Promise<FuzzAccount> {
  // The other runtime has the cases before these.
  const from = (runtime === "deno" ? all.get(target) ?? 0 : 0) + done;
  const limit = Number.isFinite(maxMs) ? Math.ceil(maxMs) : "Infinity";
  const { code, last } = await watchedChild(
    [...runtimeCommand(runtime), SCRIPT, ...[target, wanted - done, seed, from, limit].map(String)],
    { silenceMs: SILENCE_MS },
  );
  if (last.startsWith("{")) return JSON.parse(last) as FuzzAccount;
  // Neither a crash nor a hang may look like a run without a failure.
  const why = `the process ended with ${code} after "${last}"`;
  const failure = { target, seed, case: from, text: null, alone: false, why };
  return {
    ...{ target, seed, cases: 0, seconds: 0, outcomes: {} },
    slowestMs: 0,
    failures: [failure],
  };
}

function nothing(runtime: RuntimeName, target: string): Tried {
  return { ...{ runtime, target, cases: 0, seconds: 0 }, failed: 0, slowestMs: 0, outcomes: {} };
}

function added(before: Tried, account: FuzzAccount): Tried {
  return {
    ...before,
    cases: before.cases + account.cases,
    seconds: Math.round((before.seconds + account.seconds) * 10) / 10,
    failed: before.failed + account.failures.length,
    slowestMs: Math.max(before.slowestMs, account.slowestMs),
    outcomes: sumByName([before.outcomes, account.outcomes]),
  };
}
