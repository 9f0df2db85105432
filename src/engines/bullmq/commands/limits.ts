import type { ActionContext, ActionOutcome, RateLimitInput } from "../../contract.ts";
import type { QueueAccess } from "./queue_access.ts";
import type { CommandSite } from "./site.ts";
import { createSteps, leave, outcomeOf, refuse } from "./step.ts";

/** Limits how many jobs of a queue begin in a period; read back, so it is certain. */
export function limitRate(
  site: CommandSite,
  access: QueueAccess,
  { taskName, rate, worker }: RateLimitInput,
  context: ActionContext,
): Promise<ActionOutcome> {
  return outcomeOf(async () => {
    if (worker !== null) refuse("BullMQ limits a queue for all workers, not for one");
    const steps = createSteps(context, site.clock, site.link);
    if (taskName.includes(":")) refuse(notAQueue(taskName));
    const handle = await access.queue(taskName, steps).catch((error: unknown) => {
      if (site.queues.some(({ name }) => name === taskName)) throw error;
      return refuse(notAQueue(taskName));
    });
    if (handle.setGlobalRateLimit === undefined || handle.removeGlobalRateLimit === undefined) {
      refuse("this version of BullMQ cannot limit the rate of a queue");
    }
    if (rate === null) {
      await steps.write(async () => {
        await handle.removeGlobalRateLimit?.();
        // Else the window that runs now would be waited for.
        await handle.removeRateLimitKey?.();
      });
      return { status: "done", result: { queue: taskName, rate: null } };
    }
    await steps.write(async () => await handle.setGlobalRateLimit?.(rate.max, rate.periodMs));
    const now = await steps.read(async () => await handle.getGlobalRateLimit?.());
    const isSet = now?.max === rate.max && now.duration === rate.periodMs;
    if (now !== undefined && !isSet) {
      return { status: "failed", error: "another limit was set at the same time" };
    }
    const result = { queue: taskName, rate: rate.max, period_ms: rate.periodMs };
    return { status: "done", result };
  });
}

function notAQueue(name: string): string {
  return `BullMQ limits whole queues, and there is no queue ${name}: name the queue instead`;
}

/** Pauses or resumes a queue in all processes; jobs that run go on. */
export function switchQueue(
  site: CommandSite,
  access: QueueAccess,
  queue: string,
  wanted: "paused" | "running",
  context: ActionContext,
): Promise<ActionOutcome> {
  return outcomeOf(async () => {
    const steps = createSteps(context, site.clock, site.link);
    const handle = await access.queue(queue, steps);
    if (handle.pause === undefined || handle.resume === undefined) {
      refuse("this queue library cannot pause queues");
    }
    const isPaused = await steps.read(async () => await handle.isPaused?.());
    const result = { queue, paused: wanted === "paused" };
    if (isPaused === (wanted === "paused")) {
      leave(`queue ${queue} is ${wanted} already`);
    }
    await steps.write(async () =>
      wanted === "paused" ? await handle.pause?.() : await handle.resume?.()
    );
    return { status: "done", result };
  });
}

/** Limits how many jobs of a queue run at once in all processes. */
export function limitConcurrency(
  site: CommandSite,
  access: QueueAccess,
  queue: string,
  limit: number | null,
  context: ActionContext,
): Promise<ActionOutcome> {
  return outcomeOf(async () => {
    const steps = createSteps(context, site.clock, site.link);
    const handle = await access.queue(queue, steps);
    if (handle.setGlobalConcurrency === undefined || handle.removeGlobalConcurrency === undefined) {
      refuse("this version of BullMQ cannot limit the concurrency of a queue");
    }
    const before = await steps.read(async () => await handle.getGlobalConcurrency?.()) ?? null;
    if (before === limit) leave("that is the limit already");
    await steps.write(async () =>
      limit === null
        ? await handle.removeGlobalConcurrency?.()
        : await handle.setGlobalConcurrency?.(limit)
    );
    const result = { queue, concurrency: limit, concurrency_before: before };
    return { status: "done", result };
  });
}
