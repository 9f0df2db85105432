import type { EngineSink } from "../../contract.ts";

/** A gap in the stream of a queue, accounted for. */
export interface ClosedGap {
  readonly queue: string;
  /** Whether it lies before the first connection of the project. */
  readonly isFirst: boolean;
  /** Entries that were trimmed unread; -1 when nobody knows how many. */
  readonly entriesLost: number;
  /** Jobs that were added meanwhile, by the counter of ids. */
  readonly jobsAdded: number;
  /** Jobs whose arrival was read all the same. */
  readonly jobsSeen: number;
  /** Jobs that were found where the queue keeps them. */
  readonly jobsRebuilt: number;
}

/** The gaps of this process, as facts. */
export interface GapReport {
  /** Tells of a gap once. */
  add(gap: ClosedGap): void;
  /** What happened so far, for the health page; `undefined` for nothing. */
  facts(): Readonly<Record<string, string>> | undefined;
}

/** Jobs of which nothing is left. */
export function jobsLost({ jobsAdded, jobsSeen, jobsRebuilt }: ClosedGap): number {
  return Math.max(0, jobsAdded - jobsSeen - jobsRebuilt);
}

/** Creates an empty report. */
export function createGapReport(sink: EngineSink): GapReport {
  let gaps = 0;
  let entries = 0;
  let jobs = 0;
  let last = "";
  return {
    add(gap) {
      const lost = jobsLost(gap);
      const count = gap.entriesLost < 0 ? "an unknown number of" : String(gap.entriesLost);
      const when = gap.isFirst ? "before the first connection" : "while nobody read";
      last = `queue ${gap.queue}: ${count} entries were trimmed ${when}; ` +
        `jobs added ${gap.jobsAdded}, seen ${gap.jobsSeen}, ` +
        `rebuilt ${gap.jobsRebuilt}, lost ${lost}`;
      gaps++;
      entries += Math.max(0, gap.entriesLost);
      jobs += lost;
      const { queue, entriesLost, jobsAdded, jobsSeen, jobsRebuilt } = gap;
      sink.notice(
        { queue, entriesLost, jobsAdded, jobsSeen, jobsRebuilt, jobsLost: lost },
        `Gap in the events: ${last}`,
      );
      // History before the first connection was never promised; its lost jobs were.
      const lostEvents = gap.isFirst ? lost : Math.max(1, gap.entriesLost);
      if (lostEvents > 0) sink.lost(lostEvents, `gap in the events of the queue ${gap.queue}`);
    },
    facts() {
      if (gaps === 0) return undefined;
      return {
        gaps: String(gaps),
        gap_entries_lost: String(entries),
        gap_jobs_lost: String(jobs),
        gap_last: last,
      };
    },
  };
}
