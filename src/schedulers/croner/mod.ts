/**
 * The croner scheduler: lists, reports and steers the croner jobs of a process.
 *
 * ```ts
 * import { createAgent } from "@z4j/core";
 * import { cronerScheduler } from "@z4j/core/schedulers/croner";
 * import * as croner from "croner";
 *
 * const job = new croner.Cron("0 3 * * *", { name: "report", paused: true }, () => {});
 * const scheduler = cronerScheduler({ croner });
 *
 * const agent = createAgent({ schedulers: [scheduler], env: { Z4J_DISABLED: "1" } });
 * await agent.start();
 * await agent.stop();
 * job.stop();
 * ```
 *
 * @module
 */
export { type CronerScheduler, cronerScheduler, type CronerSchedulerOptions } from "./scheduler.ts";
export type { CronerModuleLike, CronLike, CronOptionsLike } from "./peer.ts";
export type { ImportModule } from "./discover.ts";
export type { Schedule, Scheduler, SchedulerActions, SchedulerSink } from "../contract.ts";
