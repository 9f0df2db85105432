/**
 * The contract of schedulers, for authors of adapters.
 *
 * @module
 */
export type {
  Schedule,
  Scheduler,
  SchedulerActions,
  SchedulerCapability,
  SchedulerSink,
  ScheduleRun,
} from "./contract.ts";
export { defineScheduler, schedulerProblems } from "./define.ts";
