import { finite, member, text } from "../bullmq/facts.ts";
import { joinedStack } from "../bullmq/failure.ts";
import type { BullProfile } from "../bullmq/profile.ts";

/**
 * What bunqueue 2.9 does otherwise: `failed` events carry no `finishedOn` and an
 * `attemptsMade` from before the failure, stacks are lists of lines, and
 * larger priorities run first.
 */
export const BUNQUEUE: BullProfile = {
  brokerType: "sqlite",
  countsRuns: false,
  hasStreams: false,
  steers: false,
  keepsOptions: false,
  runner: "processor",
  isFinal(job, error) {
    if (text(member(error, "name")) === "UnrecoverableError") return true;
    const made = finite(member(job, "attemptsMade")) ?? 0;
    return made + 1 >= (finite(member(job.opts, "attempts")) ?? 1);
  },
  attempt: (job) => (finite(member(job, "attemptsMade")) ?? 0) + 1,
  traceback: joinedStack,
  label(options) {
    const priority = finite(member(options, "priority")) ?? 0;
    if (priority > 0) return "high";
    return priority < 0 ? "low" : "normal";
  },
  options(label) {
    if (label === "critical") return { priority: 1000 };
    if (label === "high") return { priority: 100 };
    return label === "low" ? { priority: -100 } : {};
  },
};
