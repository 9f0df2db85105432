/**
 * The croner scheduler: lists, reports and steers the croner jobs of a process.
 *
 * @module
 */
export { type CronerScheduler, cronerScheduler, type CronerSchedulerOptions } from "./scheduler.ts";
export type { CronerModuleLike, CronLike, CronOptionsLike } from "./peer.ts";
export type { ImportModule } from "./discover.ts";
export type { Schedule, Scheduler, SchedulerActions, SchedulerSink } from "../contract.ts";
