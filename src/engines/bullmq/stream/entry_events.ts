import type { TaskEvent, TaskEventData } from "../../contract.ts";
import { eventId } from "../event_id.ts";
import { time } from "../facts.ts";
import type { BullJobLike } from "../like.ts";
import {
  failureEvents,
  type Sight,
  startedEvents,
  succeededEvents,
  taskNameOf,
} from "../mapping.ts";
import { withExtra } from "../reporter.ts";
import { taskIdOf } from "../task_id.ts";
import { entryMs } from "./position.ts";
import type { QueueRound, StreamEntry } from "./round.ts";
import type { StoredJob } from "./stored_job.ts";

/** What an entry tells, in the words of the contract. */
export type Told =
  | { readonly kind: "arrival"; readonly job: BullJobLike; readonly inputsGone: boolean }
  | { readonly kind: "events"; readonly events: readonly TaskEvent[] };

/** The same, and when Redis wrote it. */
export type ToldAt = Told & { readonly atMs: number };

/**
 * Puts the entries of a round into words. The hash of a job is newer than its
 * entries: runs are counted backwards from it.
 *
 * @param streamKey Key of the stream, for ids of what only the stream knows.
 */
export function tellRound(
  round: QueueRound,
  streamKey: string,
  sightAt: (nowMs: number) => Sight,
): readonly ToldAt[] {
  return round.entries.flatMap((entry) => {
    const job = round.jobs.get(entry.jobId);
    const atMs = entryMs(entry.id);
    const told = tell({
      ...{ entry, atMs, job, streamKey },
      made: Math.max(0, (job?.attemptsMade ?? 0) - entry.laterEnds),
      started: Math.max(0, (job?.attemptsStarted ?? 0) - entry.laterStarts),
      isLast: entry.laterStarts === 0,
      sight: sightAt(atMs),
    });
    return told === undefined ? [] : [{ ...told, atMs }];
  });
}

interface EntryView {
  readonly entry: StreamEntry;
  readonly atMs: number;
  /** The job now; `undefined` when it was removed meanwhile. */
  readonly job: StoredJob | undefined;
  readonly streamKey: string;
  readonly sight: Sight;
  /** Attempts that had ended, the one that ends here included. */
  readonly made: number;
  /** Runs that had begun, the one that begins here included. */
  readonly started: number;
  /** Whether no later run is known, so that the hash is of this one. */
  readonly isLast: boolean;
}

function endsAttempt({ entry, job, made }: EntryView): boolean {
  const { event, fields } = entry;
  if (made === 0 || job?.failedReason === undefined) return false;
  return event === "delayed" || (event === "waiting" && fields["prev"] === "active");
}

function tell(view: EntryView): Told | undefined {
  const { entry, job } = view;
  switch (entry.event) {
    case "added":
      return { kind: "arrival", job: job ?? goneJob(view), inputsGone: job === undefined };
    case "active":
      return events(startedEvents(asOf(view, {}), workerOf(view)));
    case "completed":
      return events(succeededEvents(asOf(view, {}), returned(view), workerOf(view)), extraOf(job));
    case "failed":
      return events(failureEvents(asOf(view, {}), undefined, workerOf(view)), extraOf(job));
    case "delayed":
    case "waiting":
      return endsAttempt(view) ? retried(view) : undefined;
    case "stalled":
      return own(view, "task.retried", {
        exception: "Stalled: its worker stopped answering",
        retryCount: view.made,
        extra: { stalled: true, stalled_count: job?.stalledCounter },
      });
    case "removed":
      return removed(view);
    case "duplicated":
    case "deduplicated":
      return rejected(view);
    default:
      return undefined;
  }
}

function retried(view: EntryView): Told {
  const job = asOf(view, { finishedOn: undefined });
  const retriedAt = failureEvents(job, undefined, workerOf(view));
  return events(retriedAt, extraOf(view.job));
}

// Retention removes what has ended; that says nothing of the job.
function removed(view: EntryView): Told | undefined {
  const previous = view.entry.fields["prev"];
  if (previous === "completed" || previous === "failed") return undefined;
  return own(view, "task.revoked", { extra: { reason: "removed", previous_state: previous } });
}

function rejected(view: EntryView): Told {
  const { fields, jobId } = view.entry;
  const dropped = fields["deduplicatedJobId"] ?? jobId;
  const { queue } = view.sight;
  return own(view, "task.rejected", {
    extra: {
      reason: view.entry.event,
      kept_task_id: taskIdOf(queue, jobId),
      deduplication_id: fields["deduplicationId"],
    },
  }, taskIdOf(queue, dropped));
}

/** An event that only the stream knows; its id comes from the entry. */
function own(
  { entry, atMs, job, streamKey, sight }: EntryView,
  kind: TaskEvent["kind"],
  data: TaskEventData,
  taskId: string = taskIdOf(sight.queue, entry.jobId),
): Told {
  return events([{
    kind,
    taskId,
    occurredAtMs: atMs,
    id: eventId(atMs, `${streamKey}\n${entry.id}\n${kind}`),
    data: {
      ...data,
      taskName: job === undefined ? undefined : taskNameOf(job, sight.queue),
      queue: sight.queue,
    },
    context: job && sight.contexts?.of(job, sight.queue),
  }]);
}

function events(list: readonly TaskEvent[], extra?: TaskEventData["extra"]): Told {
  return { kind: "events", events: withExtra(list, extra) };
}

/** The job as it was when the entry was written, as far as its hash still tells. */
function asOf(view: EntryView, change: Partial<BullJobLike>): BullJobLike {
  const { job, atMs, isLast, entry, made, started } = view;
  if (job === undefined) return { ...goneJob(view), ...change };
  const ends = entry.event === "completed" || entry.event === "failed";
  return {
    ...job,
    processedOn: isLast ? job.processedOn : entry.event === "active" ? atMs : undefined,
    finishedOn: ends ? (isLast ? time(job.finishedOn) : undefined) ?? atMs : job.finishedOn,
    attemptsMade: made,
    attemptsStarted: started,
    stacktrace: job.stacktrace?.slice(0, Math.max(1, made)) ?? [],
    ...change,
  };
}

function goneJob({ entry, atMs, made }: EntryView): BullJobLike & { readonly id: string } {
  const ends = entry.event === "completed" || entry.event === "failed";
  return {
    id: entry.jobId,
    name: entry.fields["name"] ?? "",
    data: undefined,
    timestamp: atMs,
    finishedOn: ends ? atMs : undefined,
    failedReason: entry.fields["failedReason"],
    attemptsMade: ends ? Math.max(1, made) : made,
  };
}

function workerOf({ sight, job, isLast }: EntryView): Sight {
  return { ...sight, worker: isLast ? job?.processedBy : undefined };
}

function returned({ entry, job, isLast }: EntryView): unknown {
  if (job !== undefined && isLast) return job.returnvalue;
  const json = entry.fields["returnvalue"];
  try {
    return json === undefined ? undefined : JSON.parse(json) as unknown;
  } catch {
    return json;
  }
}

/** Progress, log and trouble of a job, as data. */
export function extraOf(job: StoredJob | undefined): Readonly<Record<string, unknown>> {
  if (job === undefined) return {};
  const hasProgress = job.progress !== undefined && job.progress !== 0;
  return {
    ...(hasProgress ? { progress: job.progress } : {}),
    ...(job.logs.length > 0 ? { logs: job.logs } : {}),
    ...(job.stalledCounter > 0 ? { stalled: true, stalled_count: job.stalledCounter } : {}),
    ...(job.corrupt.length > 0 ? { unreadable: job.corrupt } : {}),
  };
}
