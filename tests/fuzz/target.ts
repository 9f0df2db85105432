import { systemClock, TIMED_OUT, withDeadline } from "../../src/base/clock.ts";
import { errorText } from "../../src/base/errors.ts";
import { createRandom, type Random } from "./random.ts";

/** What is attacked: how its cases are made, and where they go. */
export interface FuzzTarget {
  /** Its name in accounts and seeds. */
  readonly name: string;
  /** Cases after which a fresh bed is opened; what is stored would grow without end. */
  readonly perBed: number;
  /** Makes one case. A text, so that a seed file can keep it. */
  make(random: Random): string;
  /** Opens the parts under attack. */
  open(): Promise<FuzzBed>;
}

/** The parts under attack. */
export interface FuzzBed {
  /** Tries one case; rejects when it was not handled as it should be. Names what became of it. */
  check(text: string): Promise<string>;
  /** Looks at what the cases left behind, and closes. */
  finish(): Promise<void>;
}

/** A case that was not handled as it should be. */
export interface FuzzFailure {
  readonly target: string;
  readonly seed: number;
  /** Number of the case in this run. */
  readonly case: number;
  /** The case itself; what was left behind by several has none. */
  readonly text: string | null;
  /** Whether it fails in a fresh bed as well. */
  readonly alone: boolean;
  readonly why: string;
}

/** What a run amounts to. */
export interface FuzzAccount {
  readonly target: string;
  readonly seed: number;
  readonly cases: number;
  readonly seconds: number;
  /** How often what became of the cases. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** The slowest case in milliseconds. */
  readonly slowestMs: number;
  readonly failures: readonly FuzzFailure[];
}

/** How many cases of which seed, and who is told how far it is. */
export interface FuzzRun {
  readonly cases: number;
  readonly seed: number;
  /** Number of the first case. Default 0. */
  readonly from?: number;
  /** No further case is begun after so many milliseconds. Default: no limit. */
  readonly maxMs?: number;
  readonly progress?: (done: number) => void;
}

// Longer than this and a case has hung, on a machine that is shared as well.
const CASE_MS = 20_000;
const PROGRESS_CASES = 1_000;
// A broken target fails in every case; ten tell as much as a million.
const MAX_FAILURES = 10;

/** Tries so many cases; never rejects for a case that fails. */
export async function runTarget(target: FuzzTarget, run: FuzzRun): Promise<FuzzAccount> {
  const fuzzer = new Fuzzer(target, run);
  return await fuzzer.run();
}

/** The one case of a seed and a number. */
export function caseOf(target: FuzzTarget, seed: number, number: number): string {
  return target.make(createRandom(Math.imul(seed, 1_000_003) + number));
}

/** Tries one case in a fresh bed. */
export async function replay(target: FuzzTarget, text: string): Promise<string> {
  const bed = await target.open();
  try {
    return await inTime(bed.check(text));
  } finally {
    await inTime(bed.finish());
  }
}

class Fuzzer {
  readonly #target: FuzzTarget;
  readonly #run: FuzzRun;
  readonly #outcomes = new Map<string, number>();
  readonly #failures: FuzzFailure[] = [];
  #bed: FuzzBed | undefined;
  #slowestMs = 0;

  constructor(target: FuzzTarget, run: FuzzRun) {
    this.#target = target;
    this.#run = run;
  }

  async run(): Promise<FuzzAccount> {
    const { cases, seed, from = 0, maxMs = Infinity, progress } = this.#run;
    const startMs = performance.now();
    let done = 0;
    for (; done < cases && this.#failures.length < MAX_FAILURES; done++) {
      if (performance.now() - startMs > maxMs) break;
      if (done % this.#target.perBed === 0) await this.#finish(from + done);
      await this.#one(from + done);
      if (done % PROGRESS_CASES === 0) progress?.(done);
    }
    await this.#finish(from + done);
    return {
      target: this.#target.name,
      seed,
      cases: done,
      seconds: Math.round((performance.now() - startMs) / 100) / 10,
      outcomes: Object.fromEntries([...this.#outcomes].sort()),
      slowestMs: Math.round(this.#slowestMs),
      failures: this.#failures,
    };
  }

  async #one(number: number): Promise<void> {
    const text = caseOf(this.#target, this.#run.seed, number);
    this.#bed ??= await this.#target.open();
    const startMs = performance.now();
    try {
      const outcome = await inTime(this.#bed.check(text));
      this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1);
    } catch (error) {
      await this.#failed(number, text, error);
    }
    this.#slowestMs = Math.max(this.#slowestMs, performance.now() - startMs);
  }

  /** What follows a failure must not suffer from it: the next case gets a fresh bed. */
  async #failed(number: number, text: string, error: unknown): Promise<void> {
    const bed = this.#bed;
    this.#bed = undefined;
    await bed?.finish().catch(() => {});
    const alone = await replay(this.#target, text).then(() => false, () => true);
    this.#tell(number, text, alone, errorText(error));
  }

  async #finish(number: number): Promise<void> {
    const bed = this.#bed;
    this.#bed = undefined;
    if (bed === undefined) return;
    await inTime(bed.finish()).catch((error: unknown) =>
      this.#tell(number, null, false, errorText(error))
    );
  }

  #tell(number: number, text: string | null, alone: boolean, why: string): void {
    const { seed } = this.#run;
    this.#failures.push({ target: this.#target.name, seed, case: number, text, alone, why });
  }
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  const value = await withDeadline(systemClock, work, CASE_MS);
  if (value === TIMED_OUT) throw new Error(`not done within ${CASE_MS} ms`);
  return value;
}
