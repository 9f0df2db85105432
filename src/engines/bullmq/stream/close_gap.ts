import type { Clock } from "../../../base/clock.ts";
import type { Ancestors } from "../ancestors.ts";
import type { BullProfile } from "../profile.ts";
import type { RedisLink } from "../redis/link.ts";
import { type Reporter, withExtra } from "../reporter.ts";
import type { GapReport } from "./gap_report.ts";
import { STANDBY_MS } from "./limits.ts";
import { entryMs, type Position } from "./position.ts";
import { rebuildQueue } from "./rebuild.ts";
import type { StoredJob } from "./stored_job.ts";
import type { WatchedQueue } from "./watched_queue.ts";

/** What closing a gap needs. */
export interface CloseGapOptions {
  /** A queue with a gap, the rest of whose stream was read. */
  readonly queue: WatchedQueue;
  readonly commands: RedisLink;
  readonly reporter: Reporter;
  readonly profile: BullProfile;
  readonly ancestors: Ancestors;
  readonly clock: Clock;
  readonly gaps: GapReport;
  /** Resolves once everything reported so far is on disk. */
  readonly stored: () => Promise<void>;
  /** Renews the lease; false when it is lost or the work is to end. */
  readonly renew: () => Promise<boolean>;
  readonly tell: (message: string) => void;
}

/**
 * Rebuilds the states of the jobs whose events were trimmed, and tells of the gap.
 * False when it could not be done now; the gap stays open then.
 */
export async function closeGap(options: CloseGapOptions): Promise<boolean> {
  const { queue, clock, gaps, stored, renew, tell } = options;
  const { gap } = queue;
  if (gap === undefined) return true;
  const isFirst = entryMs(gap.from.id) === 0;
  const extra = { rebuilt: true, ...(isFirst ? { replayed: true } : {}) };
  const rebuilt = new Set<string>();
  let renewedMs = clock.monotonic();
  const outcome = await rebuildQueue({
    link: options.commands,
    base: queue.base,
    sinceMs: entryMs(gap.from.id),
    sight: options.reporter.sight(queue.name),
    goOn: async () => {
      await stored();
      if (clock.monotonic() - renewedMs < STANDBY_MS) return true;
      renewedMs = clock.monotonic();
      return await renew();
    },
    found: (job, events) => {
      if (!gap.seen.has(job.id) && isNewer(job, gap.from)) rebuilt.add(job.id);
      options.reporter.arrival(job, queue.name, options.ancestors, extra);
      options.reporter.report(() => withExtra(events, extra));
    },
  });
  if (outcome === "interrupted") return false;
  if (outcome === "full") tell(`The queue ${queue.name} holds more jobs than a gap rebuilds`);
  await stored();
  gaps.add({
    queue: queue.name,
    isFirst,
    entriesLost: gap.entries,
    jobsAdded: gap.jobsAdded,
    jobsSeen: gap.seen.size,
    jobsRebuilt: rebuilt.size,
  });
  queue.gap = undefined;
  return true;
}

function isNewer(job: StoredJob, { id, jobs }: Position): boolean {
  // Ids that BullMQ gives rise; those that people choose say nothing.
  return /^\d+$/.test(job.id) ? Number(job.id) > jobs : job.timestamp >= entryMs(id);
}
