import type { Clock } from "../../base/clock.ts";
import { errorText } from "../../base/errors.ts";
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
  /** Reports an event; never throws. */
  report(kind: TaskEventKind, taskId: string, atMs: number, data: TaskEventData): void;
}

/** Reports that a run was asked for. */
export function receive(
  tools: RunTools,
  task: RegisteredTask,
  taskId: string,
  data: TaskEventData,
): void {
  const nowMs = tools.clock.now();
  tools.runs.set(taskId, { state: "pending" });
  tools.report("task.sent", taskId, nowMs, { taskName: task.name, ...data });
  tools.report("task.received", taskId, nowMs, { taskName: task.name, ...data });
}

/** Runs a task with its repetitions; gives its result or throws its last error. */
export async function runTask(
  tools: RunTools,
  task: RegisteredTask,
  taskId: string,
  inputs: readonly unknown[],
): Promise<unknown> {
  await tools.slots.take();
  try {
    const attempts = 1 + (task.options.retries ?? 0);
    for (let attempt = 1;; attempt++) {
      const outcome = await runAttempt(tools, task, taskId, inputs, attempt);
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
  task: RegisteredTask,
  taskId: string,
  inputs: readonly unknown[],
  attempt: number,
): Promise<Attempt> {
  const { clock, runs } = tools;
  const maxAttempts = 1 + (task.options.retries ?? 0);
  const data = { taskName: task.name, worker: tools.worker, attempt, maxAttempts };
  const began = clock.monotonic();
  runs.set(taskId, { state: "started" });
  tools.report("task.started", taskId, clock.now(), data);
  const runtimeMs = (): number => Math.round(clock.monotonic() - began);
  try {
    const value = await task.run(...inputs);
    runs.set(taskId, { state: "success", finishedAtMs: clock.now() });
    tools.report("task.succeeded", taskId, clock.now(), {
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
    tools.report(final ? "task.failed" : "task.retried", taskId, nowMs, {
      ...data,
      exception,
      traceback: error instanceof Error ? error.stack : undefined,
      retryCount: final ? attempt - 1 : attempt,
      runtimeMs: runtimeMs(),
    });
    return { ok: false, error };
  }
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
