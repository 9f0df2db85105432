import type { JsonValue } from "../../../base/json.ts";
import type { ActionContext, ActionOutcome, TaskEvent } from "../../contract.ts";
import { member, text } from "../facts.ts";
import { flowTaskId, parentPlace } from "../flow.ts";
import { taskNameOf } from "../mapping.ts";
import { taskIdOf } from "../task_id.ts";
import type { QueueAccess } from "./queue_access.ts";
import type { Router } from "./router.ts";
import { cancelHere } from "./running.ts";
import type { CommandSite } from "./site.ts";
import { createSteps, leave, outcomeOf, refuse, type Steps } from "./step.ts";
import type { SteeredJob, SteeredQueue } from "./steered.ts";

/** Takes a job back: out of its queue while it waits, by its signal while it runs. */
export function cancelJob(
  site: CommandSite,
  access: QueueAccess,
  router: Router,
  taskId: string,
  context: ActionContext,
): Promise<ActionOutcome> {
  return outcomeOf(async () => {
    const steps = createSteps(context, site.clock, site.link);
    const { handle, queue, jobId } = await access.place(taskId, steps);
    const [job, state] = await steps.read(() =>
      Promise.all([handle.getJob(jobId), handle.getJobState(jobId)])
    );
    // `remove` also answers 1 for an id that does not exist.
    if (job === undefined || job === null || state === "unknown") {
      leave("there is no such job any more", { task_id: taskId });
    }
    if (state === "completed" || state === "failed") {
      leave(`the job is ${state} already`, { task_id: taskId });
    }
    if (state !== "active" && await removed(handle, job, jobId, steps)) {
      const result = resultOf(site, taskIdOf(queue, jobId), job, state);
      if (!site.isStreamed()) site.report([revoked(site, taskId, job, queue)]);
      return { status: "done", result };
    }
    return await cancelHere(site, queue, jobId, context) ??
      await router.cancel(queue, jobId, context);
  });
}

// A job scheduler makes its next run from the one that waits.
async function removed(
  handle: SteeredQueue,
  job: SteeredJob,
  jobId: string,
  steps: Steps,
): Promise<boolean> {
  const schedule = text(member(job, "repeatJobKey"));
  if (schedule !== undefined) {
    refuse(`the job is the next run of schedule ${schedule}: disable the schedule instead`);
  }
  if (handle.remove === undefined) refuse("this queue library cannot remove jobs");
  // The default would remove the children of a flow as well.
  const code = await steps.write(async () =>
    await handle.remove?.(jobId, { removeChildren: false })
  );
  return code !== 0 && code !== false;
}

// Redis tells of a removal; without a reader of that nobody else would.
function revoked(site: CommandSite, taskId: string, job: SteeredJob, queue: string): TaskEvent {
  return {
    kind: "task.revoked",
    taskId,
    occurredAtMs: site.clock.now(),
    data: { taskName: taskNameOf(job, queue), queue, extra: { reason: "cancelled" } },
  };
}

function resultOf(
  site: CommandSite,
  taskId: string,
  job: SteeredJob,
  state: string,
): Readonly<Record<string, JsonValue>> {
  const parent = parentPlace(job);
  const result: Record<string, JsonValue> = { task_id: taskId, engine: site.engine, was: state };
  if (parent !== undefined) {
    result["warning"] = `its parent ${flowTaskId(parent)} goes on without it`;
  }
  if (state === "waiting-children") result["warning"] = "its children were not cancelled";
  return result;
}
