import type { TaskEvent } from "../../contract.ts";
import { failureEvents, type Sight, startedEvents, succeededEvents } from "../mapping.ts";
import type { RedisArgument } from "../redis/client.ts";
import type { RedisLink } from "../redis/link.ts";
import { withExtra } from "../reporter.ts";
import { extraOf } from "./entry_events.ts";
import { MAX_FIELD_BYTES, MAX_LOG_LINES, MAX_REBUILT, REBUILD_PAGE } from "./limits.ts";
import { READ_JOBS } from "./scripts.ts";
import { type StoredJob, storedJob } from "./stored_job.ts";

/** Where a job lies, as a rebuild needs it. */
type Place = "waiting" | "active" | "completed" | "failed";

interface JobSet {
  readonly key: string;
  readonly place: Place;
  readonly kind: "list" | "scored" | "ordered";
}

// What BullMQ 5 and 6 keep their jobs in; those of paused queues are apart in 5.
const SETS: readonly JobSet[] = [
  { key: "completed", place: "completed", kind: "scored" },
  { key: "failed", place: "failed", kind: "scored" },
  { key: "active", place: "active", kind: "list" },
  { key: "wait", place: "waiting", kind: "list" },
  { key: "paused", place: "waiting", kind: "list" },
  { key: "prioritized", place: "waiting", kind: "ordered" },
  { key: "delayed", place: "waiting", kind: "ordered" },
  { key: "waiting-children", place: "waiting", kind: "ordered" },
];

/** What to rebuild. */
export interface RebuildOptions {
  readonly link: RedisLink;
  /** `<prefix>:<queue>`. */
  readonly base: string;
  /** Jobs that ended before are known. */
  readonly sinceMs: number;
  readonly sight: Sight;
  readonly found: (job: StoredJob, events: readonly TaskEvent[]) => void;
  /** Asked after every page; false ends the work. */
  readonly goOn: () => Promise<boolean>;
}

/** How a rebuild ended; `full` when there were more jobs than one may read. */
export type Rebuilt = "done" | "full" | "interrupted";

/** Reads the states of the jobs of a queue from where it keeps them. */
export async function rebuildQueue(options: RebuildOptions): Promise<Rebuilt> {
  let left = MAX_REBUILT;
  for (const set of SETS) {
    for (let offset = 0;; offset += REBUILD_PAGE) {
      const ids = await pageOf(options, set, offset);
      if (ids === undefined) return "interrupted";
      left -= ids.length;
      if (ids.length > 0) {
        if (!(await tellJobs(options, set.place, ids))) return "interrupted";
        if (!(await options.goOn())) return "interrupted";
      }
      if (left <= 0) return "full";
      if (ids.length < REBUILD_PAGE) break;
    }
  }
  return "done";
}

async function pageOf(
  { link, base, sinceMs }: RebuildOptions,
  { key, kind }: JobSet,
  offset: number,
): Promise<readonly string[] | undefined> {
  const last = offset + REBUILD_PAGE - 1;
  const commands: Record<JobSet["kind"], readonly [string, readonly RedisArgument[]]> = {
    list: ["LRANGE", [offset, last]],
    ordered: ["ZRANGE", [offset, last]],
    scored: ["ZRANGEBYSCORE", [sinceMs, "+inf", "LIMIT", offset, REBUILD_PAGE]],
  };
  const [command, values] = commands[kind];
  const answer = await link.call(command, [`${base}:${key}`, ...values]);
  // A key of another kind belongs to a version that keeps it otherwise.
  if (answer.ended === "refused" && answer.code === "WRONGTYPE") return [];
  if (answer.ended !== "value" || !Array.isArray(answer.value)) return undefined;
  return answer.value.map(String);
}

async function tellJobs(
  { link, base, sight, found }: RebuildOptions,
  place: Place,
  ids: readonly string[],
): Promise<boolean> {
  const values = [READ_JOBS, 0, base, MAX_FIELD_BYTES, MAX_LOG_LINES, ...ids];
  const answer = await link.call("EVAL", values, 10_000);
  if (answer.ended !== "value" || !Array.isArray(answer.value)) return false;
  for (const one of answer.value) {
    const job = storedJob(one);
    if (job !== undefined) found(job, eventsOf(job, place, sight));
  }
  return true;
}

function eventsOf(job: StoredJob, place: Place, at: Sight): readonly TaskEvent[] {
  const sight = { ...at, worker: job.processedBy };
  if (place === "waiting") return [];
  if (place === "active") return startedEvents(job, sight);
  const began = { ...job, attemptsMade: Math.max(0, (job.attemptsMade ?? 1) - 1) };
  const ended = place === "completed"
    ? succeededEvents(job, job.returnvalue, sight)
    : failureEvents(job, undefined, sight);
  return [...startedEvents(began, sight), ...withExtra(ended, extraOf(job))];
}
