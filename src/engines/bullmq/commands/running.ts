import { type Clock, sleep } from "../../../base/clock.ts";
import type { JsonValue } from "../../../base/json.ts";
import type { ActionContext, ActionOutcome } from "../../contract.ts";
import { finite, member } from "../facts.ts";
import { quietly } from "../quietly.ts";
import { taskIdOf } from "../task_id.ts";
import type { CommandSite, SiteWorker } from "./site.ts";

// How long a processor may take to follow its signal before it counts as unverified.
const FOLLOW_MS = 3_000;
const LOOK_MS = 25;

const REASON = "cancelled by an operator";
const ZOMBIE = "its processor takes no signal: the job failed and its result is discarded, but " +
  "its work goes on until it ends by itself";

/**
 * Stops a job that runs in this process: through the signal that its processor
 * takes, else by failing the job without waiting for it. `undefined` when it
 * does not run here.
 */
export async function cancelHere(
  site: CommandSite,
  queue: string,
  jobId: string,
  context: ActionContext,
): Promise<ActionOutcome | undefined> {
  const found = site.workers().find(({ worker, job }) =>
    worker.name === queue && job(jobId) !== undefined
  );
  if (found === undefined) return undefined;
  const isLast = keepFromRetrying(found, jobId);
  const cancel = member(found.worker, "cancelJob");
  const isAsked = typeof cancel === "function" &&
    Reflect.apply(cancel, found.worker, [jobId, REASON]) === true;
  if (!isAsked && !found.letGo(jobId, REASON)) {
    isLast.undo();
    return {
      status: "refused",
      reason: `the processor of worker ${found.name} takes no signal as its third parameter, so ` +
        `the job cannot be asked to stop`,
    };
  }
  const isOver = await hasLeft(found, jobId, site.clock, context);
  const taskId = taskIdOf(queue, jobId);
  if (isOver) {
    site.report([{
      kind: "task.revoked",
      taskId,
      occurredAtMs: site.clock.now(),
      data: { queue, worker: found.name, extra: { reason: "cancelled while it ran" } },
    }]);
  }
  const result: Record<string, JsonValue> = {
    task_id: taskId,
    engine: site.engine,
    was: "active",
    worker: found.name,
  };
  // Asked, but nothing shows that it stops.
  if (!isOver || !isAsked) result["soft"] = true;
  if (!isAsked) result["warning"] = ZOMBIE;
  return { status: "done", result };
}

// A processor that throws a plain error would be run again.
function keepFromRetrying(found: SiteWorker, jobId: string): { undo(): void } {
  const job = found.job(jobId);
  const options = member(job, "opts");
  if (typeof options !== "object" || options === null) return { undo() {} };
  const before = member(options, "attempts");
  const made = finite(member(job, "attemptsMade")) ?? 0;
  quietly(() => Reflect.set(options, "attempts", made + 1));
  return { undo: () => quietly(() => Reflect.set(options, "attempts", before)) };
}

async function hasLeft(
  found: SiteWorker,
  jobId: string,
  clock: Clock,
  context: ActionContext,
): Promise<boolean> {
  const endMs = clock.monotonic() + Math.min(FOLLOW_MS, context.remainingMs / 2);
  for (;;) {
    if (found.job(jobId) === undefined) return true;
    if (clock.monotonic() >= endMs || context.signal.aborted) return false;
    await sleep(clock, LOOK_MS, context.signal);
  }
}
