import type { Clock } from "../../base/clock.ts";
import { errorText } from "../../base/errors.ts";
import type { JobContexts, WorkContext } from "../../base/work_context.ts";
import type { TaskEventData, TaskEventKind } from "../contract.ts";
import { MAX_BACKOFF_MS } from "./limits.ts";
import type { ManualTaskOptions } from "./options.ts";
import type { Runs } from "./runs.ts";
import type { Slots } from "./slots.ts";

/** A function under a name. */
export interface RegisteredTask {
  readonly name: string;
  readonly run: (...inputs: unknown[]) => unknown;
  readonly options: ManualTaskOptions;
}

/** What a run needs around it. */
export interface RunTools {
  readonly clock: Clock;
  readonly slots: Slots;
  readonly runs: Runs;
  readonly worker: string;
  /** Reports an event, by default of now; never throws. */
  report(
    kind: TaskEventKind,
    run: Pick<Run, "taskId" | "context">,
    data: TaskEventData,
    atMs?: number,
  ): void;
  /** Carries the context of requests, once an agent is there. */
  work(): JobContexts | undefined;
}

/** One run of a task. */
export interface Run {
  readonly task: RegisteredTask;
  readonly taskId: string;
  readonly inputs: readonly unknown[];
  /** The request or job that asked for it. */
  readonly context: WorkContext | undefined;
}

/** Begins a run in the context of the code that asks for it. */
export function beginRun(
  tools: RunTools,
  task: RegisteredTask,
  taskId: string,
  inputs: readonly unknown[],
): Run {
  const context = tools.work()?.leave({ name: task.name, taskId });
  return { task, taskId, inputs, context };
}

/** Reports that a run was asked for. */
export function receive(tools: RunTools, run: Run, data: TaskEventData): void {
  const nowMs = tools.clock.now();
  tools.runs.set(run.taskId, { state: "pending" });
  tools.report("task.sent", run, { taskName: run.task.name, ...data }, nowMs);
  tools.report("task.received", run, { taskName: run.task.name, ...data }, nowMs);
}

/** Runs a task with its repetitions; gives its result or throws its last error. */
export async function runTask(tools: RunTools, run: Run): Promise<unknown> {
  const { task } = run;
  await tools.slots.take();
  try {
    const attempts = 1 + (task.options.retries ?? 0);
    for (let attempt = 1;; attempt++) {
      const outcome = await runAttempt(tools, run, attempt);
      if (outcome.ok) return outcome.value;
      if (attempt >= attempts) throw outcome.error;
      await hold(backoff(task.options, attempt));
    }
  } finally {
    tools.slots.free();
  }
}

type Attempt =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: unknown };

async function runAttempt(
  tools: RunTools,
  run: Run,
  attempt: number,
): Promise<Attempt> {
  const { clock, runs } = tools;
  const { task, taskId } = run;
  const maxAttempts = 1 + (task.options.retries ?? 0);
  const data = { taskName: task.name, worker: tools.worker, attempt, maxAttempts };
  const began = clock.monotonic();
  runs.set(taskId, { state: "started" });
  tools.report("task.started", run, data);
  const runtimeMs = (): number => Math.round(clock.monotonic() - began);
  try {
    const value = await call(tools, run);
    runs.set(taskId, { state: "success", finishedAtMs: clock.now() });
    tools.report("task.succeeded", run, {
      ...data,
      result: value,
      runtimeMs: runtimeMs(),
    });
    return { ok: true, value };
  } catch (error) {
    const final = attempt >= maxAttempts;
    const nowMs = clock.now();
    const exception = describe(error);
    runs.set(
      taskId,
      final ? { state: "failure", finishedAtMs: nowMs, exception } : { state: "pending" },
    );
    tools.report(final ? "task.failed" : "task.retried", run, {
      ...data,
      exception,
      traceback: error instanceof Error ? error.stack : undefined,
      retryCount: final ? attempt - 1 : attempt,
      runtimeMs: runtimeMs(),
    }, nowMs);
    return { ok: false, error };
  }
}

// In the context of whoever asked, so that runs inside this run inherit it.
function call(tools: RunTools, { task, taskId, inputs, context }: Run): unknown {
  const work = tools.work();
  if (work === undefined) return task.run(...inputs);
  return work.enter({ name: task.name, taskId }, context, () => task.run(...inputs));
}

function describe(error: unknown): string {
  const own = error instanceof Error && error.name === "Error"
    ? error.constructor?.name
    : undefined;
  const name = error instanceof Error ? own ?? error.name : "Error";
  return `${name}: ${errorText(error)}`;
}

function backoff(options: ManualTaskOptions, attempt: number): number {
  return Math.min(MAX_BACKOFF_MS, (options.backoffMs ?? 0) * 2 ** Math.min(attempt - 1, 20));
}

// Not the unref'd timer of a clock: a run under way is the host's own work and
// must not end because nothing else keeps the process alive.
function hold(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}
