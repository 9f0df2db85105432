import type { ActionContext, ActionOutcome, PurgeInput, TaskEvent } from "../../contract.ts";
import { depthOf } from "../health.ts";
import { taskIdOf } from "../task_id.ts";
import type { QueueAccess } from "./queue_access.ts";
import type { CommandSite } from "./site.ts";
import { createSteps, Ended, outcomeOf, refuse, type Steps } from "./step.ts";
import type { SteeredQueue } from "./steered.ts";

// Jobs that one call removes: some milliseconds of Redis' time.
const BATCH = 1_000;
// Version 5 keeps the waiting jobs of a paused queue apart; version 6 knows no such list.
const STATES = ["wait", "paused", "prioritized", "delayed"] as const;

/**
 * Removes the jobs that wait. Never `drain()`: it takes the next run of a job
 * scheduler out of its list and leaves a ghost that runs without a name.
 */
export function purgeQueue(
  site: CommandSite,
  access: QueueAccess,
  input: PurgeInput,
  context: ActionContext,
): Promise<ActionOutcome> {
  return outcomeOf(async () => {
    const steps = createSteps(context, site.clock, site.link);
    const handle = await access.queue(input.queue, steps);
    if (handle.clean === undefined) refuse("this queue library cannot purge queues");
    const depth = depthOf(await steps.read(async () => await handle.getJobCounts()));
    const consent = await input.confirm(depth);
    if (!consent.ok) refuse(consent.reason);
    const startedMs = site.clock.now();
    let purged = 0;
    try {
      for (const state of STATES) {
        await cleanState(site, handle, state, startedMs, steps, (count) => void (purged += count));
      }
    } catch (error) {
      if (!(error instanceof Ended) || purged === 0) throw error;
      const { outcome } = error;
      const reason = outcome.status === "failed" ? outcome.error : outcome.reason;
      return { status: "indeterminate", reason, result: { queue: input.queue, purged } };
    }
    const result = { queue: input.queue, depth_before: depth, purged, force: input.force };
    return { status: "done", result };
  });
}

async function cleanState(
  site: CommandSite,
  handle: SteeredQueue,
  state: string,
  startedMs: number,
  steps: Steps,
  count: (removed: number) => void,
): Promise<void> {
  for (;;) {
    // The grace grows with the time: what was added after the click stays.
    const graceMs = Math.max(0, site.clock.now() - startedMs);
    const ids = await steps.write(async () => await handle.clean?.(graceMs, BATCH, state) ?? []);
    count(ids.length);
    site.report(ids.map((id) => revoked(site, handle.name, id)));
    // A short batch is not the last: runs of schedulers count, and stay.
    if (ids.length === 0) return;
  }
}

// `clean` tells the stream a number only, so the ids are reported from here.
function revoked(site: CommandSite, queue: string, jobId: string): TaskEvent {
  return {
    kind: "task.revoked",
    taskId: taskIdOf(queue, jobId),
    occurredAtMs: site.clock.now(),
    data: { queue, extra: { reason: "purged" } },
  };
}
