import { bounded } from "../bullmq/bounded.ts";
import { member, text } from "../bullmq/facts.ts";
import type { BullQueueLike, BullWorkerLike } from "../bullmq/like.ts";
import { type JobPlace, placeOf } from "../bullmq/task_id.ts";
import type { ActionContext, ActionOutcome, EngineActions, RetryInput } from "../contract.ts";

/** What the commands work on. */
export interface BunqueueTools {
  readonly queues: readonly BullQueueLike[];
  readonly workers: readonly BullWorkerLike[];
}

/** Retry and cancel in bunqueue's own words. */
export function bunqueueActions(
  tools: BunqueueTools,
): Pick<Required<EngineActions>, "retry" | "cancel"> {
  return {
    retry: (input, context) => on(tools, input.taskId, context, (at) => retry(at, input)),
    cancel: (taskId, context) => on(tools, taskId, context, cancel),
  };
}

interface At {
  readonly place: JobPlace;
  readonly taskId: string;
  readonly queue: BullQueueLike;
  readonly workers: readonly BullWorkerLike[];
  /** Where the job stood when the command came. */
  readonly state: string;
  /** Told before something changes: from then on a missing answer says nothing. */
  begins(): void;
}

async function on(
  { queues, workers }: BunqueueTools,
  taskId: string,
  context: ActionContext,
  run: (at: At) => Promise<ActionOutcome>,
): Promise<ActionOutcome> {
  const place = placeOf(taskId);
  const queue = queues.find(({ name }) => name === place?.queue);
  if (place === undefined || queue === undefined) {
    return refused(`queue ${place?.queue ?? "of this id"} is not attached here`);
  }
  let began = false;
  const ended = await bounded(context, async () => {
    const state = await queue.getJobState(place.jobId);
    if (context.signal.aborted) return refused("the time was up");
    const begins = (): void => void (began = true);
    return await run({ place, taskId, queue, workers, state, begins });
  });
  if (ended.ended === "value") return ended.value;
  const reason = ended.ended === "error" ? ended.error : "no answer in time";
  return began ? { status: "indeterminate", reason } : { status: "failed", error: reason };
}

/** Runs a failed job again: the job itself, out of the dead letters. */
async function retry(at: At, input: RetryInput): Promise<ActionOutcome> {
  const { place, queue, state, taskId } = at;
  if (input.overrides !== null || input.etaMs !== null || input.priority !== null) {
    return refused("bunqueue runs a job again as it was: no other inputs, time or priority");
  }
  if (state === "unknown") return refused("the job is gone");
  if (state !== "failed") return refused(`the job is ${state}; bunqueue retries failed jobs only`);
  at.begins();
  await call(queue, "retryJob", place.jobId);
  return { status: "done", result: { task_id: taskId, previous_task_id: taskId } };
}

/** Takes a job back while it waits; asks the worker of this process while it runs. */
async function cancel(at: At): Promise<ActionOutcome> {
  const { place, queue, state, workers } = at;
  if (state === "unknown") return { status: "noop", reason: "the job is gone" };
  if (state === "completed" || state === "failed") {
    return { status: "noop", reason: `the job is ${state} already` };
  }
  if (state !== "active") {
    at.begins();
    await call(queue, "removeAsync", place.jobId);
    const now = await queue.getJobState(place.jobId);
    return now === "unknown"
      ? { status: "done", result: { removed: true } }
      : { status: "indeterminate", reason: `the job is ${now}` };
  }
  at.begins();
  for (const worker of workers.filter(({ name }) => name === queue.name)) {
    if (await call(worker, "cancelJob", place.jobId) === true) {
      return { status: "done", result: { soft: true } };
    }
  }
  return refused("the job runs in another process");
}

async function call(object: unknown, method: string, jobId: string): Promise<unknown> {
  const found = member(object, method);
  if (typeof found !== "function") throw new Error(`this bunqueue has no ${method}()`);
  return await Reflect.apply(found, object, [text(jobId)]);
}

function refused(reason: string): ActionOutcome {
  return { status: "refused", reason };
}
