import type { Clock } from "../../base/clock.ts";
import type { WorkContext } from "../../base/work_context.ts";
import { finite, member, text, time } from "../../engines/bullmq/facts.ts";
import { failureTexts, lastStack } from "../../engines/bullmq/failure.ts";
import { contextInJob } from "../../engines/bullmq/job_contexts.ts";
import type { BullJobLike, BullWorkerLike } from "../../engines/bullmq/like.ts";
import { quietly } from "../../engines/bullmq/quietly.ts";
import { jobIdOf, taskIdOf } from "../../engines/bullmq/task_id.ts";
import type { SchedulerSink } from "../contract.ts";
import { keyOf } from "./row.ts";

/** Option of a job that an operator started, next to those of BullMQ: the scheduler's id. */
export const TRIGGER_OPTION = "z4jSchedule";

/** Where the runs of workers go. */
export interface RunListener {
  /** Takes phases of runs. */
  readonly sink: Pick<SchedulerSink, "run">;
  /** Told when a run began. */
  began(key: string, atMs: number): void;
  /** Time source. */
  readonly clock: Clock;
}

interface Emitter {
  on(event: string, listener: (...values: readonly unknown[]) => void): unknown;
  off(event: string, listener: (...values: readonly unknown[]) => void): unknown;
}

/**
 * Reports the jobs of schedulers that a worker of this process runs. A run
 * begins with its first attempt and ends with its last; what happens between
 * attempts is the engine's to tell. The answer removes the listeners.
 */
export function watchRuns(worker: BullWorkerLike, to: RunListener): () => void {
  const emitter = worker as unknown as Emitter;
  const listeners: Readonly<Record<string, (...values: readonly unknown[]) => void>> = {
    active: (job) => began(worker.name, job, to),
    completed: (job) => ended(worker.name, job, null, to),
    failed(job, error) {
      // Set after the last attempt only.
      if (time(member(job, "finishedOn")) !== undefined) ended(worker.name, job, { error }, to);
    },
  };
  const entries = Object.entries(listeners).map(([event, listener]) =>
    [event, (...values: readonly unknown[]) => quietly(() => listener(...values))] as const
  );
  for (const [event, listener] of entries) emitter.on(event, listener);
  return () => {
    for (const [event, listener] of entries) quietly(() => emitter.off(event, listener));
  };
}

interface Run {
  readonly runId: string;
  readonly scheduleKey: string;
  readonly scheduleName: string;
  readonly taskName: string;
  readonly manual: boolean;
  readonly queue: string;
  readonly context: WorkContext | undefined;
}

function runOf(queue: string, job: unknown): Run | undefined {
  const jobId = jobIdOf(job);
  const opts = member(job, "opts");
  const manual = text(member(opts, TRIGGER_OPTION));
  const scheduler = manual ?? text(member(job, "repeatJobKey")) ??
    text(member(opts, "repeatJobKey"));
  if (jobId === undefined || scheduler === undefined) return undefined;
  return {
    runId: taskIdOf(queue, jobId),
    scheduleKey: keyOf(queue, scheduler),
    scheduleName: scheduler,
    taskName: text(member(job, "name")) ?? scheduler,
    manual: manual !== undefined,
    queue,
    context: contextInJob(job as BullJobLike, queue),
  };
}

function began(queue: string, job: unknown, { sink, clock, ...to }: RunListener): void {
  const run = runOf(queue, job);
  // A later attempt belongs to a run that began before.
  if (run === undefined || (finite(member(job, "attemptsMade")) ?? 0) > 0) return;
  const occurredAtMs = time(member(job, "processedOn")) ?? clock.now();
  to.began(run.scheduleKey, occurredAtMs);
  sink.run({ ...run, phase: "started", occurredAtMs });
}

function ended(
  queue: string,
  job: unknown,
  failed: { readonly error: unknown } | null,
  { sink, clock }: RunListener,
): void {
  const run = runOf(queue, job);
  if (run === undefined) return;
  const occurredAtMs = time(member(job, "finishedOn")) ?? clock.now();
  const startedAtMs = time(member(job, "processedOn"));
  const runtimeMs = startedAtMs === undefined ? undefined : Math.max(0, occurredAtMs - startedAtMs);
  if (failed === null) {
    sink.run({ ...run, phase: "completed", occurredAtMs, runtimeMs, outcome: "success" });
    return;
  }
  const failure = failureTexts(job, failed.error, lastStack(job));
  sink.run({ ...run, phase: "completed", occurredAtMs, runtimeMs, outcome: "failure", ...failure });
}
