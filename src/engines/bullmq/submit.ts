import type { ActionContext, ActionOutcome, SubmitInput } from "../contract.ts";
import type { QueueAccess } from "./commands/queue_access.ts";
import type { CommandSite } from "./commands/site.ts";
import { createSteps, leave, outcomeOf, refuse, type Steps } from "./commands/step.ts";
import type { SteeredQueue } from "./commands/steered.ts";
import type { BullJobLike, BullJobOptionsLike } from "./like.ts";
import { dataOf, jobIdForKey } from "./payload.ts";
import { jobIdOf, taskIdOf } from "./task_id.ts";

/** Adds a job to the named queue, or to the only one. */
export function submitJob(
  site: CommandSite,
  access: QueueAccess,
  input: SubmitInput,
  context: ActionContext,
): Promise<ActionOutcome> {
  return outcomeOf(async () => {
    const payload = dataOf(input.args, input.kwargs);
    if ("refused" in payload) refuse(payload.refused);
    const steps = createSteps(context, site.clock, site.link);
    const queue = await access.queue(input.queue ?? onlyQueue(site), steps);
    const jobId = input.idempotencyKey === null ? undefined : jobIdForKey(input.idempotencyKey);
    if (jobId !== undefined) {
      const earlier = await steps.read(() => queue.getJob(jobId));
      if (earlier !== undefined && earlier !== null) {
        leave("it was submitted before", resultOf(site, queue, jobId));
      }
    }
    const options = optionsOf(site, input, jobId);
    const job = await steps.write(() => queue.add(input.name, payload.data, options));
    const id = jobIdOf(job);
    if (id === undefined) return { status: "indeterminate", reason: "the new job has no id" };
    await leaveDuplicate(site, queue, job, id, jobId, steps);
    site.arrival(job, queue);
    return { status: "done", result: resultOf(site, queue, id) };
  });
}

// A deduplication among the user's defaults answers with the job that it kept.
async function leaveDuplicate(
  site: CommandSite,
  queue: SteeredQueue,
  job: BullJobLike,
  id: string,
  wanted: string | undefined,
  steps: Steps,
): Promise<void> {
  if (wanted === undefined || id === wanted) return;
  const stored = await steps.read(() => queue.getJob(id));
  if (stored === undefined || stored === null || stored.timestamp === job.timestamp) return;
  leave("an equal job is in the queue already", resultOf(site, queue, id));
}

function onlyQueue({ queues }: CommandSite): string {
  const [only] = queues;
  if (only === undefined) return refuse("no queue is attached here");
  if (queues.length === 1) return only.name;
  const names = queues.map(({ name }) => name).join(", ");
  return refuse(`the command names no queue; attached: ${names}`);
}

function optionsOf(
  site: CommandSite,
  input: SubmitInput,
  jobId: string | undefined,
): BullJobOptionsLike {
  const delay = input.etaMs === null ? 0 : Math.max(0, input.etaMs - site.clock.now());
  return {
    ...site.profile.options(input.priority),
    ...(delay > 0 ? { delay: Math.ceil(delay) } : {}),
    ...(jobId === undefined ? {} : { jobId }),
  };
}

function resultOf(
  site: CommandSite,
  queue: SteeredQueue,
  jobId: string,
): Readonly<Record<string, string>> {
  return { task_id: taskIdOf(queue.name, jobId), engine: site.engine };
}
