import type { ActionContext, TaskState } from "../contract.ts";
import { bounded } from "./bounded.ts";
import { member, text, time } from "./facts.ts";
import { failureTexts } from "./failure.ts";
import type { BullProfile } from "./profile.ts";
import type { ActionTools } from "./submit.ts";
import { placeOf } from "./task_id.ts";

const STATES: Readonly<Record<string, TaskState["state"]>> = {
  "wait": "pending",
  "waiting": "pending",
  "paused": "pending",
  "prioritized": "pending",
  "delayed": "pending",
  "waiting-children": "pending",
  "active": "started",
  "completed": "success",
  "failed": "failure",
};

const UNKNOWN: TaskState = { state: "unknown" };

/** Looks a job up; what cannot be told leaves the brain's row alone. */
export async function reconcileJob(
  tools: ActionTools,
  taskId: string,
  context: ActionContext,
): Promise<TaskState> {
  const place = placeOf(taskId);
  const queue = tools.queues.find(({ name }) => name === place?.queue);
  if (place === undefined || queue === undefined) return UNKNOWN;
  const read = await bounded(context, async () => ({
    job: await queue.getJob(place.jobId),
    // Read last: the job may have finished since.
    state: await queue.getJobState(place.jobId),
  }));
  if (read.ended !== "value") return UNKNOWN;
  const { job, state } = read.value;
  return stateOf(tools.profile, job, state);
}

/** Puts the state of a job into the words of the contract. */
export function stateOf(profile: BullProfile, job: unknown, native: string): TaskState {
  const state = Object.hasOwn(STATES, native) ? STATES[native] : undefined;
  if (state === undefined || state === "unknown") return UNKNOWN;
  if (state === "pending" || state === "started") return { state };
  const finishedAtMs = time(member(job, "finishedOn"));
  if (state === "success") return { state, finishedAtMs };
  const trace = profile.traceback({ name: "", data: null, timestamp: 0, ...stackOf(job) });
  const hasReason = text(member(job, "failedReason")) !== undefined;
  const exception = hasReason ? failureTexts(job, undefined, trace).exception : undefined;
  return { state, finishedAtMs, exception };
}

function stackOf(job: unknown): { readonly stacktrace?: readonly string[] } {
  const stacks = member(job, "stacktrace");
  return Array.isArray(stacks) ? { stacktrace: stacks } : {};
}
