/** Compile-time checks: real croner objects fit the structural types. */
import * as croner from "croner";
import {
  type CronerScheduler,
  cronerScheduler,
  type CronLike,
} from "../../src/schedulers/croner/mod.ts";
import { defineScheduler, type Scheduler } from "../../src/schedulers/mod.ts";

const job: croner.Cron = new croner.Cron("* * * * *", { paused: true });
const typed: croner.Cron<{ id: number }> = new croner.Cron("* * * * *", { context: { id: 1 } });

export const like: CronLike = job;
export const fromModule: CronerScheduler = cronerScheduler({ croner });
export const fromList: CronerScheduler = cronerScheduler({ jobs: [job] });
export const fromRecord: Scheduler = cronerScheduler({ jobs: { first: job, second: typed } });
export const adopted: croner.Cron<{ id: number }> = fromModule.adopt(typed, "typed");

// @ts-expect-error a function is no job
cronerScheduler({ jobs: [() => {}] });

defineScheduler({
  name: "bad",
  // @ts-expect-error unknown tokens are refused
  capabilities: ["fly"],
  attach() {},
  detach() {},
  list: () => [],
  actions: {},
});
