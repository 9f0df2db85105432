/**
 * Traces a writer on this runtime and judges a sample of its crash states:
 *
 *     explore.ts '{"subject":"brain","synchronous":"FULL","tracing":"strace","states":50,"seed":1}'
 *
 * Prints what it found as one line of JSON.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { loadSqlite } from "../../src/buffer/load_sqlite.ts";
import type { RuntimeName } from "../bench/measure.ts";
import { createRandom, type Random } from "../chaos_parts/random.ts";
import { brainSubject } from "./brain_subject.ts";
import { bufferSubject, kvSubject } from "./buffer_subject.ts";
import { Disk, type Fate } from "./disk.ts";
import type { Tracing } from "./marks.ts";
import { logPrefixes } from "./prefixes.ts";
import { Reopener, type Verdict } from "./reopener.ts";
import type { Subject, SubjectName } from "./subject.ts";
import { type Step, traceWriter } from "./trace.ts";

/** What to explore. */
export interface Exploration {
  readonly subject: SubjectName;
  /** `none` leaves every sync out of the trace: Deno KV takes no weaker setting. */
  readonly synchronous: "FULL" | "NORMAL" | "none";
  readonly tracing: Tracing;
  readonly states: number;
  readonly seed: number;
}

/** What was found. */
export interface Found extends Exploration {
  readonly runtime: RuntimeName;
  /** Steps of the writer in the trace. */
  readonly steps: number;
  /** Syncs among them. */
  readonly syncs: number;
  /** How often the writer reported something as stored. */
  readonly promises: number;
  /** Of these, with a sync since the one before and nothing unsynced. */
  readonly promisesSynced: number;
  /** Cuts of a write after every 64 bytes that the trace has. */
  readonly cutsThereAre: number;
  /** Judged states by kind. */
  readonly crashes: number;
  readonly powerLosses: number;
  /** Of these, with a recovery that was killed as well. */
  readonly recoveredTwice: number;
  /** States with a broken promise. */
  readonly broken: number;
  /** Events and commands that had been reported as stored and are missing, over all states. */
  readonly lost: number;
  /** The first broken promises. */
  readonly examples: readonly string[];
  readonly seconds: number;
}

const GRAIN = 64;
const SECTOR = 512;
const TWICE = 0.1;
const EXAMPLES = 5;

type State = { readonly cut: number } | { readonly power: true };

async function explore(task: Exploration): Promise<Found> {
  const startedAt = performance.now();
  const runtime = "Deno" in globalThis ? "deno" : "bun";
  const subject = await subjectOf(task.subject);
  const steps = subject.prepare(stepsOf(task, subject, runtime));
  const random = createRandom(task.seed)
    .fork(`${task.subject} ${runtime} ${task.synchronous} ${task.tracing}`);
  const plan = planOf(steps, task, random);
  const place = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
  const folder = mkdtempSync(join(place, "z4j-state-"));
  const tally = { crashes: 0, powerLosses: 0, recoveredTwice: 0, broken: 0, lost: 0 };
  const examples: string[] = [];
  const tell: Tell = (step, kind, twice, { broken, lost }) => {
    tally[kind]++;
    if (twice) tally.recoveredTwice++;
    tally.lost += lost;
    if (broken.length === 0) return;
    tally.broken++;
    if (examples.length < EXAMPLES) examples.push(`${kind} at step ${step}: ${broken.join("; ")}`);
  };
  try {
    await walk(steps, plan, random, subject, new Reopener(folder, subject), tell);
  } finally {
    rmSync(folder, { recursive: true });
  }
  return {
    ...task,
    runtime,
    steps: steps.length,
    ...countSyncs(steps, task.tracing, subject),
    cutsThereAre: allCuts(steps, task.tracing).length,
    ...tally,
    examples,
    seconds: Math.round((performance.now() - startedAt) / 100) / 10,
  };
}

async function subjectOf(name: SubjectName): Promise<Subject> {
  if (name === "brain") return brainSubject();
  return name === "kv" ? kvSubject() : bufferSubject(await loadSqlite());
}

function stepsOf(task: Exploration, subject: Subject, runtime: RuntimeName): Step[] {
  const synchronous = task.synchronous === "NORMAL" ? "NORMAL" : "FULL";
  const steps = task.tracing === "strace"
    ? traceWriter(subject, task.subject, runtime, synchronous)
    : logPrefixes(subject, task.subject, runtime, synchronous);
  return task.synchronous === "none" ? steps.filter(({ kind }) => kind !== "sync") : steps;
}

/** Counts the promises, and before how many of them all that was written had been synced. */
function countSyncs(
  steps: readonly Step[],
  tracing: Tracing,
  subject: Subject,
): Pick<Found, "syncs" | "promises" | "promisesSynced"> {
  const disk = new Disk();
  let [syncs, promises, promisesSynced, syncsBefore] = [0, 0, 0, 0];
  for (const step of steps) {
    disk.take(step);
    // A log does not tell of syncs.
    if (step.kind === "sync" && tracing === "strace") syncs++;
    if (step.kind !== "mark" || !subject.isPromise(step.mark)) continue;
    promises++;
    if (syncs > syncsBefore && disk.allSynced) promisesSynced++;
    syncsBefore = syncs;
  }
  return { syncs, promises, promisesSynced };
}

type Tell = (
  step: number,
  kind: "crashes" | "powerLosses",
  twice: boolean,
  verdict: Verdict,
) => void;

/** Goes through the steps once and judges the planned states on the way. */
async function walk(
  steps: readonly Step[],
  plan: ReadonlyMap<number, readonly State[]>,
  random: Random,
  subject: Subject,
  reopener: Reopener,
  tell: Tell,
): Promise<void> {
  const disk = new Disk();
  for (const [at, step] of steps.entries()) {
    for (const state of plan.get(at) ?? []) {
      const twice = random.chance(TWICE);
      const cutRecovery = twice ? (length: number) => random.int(0, length) : null;
      const isCut = "cut" in state;
      const image = isCut
        ? disk.afterCrash(step, state.cut)
        : disk.afterPowerLoss(drawFate(random));
      const verdict = await reopener.judge(image, cutRecovery);
      tell(at, isCut ? "crashes" : "powerLosses", twice, verdict);
    }
    disk.take(step);
    if (step.kind === "mark") subject.apply(step.mark);
  }
}

/**
 * Which states to judge before which step: half crashes, half power losses. The
 * prefixes of a log know of crashes only.
 */
function planOf(
  steps: readonly Step[],
  { states, tracing }: Exploration,
  random: Random,
): ReadonlyMap<number, readonly State[]> {
  const plan = new Map<number, State[]>();
  const add = (at: number, state: State): void => {
    const known = plan.get(at);
    if (known === undefined) plan.set(at, [state]);
    else known.push(state);
  };
  const cuts = allCuts(steps, tracing);
  const share = tracing === "strace" ? Math.floor(states / 2) : states;
  const wanted = Math.min(cuts.length, share);
  for (let i = 0; i < wanted; i++) {
    const cut = cuts[Math.floor((i + random.next()) * cuts.length / wanted)];
    if (cut !== undefined) add(cut.at, { cut: cut.bytes });
  }
  if (tracing !== "strace") return plan;
  for (let i = wanted; i < states; i++) add(random.int(0, steps.length - 1), { power: true });
  return plan;
}

/** Every place where a write may end when the process dies. */
function allCuts(
  steps: readonly Step[],
  tracing: Tracing,
): { readonly at: number; readonly bytes: number }[] {
  return steps.flatMap((step, at) => {
    if (step.kind !== "write") return [];
    // How the file below its log came to be is not known without a trace.
    if (tracing === "prefixes" && !step.file.endsWith("-wal")) return [];
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
