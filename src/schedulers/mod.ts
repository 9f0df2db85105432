/**
 * The contract of schedulers, for authors of adapters.
 *
 * ```ts
 * import { defineScheduler, type Schedule } from "@z4j/core/schedulers";
 *
 * const nightly: Schedule = {
 *   key: "report",
 *   name: "Nightly report",
 *   taskName: "report",
 *   kind: "cron",
 *   expression: "0 3 * * *",
 *   isEnabled: true,
 * };
 *
 * const scheduler = defineScheduler({
 *   name: "nightly",
 *   capabilities: ["list", "read"],
 *   attach() {},
 *   detach() {},
 *   list: () => [nightly],
 *   actions: {},
 * });
 * ```
 *
 * @module
 */
export type {
  Schedule,
  ScheduleChange,
  ScheduleDefinition,
  Scheduler,
  SchedulerActions,
  SchedulerCapability,
  SchedulerSink,
  ScheduleRun,
} from "./contract.ts";
export { defineScheduler, schedulerProblems } from "./define.ts";
