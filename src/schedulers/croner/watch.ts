import type { ScheduleRun } from "../contract.ts";
import type { CronLike } from "./peer.ts";
import { overrideMethod } from "../../base/override_method.ts";
import { type ReportedRun, runReporter } from "./run_reporter.ts";

/** What a watched job tells. */
export interface WatchEvents {
  /** A phase of a run. */
  run(run: ScheduleRun): void;
  /** Something of its row changed. */
  changed(): void;
  /** It was stopped for good. */
  stopped(): void;
}

/** A job whose runs are reported. */
export interface WatchedJob {
  /** The job. */
  readonly job: CronLike;
  /** Identity of its row. */
  readonly key: string;
  /** Name of its function, or the key. */
  taskName(): string;
  /** Runs that began since it was watched. */
  totalRuns(): number;
  /** Whether it has a function to run. */
  hasFunction(): boolean;
  /** Identity of the last run that began, or `null`. */
  lastRunId(): string | null;
  /** Undoes what was wrapped. Idempotent. */
  restore(): void;
}

type JobFunction = (this: unknown, ...args: unknown[]) => unknown;

/** The one member that croner's types hide; everything else is public. */
interface WithFunction {
  fn?: unknown;
}

/**
 * Wraps a job's function, and the public methods that change its row, as own
 * properties of that one object. Nothing about its errors, its order or its
 * results changes: an error still leaves the function, so a job without `catch`
 * still rejects unhandled and one with `catch` still gets it.
 */
export function watchJob(
  job: CronLike,
  key: string,
  events: WatchEvents,
  now: () => number,
): WatchedJob {
  const target = job as CronLike & WithFunction;
  const undo: (() => void)[] = [];
  const state = { manual: false, functionName: "" };
  const reporter = runReporter({ key, taskName: () => state.functionName || key, now }, events);
  const wrap = (): void => {
    const restore = wrapFunction(target, state, reporter.begin);
    if (restore !== undefined) undo.push(restore);
  };
  wrap();
  undo.push(...wrapMethods(job, events, state, wrap), wrapProtect(job, reporter.skipped));
  return {
    job,
    key,
    taskName: () => state.functionName || key,
    totalRuns: reporter.totalRuns,
    hasFunction: () => typeof target.fn === "function",
    lastRunId: reporter.lastRunId,
    restore: () => {
      for (const restore of undo.splice(0)) restore();
    },
  };
}

interface WatchState {
  manual: boolean;
  functionName: string;
}

function wrapFunction(
  target: WithFunction,
  state: WatchState,
  begin: (manual: boolean) => ReportedRun,
): (() => void) | undefined {
  const original = target.fn;
  if (typeof original !== "function") return undefined;
  state.functionName = original.name === "fn" ? "" : original.name;
  const call = original as JobFunction;
  let active = true;
  const wrapped: JobFunction = function (...args) {
    return active
      ? observe(begin(state.manual), () => call.apply(this, args))
      : call.apply(this, args);
  };
  target.fn = wrapped;
  return () => {
    active = false;
    if (target.fn === wrapped) target.fn = original;
  };
}

/** Runs `action` and reports how it ended; what it throws or answers is passed on. */
function observe(run: ReportedRun, action: () => unknown): unknown {
  let result: unknown;
  try {
    result = action();
  } catch (error) {
    run.failed(error);
    throw error;
  }
  if (!isThenable(result)) {
    run.succeeded();
    return result;
  }
  return Promise.resolve(result).then((value) => {
    run.succeeded();
    return value;
  }, (error) => {
    run.failed(error);
    throw error;
  });
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (typeof value === "object" || typeof value === "function") && value !== null &&
    typeof (value as { then?: unknown }).then === "function";
}

function wrapMethods(
  job: CronLike,
  events: WatchEvents,
  state: WatchState,
  wrap: () => void,
): (() => void)[] {
  const after = (action: () => void) => (call: () => unknown): unknown => {
    const result = call();
    action();
    return result;
  };
  // croner calls the function before `trigger()` first yields, so the flag is
  // set for exactly that call.
  const manually = (call: () => unknown): unknown => {
    const before = state.manual;
    state.manual = true;
    try {
      return call();
    } finally {
      state.manual = before;
    }
  };
  return [
    overrideMethod(job, "trigger", manually),
    overrideMethod(job, "pause", after(events.changed)),
    overrideMethod(job, "resume", after(events.changed)),
    overrideMethod(job, "stop", after(events.stopped)),
    overrideMethod(
      job,
      "schedule",
      after(() => {
        wrap();
        events.changed();
      }),
    ),
  ];
}

/** croner tells about a skipped run only through a function in `protect`. */
function wrapProtect(job: CronLike, skipped: () => void): () => void {
  const original = job.options.protect;
  if (original !== true && typeof original !== "function") return () => {};
  let active = true;
  const wrapped = (self: unknown): unknown => {
    if (active) skipped();
    return typeof original === "function" ? original(self) : undefined;
  };
  job.options.protect = wrapped;
  return () => {
    active = false;
    if (job.options.protect === wrapped) job.options.protect = original;
  };
}
