import type { ActionContext, TaskState } from "../contract.ts";
import type { QueueAccess } from "./commands/queue_access.ts";
import type { CommandSite } from "./commands/site.ts";
import { createSteps } from "./commands/step.ts";
import { member, text, time } from "./facts.ts";
import { failureTexts } from "./failure.ts";
import type { BullProfile } from "./profile.ts";

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
  site: CommandSite,
  access: QueueAccess,
  taskId: string,
  context: ActionContext,
): Promise<TaskState> {
  const steps = createSteps(context, site.clock, site.link);
  try {
    const { handle, queue, jobId } = await access.place(taskId, steps);
    const job = await steps.read(() => handle.getJob(jobId));
    // Read last: the job may have finished since.
    const native = await steps.read(() => handle.getJobState(jobId));
    const found = stateOf(site.profile, job, native);
    if (found.state !== "started" || !access.isOwn(handle)) return found;
    const lock = await site.link.call("EXISTS", [access.key(queue, `${jobId}:lock`)]);
    // A worker renews its lock: without one the job waits for the stall check.
    return lock.ended === "value" && Number(lock.value) === 0 ? { ...found, stalled: true } : found;
  } catch {
    return UNKNOWN;
  }
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
