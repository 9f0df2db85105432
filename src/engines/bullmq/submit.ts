import type { Clock } from "../../base/clock.ts";
import type { ActionContext, ActionOutcome, SubmitInput } from "../contract.ts";
import { bounded } from "./bounded.ts";
import type { BullJobOptionsLike, BullQueueLike } from "./like.ts";
import { dataOf, jobIdForKey } from "./payload.ts";
import type { BullProfile } from "./profile.ts";
import { jobIdOf, taskIdOf } from "./task_id.ts";

/** What the actions work on. */
export interface ActionTools {
  /** Name of the engine. */
  readonly engine: string;
  readonly queues: readonly BullQueueLike[];
  readonly profile: BullProfile;
  readonly clock: Clock;
}

/** Adds a job to the named queue, or to the only one. */
export async function submitJob(
  tools: ActionTools,
  input: SubmitInput,
  context: ActionContext,
): Promise<ActionOutcome> {
  const queue = chooseQueue(tools.queues, input.queue);
  if (typeof queue === "string") return { status: "refused", reason: queue };
  const payload = dataOf(input.args, input.kwargs);
  if ("refused" in payload) return { status: "refused", reason: payload.refused };
  const jobId = input.idempotencyKey === null ? undefined : jobIdForKey(input.idempotencyKey);
  if (jobId !== undefined) {
    const earlier = await submittedBefore(tools, queue, jobId, context);
    if (earlier !== undefined) return earlier;
  }
  const options = optionsOf(tools, input, jobId);
  const added = await bounded(context, () => queue.add(input.name, payload.data, options));
  if (added.ended === "error") return { status: "failed", error: added.error };
  // A client that waits for its broker may still add the job later.
  if (added.ended === "deadline") return { status: "indeterminate", reason: "no answer in time" };
  const id = jobIdOf(added.value);
  if (id === undefined) return { status: "indeterminate", reason: "the new job has no id" };
  return { status: "done", result: resultOf(tools, queue, id) };
}

/** The queue of a name, the only queue without one, or why there is none. */
function chooseQueue(
  queues: readonly BullQueueLike[],
  name: string | null,
): BullQueueLike | string {
  const names = queues.map((queue) => queue.name).join(", ");
  if (name !== null) {
    const found = queues.find((queue) => queue.name === name);
    return found ?? `queue ${name} is not attached here; attached: ${names || "none"}`;
  }
  const [only] = queues;
  if (queues.length === 1 && only !== undefined) return only;
  return queues.length === 0
    ? "no queue is attached here"
    : `the command names no queue; attached: ${names}`;
}

async function submittedBefore(
  tools: ActionTools,
  queue: BullQueueLike,
  jobId: string,
  context: ActionContext,
): Promise<ActionOutcome | undefined> {
  const found = await bounded(context, () => queue.getJob(jobId));
  if (found.ended === "error") return { status: "failed", error: found.error };
  if (found.ended === "deadline") return { status: "failed", error: "no answer in time" };
  if (found.value === undefined || found.value === null) return undefined;
  return {
    status: "noop",
    reason: "it was submitted before",
    result: resultOf(tools, queue, jobId),
  };
}

function optionsOf(
  tools: ActionTools,
  input: SubmitInput,
  jobId: string | undefined,
): BullJobOptionsLike {
  const delay = input.etaMs === null ? 0 : Math.max(0, input.etaMs - tools.clock.now());
  return {
    ...tools.profile.options(input.priority),
    ...(delay > 0 ? { delay: Math.ceil(delay) } : {}),
    ...(jobId === undefined ? {} : { jobId }),
  };
}

function resultOf(
  tools: ActionTools,
  queue: BullQueueLike,
  jobId: string,
): Readonly<Record<string, string>> {
  return { task_id: taskIdOf(queue.name, jobId), engine: tools.engine };
}
