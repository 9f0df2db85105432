/**
 * Traces a writer on this runtime and judges a sample of its crash states:
 *
 *     explore.ts '{"synchronous":"FULL","states":5000,"seed":1}'
 *
 * Prints what it found as one line of JSON.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { loadSqlite } from "../../src/buffer/load_sqlite.ts";
import { createRandom, type Random } from "../chaos_parts/random.ts";
import { Disk, type Fate } from "./disk.ts";
import { apply, lookAhead, nothingPromised } from "./promise.ts";
import { Reopener, type Verdict } from "./reopen.ts";
import { type Step, traceWriter } from "./trace.ts";

/** What to explore. */
export interface Exploration {
  readonly synchronous: "FULL" | "NORMAL";
  readonly states: number;
  readonly seed: number;
}

/** What was found. */
export interface Found extends Exploration {
  readonly runtime: "bun" | "deno";
  /** Steps of the writer in the trace. */
  readonly steps: number;
  /** Syncs among them. */
  readonly syncs: number;
  /** Cuts of a write after every 64 bytes that the trace has. */
  readonly cutsThereAre: number;
  /** Judged states by kind. */
  readonly crashes: number;
  readonly powerLosses: number;
  /** Of these, with a recovery that was cut as well. */
  readonly recoveredTwice: number;
  /** States with a broken promise. */
  readonly broken: number;
  /** Events that had been reported as stored and are missing, over all states. */
  readonly lost: number;
  /** The first broken promises. */
  readonly examples: readonly string[];
  readonly seconds: number;
}

const GRAIN = 64;
const SECTOR = 512;
const TWICE = 0.05;
const EXAMPLES = 5;

type State = { readonly cut: number } | { readonly power: true };

async function explore(task: Exploration): Promise<Found> {
  const startedAt = performance.now();
  const runtime = "Deno" in globalThis ? "deno" : "bun";
  const steps = lookAhead(traceWriter(runtime, task.synchronous));
  const random = createRandom(task.seed).fork(`${runtime} ${task.synchronous}`);
  const plan = planOf(steps, task, random);
  const place = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
  const folder = mkdtempSync(join(place, "z4j-state-"));
  const tally = { crashes: 0, powerLosses: 0, recoveredTwice: 0, broken: 0, lost: 0 };
  const examples: string[] = [];
  try {
    const reopener = new Reopener(folder, await loadSqlite());
    walk(steps, plan, random, reopener, (step, kind, twice, { broken, lost }) => {
      tally[kind]++;
      if (twice) tally.recoveredTwice++;
      tally.lost += lost;
      if (broken.length === 0) return;
      tally.broken++;
      if (examples.length < EXAMPLES) {
        examples.push(`${kind} at step ${step}: ${broken.join("; ")}`);
      }
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
  const syncs = steps.filter(({ kind }) => kind === "sync").length;
  const seconds = Math.round((performance.now() - startedAt) / 100) / 10;
  const cutsThereAre = allCuts(steps).length;
  return {
    ...task,
    runtime,
    steps: steps.length,
    syncs,
    cutsThereAre,
    ...tally,
    examples,
    seconds,
  };
}

type Tell = (
  step: number,
  kind: "crashes" | "powerLosses",
  twice: boolean,
  verdict: Verdict,
) => void;

/** Goes through the trace once and judges the planned states on the way. */
function walk(
  steps: readonly Step[],
  plan: ReadonlyMap<number, readonly State[]>,
  random: Random,
  reopener: Reopener,
  tell: Tell,
): void {
  const disk = new Disk();
  const promised = nothingPromised();
  steps.forEach((step, at) => {
    for (const state of plan.get(at) ?? []) {
      const twice = random.chance(TWICE);
      const cutRecovery = twice ? (length: number) => random.int(0, length) : null;
      if ("cut" in state) {
        const image = disk.afterCrash(step, state.cut);
        tell(at, "crashes", twice, reopener.judge(image, promised, cutRecovery));
      } else {
        const image = disk.afterPowerLoss(drawFate(random));
        tell(at, "powerLosses", twice, reopener.judge(image, promised, cutRecovery));
      }
    }
    disk.take(step);
    if (step.kind === "mark") apply(promised, step.mark);
  });
}

/** Which states to judge before which step: half crashes, half power losses. */
function planOf(
  steps: readonly Step[],
  { states }: Exploration,
  random: Random,
): ReadonlyMap<number, readonly State[]> {
  const plan = new Map<number, State[]>();
  const add = (at: number, state: State): void => {
    const known = plan.get(at);
    if (known === undefined) plan.set(at, [state]);
    else known.push(state);
  };
  const cuts = allCuts(steps);
  const wanted = Math.min(cuts.length, Math.floor(states / 2));
  for (let i = 0; i < wanted; i++) {
    const cut = cuts[Math.floor((i + random.next()) * cuts.length / wanted)];
    if (cut !== undefined) add(cut.at, { cut: cut.bytes });
  }
  for (let i = wanted; i < states; i++) add(random.int(0, steps.length - 1), { power: true });
  return plan;
}

/** Every place where a write may end when the process dies. */
function allCuts(steps: readonly Step[]): { readonly at: number; readonly bytes: number }[] {
  return steps.flatMap((step, at) => {
    if (step.kind !== "write") return [];
    const count = Math.ceil(step.data.length / GRAIN);
    return Array.from({ length: count }, (_, i) => ({ at, bytes: i * GRAIN }));
  });
}

/** Few, most or half of the unsynced changes are there; some of them in part. */
function drawFate(random: Random): Fate {
  const share = random.pick([0, 0.1, 0.5, 0.9, 1]);
  const torn = random.pick([0, 0.1, 0.5]);
  return {
    reached: () => random.chance(share),
    part(length) {
      if (!random.chance(torn)) return length;
      return Math.min(length, random.int(0, Math.floor(length / SECTOR)) * SECTOR);
    },
  };
}

console.log(JSON.stringify(await explore(JSON.parse(process.argv[2] ?? "{}") as Exploration)));
