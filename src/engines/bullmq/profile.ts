import type { TaskPriority } from "../contract.ts";
import { finite, member, time } from "./facts.ts";
import { lastStack } from "./failure.ts";
import type { CarrierProfile } from "./job_contexts.ts";
import type { BullJobLike, BullJobOptionsLike } from "./like.ts";

/** What differs between the queue libraries that one adapter serves. */
export interface BullProfile extends CarrierProfile {
  /** Technique under the queues, for the health page. */
  readonly brokerType: string;
  /** Whether jobs count every run that began, retries and steps alike. */
  readonly countsRuns: boolean;
  /** Whether it takes every command; else only new jobs. */
  readonly steers: boolean;
  /** Whether its queues write streams of events into Redis. */
  readonly hasStreams: boolean;
  /** Whether a failed attempt was the last one. */
  isFinal(job: BullJobLike, error: unknown): boolean;
  /** Number of the attempt that began or ended, 1 for the first. */
  attempt(job: BullJobLike, phase: "began" | "ended"): number;
  /** Stack of the last failure. */
  traceback(job: BullJobLike): string | undefined;
  /** Label of the priority of a job. */
  label(options: BullJobOptionsLike | undefined): TaskPriority;
  /** Options that give a job a labelled priority. */
  options(label: TaskPriority | null): BullJobOptionsLike;
}

/** BullMQ 5 and 6. */
export const BULLMQ: BullProfile = {
  brokerType: "redis",
  countsRuns: true,
  hasStreams: true,
  steers: true,
  keepsOptions: true,
  runner: "callProcessJob",
  // `failed` is emitted for every attempt; only the last one sets `finishedOn`.
  isFinal: (job) => time(member(job, "finishedOn")) !== undefined,
  attempt(job, phase) {
    // `attemptsStarted` also counts steps of one attempt: it would exceed `attempts`.
    const made = finite(member(job, "attemptsMade")) ?? 0;
    return Math.max(1, phase === "began" ? made + 1 : made);
  },
  traceback: lastStack,
  // Jobs without a priority run before all that have one.
  label(options) {
    if (member(options, "lifo") === true) return "high";
    return (finite(member(options, "priority")) ?? 0) > 0 ? "low" : "normal";
  },
  options(label) {
    if (label === "critical" || label === "high") return { lifo: true };
    return label === "low" ? { priority: LOW_PRIORITY } : {};
  },
};

// Behind the small numbers that people give their own jobs.
const LOW_PRIORITY = 1000;
