import type { TaskEvent, TaskEventData, TaskEventKind } from "../contract.ts";
import { attemptId } from "./event_id.ts";
import { finite, isoTime, member, text, time } from "./facts.ts";
import { failureTexts } from "./failure.ts";
import { flowTaskId, parentPlace } from "./flow.ts";
import type { BullContexts } from "./job_contexts.ts";
import type { BullJobLike } from "./like.ts";
import { inputOf } from "./payload.ts";
import type { BullProfile } from "./profile.ts";
import { jobIdOf, taskIdOf } from "./task_id.ts";

/** Where and when a job was seen. */
export interface Sight {
  /** Differences of the queue library. */
  readonly profile: BullProfile;
  /** Name of the queue. */
  readonly queue: string;
  /** Name of the worker, if one runs the job. */
  readonly worker?: string | undefined;
  /** Unix milliseconds now, for times that the job does not carry. */
  readonly nowMs: number;
  /** Reads the context that a job carries. Default: none is read. */
  readonly contexts?: Pick<BullContexts, "of"> | undefined;
}

// What BullMQ calls a job that was added without a name.
const NAMELESS = "__default__";

/** The name of a job; a nameless one is called like its queue. */
export function taskNameOf(job: BullJobLike, queue: string): string {
  const name = text(member(job, "name"));
  return name === undefined || name === NAMELESS ? queue : name;
}

/** Events of a new job: it was sent, and it lies in its queue with these inputs. */
export function arrivalEvents(job: BullJobLike, sight: Sight): readonly TaskEvent[] {
  const delay = finite(member(job.opts, "delay")) ?? 0;
  const first = (finite(member(job, "attemptsMade")) ?? 0) === 0;
  const createdMs = time(member(job, "timestamp")) ?? sight.nowMs;
  const parent = parentPlace(job);
  const data: TaskEventData = {
    ...common(job, sight),
    ...inputOf(member(job, "data")),
    parentTaskId: parent && flowTaskId(parent),
    eta: first && delay > 0 ? isoTime(createdMs + delay) : undefined,
  };
  return [
    ...event("task.sent", job, sight, createdMs, data),
    ...event("task.received", job, sight, createdMs, data),
  ];
}

/** Event of an attempt that begins. */
export function startedEvents(job: BullJobLike, sight: Sight): readonly TaskEvent[] {
  const attempt = sight.profile.attempt(job, "began");
  const data = { ...common(job, sight), attempt, retryCount: attempt - 1 };
  return event("task.started", job, sight, time(member(job, "processedOn")), data);
}

/** Event of a job that is done. */
export function succeededEvents(
  job: BullJobLike,
  result: unknown,
  sight: Sight,
): readonly TaskEvent[] {
  const endedMs = time(member(job, "finishedOn")) ?? sight.nowMs;
  const attempt = sight.profile.attempt(job, "ended");
  return event("task.succeeded", job, sight, endedMs, {
    ...common(job, sight),
    attempt,
    retryCount: attempt - 1,
    result: result === undefined ? member(job, "returnvalue") : result,
    runtimeMs: runtime(job, endedMs),
  });
}

/** Event of an attempt that failed: `task.failed` only when there is no further one. */
export function failureEvents(
  job: BullJobLike,
  error: unknown,
  sight: Sight,
): readonly TaskEvent[] {
  const { profile } = sight;
  const final = profile.isFinal(job, error);
  const endedMs = (final ? time(member(job, "finishedOn")) : undefined) ?? sight.nowMs;
  const attempt = profile.attempt(job, "ended");
  const delay = finite(member(job, "delay")) ?? 0;
  return event(final ? "task.failed" : "task.retried", job, sight, endedMs, {
    ...common(job, sight),
    ...failureTexts(job, error, profile.traceback(job)),
    attempt,
    // A retry that was just decided counts.
    retryCount: final ? attempt - 1 : attempt,
    runtimeMs: runtime(job, endedMs),
    eta: !final && delay > 0 ? isoTime(endedMs + delay) : undefined,
  });
}

function common(job: BullJobLike, sight: Sight): TaskEventData {
  return {
    taskName: taskNameOf(job, sight.queue),
    queue: sight.queue,
    worker: sight.worker,
    priority: sight.profile.label(job.opts),
    maxAttempts: Math.max(1, finite(member(job.opts, "attempts")) ?? 1),
  };
}

// A job without an id cannot be told apart from others: no event.
function event(
  kind: TaskEventKind,
  job: BullJobLike,
  sight: Sight,
  atMs: number | undefined,
  data: TaskEventData,
): readonly TaskEvent[] {
  const id = jobIdOf(job);
  if (id === undefined) return [];
  const taskId = taskIdOf(sight.queue, id);
  const occurredAtMs = atMs ?? sight.nowMs;
  return [{
    id: idOf(kind, job, sight.profile, taskId, occurredAtMs),
    kind,
    taskId,
    occurredAtMs,
    data,
    context: sight.contexts?.of(job, sight.queue),
  }];
}

/**
 * The same id from every source. What sources see at times of their own is told
 * apart by the number of the run instead.
 */
function idOf(
  kind: TaskEventKind,
  job: BullJobLike,
  profile: BullProfile,
  taskId: string,
  occurredAtMs: number,
): string | undefined {
  const createdMs = time(member(job, "timestamp"));
  if (createdMs === undefined) return undefined;
  if (kind !== "task.started" && kind !== "task.retried") {
    return attemptId({ taskId, kind, createdMs, timeMs: occurredAtMs });
  }
  const run = finite(member(job, "attemptsStarted"));
  if (run === undefined || !profile.countsRuns) return undefined;
  return attemptId({ taskId, kind, createdMs, timeMs: createdMs, run });
}

function runtime(job: BullJobLike, endedMs: number): number | undefined {
  const startedMs = time(member(job, "processedOn"));
  return startedMs === undefined ? undefined : Math.max(0, Math.round(endedMs - startedMs));
}
