import type { JsonValue } from "../../../base/json.ts";
import type { ActionContext, ActionOutcome, RetryInput } from "../../contract.ts";
import { finite, member } from "../facts.ts";
import type { BullJobOptionsLike } from "../like.ts";
import { dataOf } from "../payload.ts";
import { jobIdOf, type JobPlace, taskIdOf } from "../task_id.ts";
import { flowTaskId, parentPlace } from "../flow.ts";
import type { QueueAccess } from "./queue_access.ts";
import type { CommandSite } from "./site.ts";
import { createSteps, leave, outcomeOf, refuse, type Steps } from "./step.ts";
import type { SteeredJob, SteeredQueue } from "./steered.ts";

/** Runs a job that ended again: the job itself with what it was given, never the brain's copy. */
export function retryJob(
  site: CommandSite,
  access: QueueAccess,
  input: RetryInput,
  context: ActionContext,
): Promise<ActionOutcome> {
  return outcomeOf(async () => {
    const data = overridesOf(input);
    const steps = createSteps(context, site.clock, site.link);
    const found = await endedJob(access, input.taskId, steps);
    const isLater = input.etaMs !== null && input.etaMs > site.clock.now();
    if (isLater) return await copyForLater(site, found, input, data, steps);
    const { job, state } = found;
    await applyPriority(site, job, input, steps);
    const before = member(job, "data");
    if (data !== undefined) await replaceData(job, data.data, steps);
    await reprocess(job, state, steps, async () => {
      if (data !== undefined) await job.updateData?.(before);
    });
    return { status: "done", result: resultOf(site, input.taskId, found) };
  });
}

/** Runs a job that failed for good again. */
export function requeueJob(
  site: CommandSite,
  access: QueueAccess,
  taskId: string,
  context: ActionContext,
): Promise<ActionOutcome> {
  return outcomeOf(async () => {
    const steps = createSteps(context, site.clock, site.link);
    const found = await endedJob(access, taskId, steps);
    if (found.state !== "failed") leave(`the job is ${found.state}, not failed`);
    await reprocess(found.job, found.state, steps);
    return { status: "done", result: resultOf(site, taskId, found) };
  });
}

interface EndedJob extends JobPlace {
  readonly handle: SteeredQueue;
  readonly job: SteeredJob;
  readonly state: "failed" | "completed";
}

async function endedJob(access: QueueAccess, taskId: string, steps: Steps): Promise<EndedJob> {
  const place = await access.place(taskId, steps);
  const { handle, jobId } = place;
  const [job, state] = await steps.read(() =>
    Promise.all([handle.getJob(jobId), handle.getJobState(jobId)])
  );
  if (job === undefined || job === null || state === "unknown") {
    return refuse(
      `job ${jobId} is not kept in queue ${place.queue} any more (removed, or by removeOnFail or ` +
        `removeOnComplete), so its input is gone: submit it anew`,
    );
  }
  if (state !== "failed" && state !== "completed") leave(`the job is ${state} already`);
  if (job.retry === undefined) refuse("this queue library cannot retry jobs");
  return { ...place, job, state };
}

function overridesOf({ overrides }: RetryInput): { readonly data: JsonValue } | undefined {
  if (overrides === null) return undefined;
  const payload = dataOf(overrides.args, overrides.kwargs);
  return "refused" in payload ? refuse(payload.refused) : payload;
}

// Without the reset the attempts are spent: one run instead of all.
async function reprocess(
  job: SteeredJob,
  state: string,
  steps: Steps,
  undo?: () => Promise<void>,
): Promise<void> {
  const options = { resetAttemptsMade: true, resetAttemptsStarted: true };
  let lost: "gone" | "elsewhere" | undefined;
  try {
    await steps.write(async () => await job.retry?.(state, options), (code) => {
      if (code === -1) lost = "gone";
      if (code === -3) lost = "elsewhere";
    });
  } catch (error) {
    if (lost === undefined) throw error;
    if (lost === "gone") refuse("the job was removed meanwhile");
    if (undo !== undefined) await steps.write(undo);
    leave("the job runs again already");
  }
}

async function replaceData(job: SteeredJob, data: JsonValue, steps: Steps): Promise<void> {
  if (job.updateData === undefined) refuse("this queue library cannot change the input of a job");
  await steps.write(async () => await job.updateData?.(data));
}

// The label of a brain is coarser than a number: it changes only what differs.
async function applyPriority(
  site: CommandSite,
  job: SteeredJob,
  { priority }: RetryInput,
  steps: Steps,
): Promise<void> {
  if (priority === null) return;
  const [has, wanted] = [site.profile.label(job.opts), site.profile.options(priority)];
  if (has === site.profile.label(wanted)) return;
  // BullMQ reads the side of the list from the object at hand.
  if (typeof job.opts === "object") Reflect.set(job.opts, "lifo", wanted.lifo === true);
  const change = { priority: finite(wanted.priority) ?? 0 };
  await steps.write(async () => await job.changePriority?.(change));
}

// No call moves an ended job to the delayed ones, so a copy waits instead.
async function copyForLater(
  site: CommandSite,
  { handle, job, queue }: EndedJob,
  input: RetryInput,
  data: { readonly data: JsonValue } | undefined,
  steps: Steps,
): Promise<ActionOutcome> {
  const delay = Math.max(1, Math.ceil((input.etaMs ?? 0) - site.clock.now()));
  const options: BullJobOptionsLike = {
    ...copiedOptions(job.opts),
    ...(input.priority === null ? {} : site.profile.options(input.priority)),
    delay,
  };
  const value = data === undefined ? job.data : data.data;
  const added = await steps.write(() => handle.add(job.name, value, options));
  const id = jobIdOf(added);
  if (id === undefined) refuse("the new job has no id");
  return {
    status: "done",
    result: {
      task_id: input.taskId,
      new_task_id: taskIdOf(queue, id),
      engine: site.engine,
      eta: new Date(site.clock.now() + delay).toISOString(),
    },
  };
}

// What ties a job to its id, its time, its schedule, its flow or its duplicates.
const BOUND: ReadonlySet<string> = new Set([
  ...["jobId", "delay", "timestamp", "prevMillis", "parent", "deduplication", "debounce"],
  ...["de", "telemetry", "tm", "failParentOnFailure", "continueParentOnFailure"],
  ...["ignoreDependencyOnFailure", "removeDependencyOnFailure", "fpof", "cpof", "idof", "rdof"],
]);

function copiedOptions(options: unknown): BullJobOptionsLike {
  if (typeof options !== "object" || options === null) return {};
  return Object.fromEntries(
    Object.entries(options).filter(([key]) => !BOUND.has(key) && !key.startsWith("repeat")),
  );
}

function resultOf(
  site: CommandSite,
  taskId: string,
  { job, state }: EndedJob,
): Readonly<Record<string, JsonValue>> {
  const parent = parentPlace(job);
  return {
    task_id: taskId,
    previous_task_id: taskId,
    engine: site.engine,
    from: state,
    // A parent that failed with its child stays failed until it is retried as well.
    ...(parent === undefined ? {} : { parent_task_id: flowTaskId(parent) }),
  };
}
