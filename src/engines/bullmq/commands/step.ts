import { type Clock, TIMED_OUT, withDeadline } from "../../../base/clock.ts";
import { errorText } from "../../../base/errors.ts";
import type { ActionContext, ActionOutcome } from "../../contract.ts";
import { finite, member } from "../facts.ts";
import type { RedisLink } from "../redis/link.ts";

/** A command that ends early, with its outcome. */
export class Ended extends Error {
  /** What the command answers. */
  readonly outcome: Exclude<ActionOutcome, { readonly status: "done" }>;

  /** Ends the command around it. */
  constructor(outcome: Exclude<ActionOutcome, { readonly status: "done" }>) {
    super(outcome.status);
    this.outcome = outcome;
  }
}

/** Refuses before anything is changed. */
export function refuse(reason: string): never {
  throw new Ended({ status: "refused", reason });
}

/** Ends without need for a change. */
export function leave(reason: string, result?: Readonly<Record<string, string>>): never {
  throw new Ended({ status: "noop", reason, ...(result === undefined ? {} : { result }) });
}

/** Runs a command; whatever ends it early becomes its outcome. */
export async function outcomeOf(run: () => Promise<ActionOutcome>): Promise<ActionOutcome> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof Ended) return error.outcome;
    return { status: "failed", error: errorText(error) };
  }
}

/** The steps of one command towards Redis, each with its deadline. */
export interface Steps {
  /** Reads: a failure is one without an effect. */
  read<T>(call: () => Promise<T>): Promise<T>;
  /**
   * Writes: no answer, or a connection that broke under it, leaves the effect open.
   *
   * @param explain Turns an error that the library itself raised into an outcome.
   */
  write<T>(call: () => Promise<T>, explain?: (code: number | undefined) => void): Promise<T>;
}

// A broker answers in milliseconds; the rest of the command's time is for the way back.
const STEP_MS = 10_000;
const ANSWER_MS = 500;

// Texts of ioredis for a command that never left, and for one whose answer is lost.
const NEVER_SENT = /isn't writeable|is not writable|offline queue|no Redis client/i;
const BROKEN = /connection is closed|ECONN|EPIPE|ETIMEDOUT|max retries per request|socket/i;

/** Creates the steps of a command. */
export function createSteps(context: ActionContext, clock: Clock, link: RedisLink): Steps {
  const endMs = clock.monotonic() + context.remainingMs - ANSWER_MS;
  const step = async <T>(
    call: () => Promise<T>,
    isWrite: boolean,
    explain?: (code: number | undefined) => void,
  ): Promise<T> => {
    const leftMs = endMs - clock.monotonic();
    if (context.signal.aborted || leftMs <= 0) {
      throw new Ended({ status: "failed", error: "the time of the command was up" });
    }
    const waitMs = Math.min(STEP_MS, leftMs);
    const value = await withDeadline(clock, settle(call), waitMs);
    if (value === TIMED_OUT) {
      // Never again on a connection whose answers are late.
      link.drop();
      throw new Ended(noAnswer(isWrite, `no answer from Redis within ${Math.round(waitMs)} ms`));
    }
    if ("value" in value) return value.value;
    if (value.error instanceof Ended) throw value.error;
    explain?.(finite(member(value.error, "code")));
    throw new Ended(failure(value.error, isWrite));
  };
  return {
    read: (call) => step(call, false),
    write: (call, explain) => step(call, true, explain),
  };
}

type Settled<T> = { readonly value: T } | { readonly error: unknown };

async function settle<T>(call: () => Promise<T>): Promise<Settled<T>> {
  try {
    return { value: await call() };
  } catch (error) {
    return { error };
  }
}

function failure(error: unknown, isWrite: boolean): Ended["outcome"] {
  const text = errorText(error);
  const mayHaveLeft = isWrite && BROKEN.test(text) && !NEVER_SENT.test(text);
  return mayHaveLeft ? noAnswer(true, text) : { status: "failed", error: text };
}

function noAnswer(isWrite: boolean, text: string): Ended["outcome"] {
  return isWrite
    ? { status: "indeterminate", reason: `${text}; it may still take effect` }
    : { status: "failed", error: text };
}
