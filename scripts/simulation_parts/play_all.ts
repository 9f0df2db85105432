import { runShare } from "./run_share.ts";
import { type Share, type ShareFound, sumOfShares } from "./share.ts";

/** What is to be played, and for how long. */
export interface Course {
  readonly seed: number;
  /** From 0 to this number, which is not played. */
  readonly schedules: number;
  /** How many processes play at a time. */
  readonly processes: number;
  /** Unix milliseconds after which no schedule begins; `null` plays all. */
  readonly endsAtMs: number | null;
  /** Told what was found so far, after each process. */
  readonly told: (found: ShareFound) => void;
  /** Plays a share. Default: in a process of its own. */
  readonly run?: (share: Share) => Promise<ShareFound>;
}

// Few enough that little is lost with a process, and enough that its start costs little.
const MOST_OF_A_PROCESS = 12_500;

/**
 * Plays schedules in processes that take the next ones until all are played or the
 * time is up.
 *
 * @throws When a process does not end well, or hangs.
 */
export async function playAll(course: Course): Promise<ShareFound> {
  const { seed, schedules, processes, endsAtMs, told, run = (share) => runShare(share) } = course;
  const size = Math.min(MOST_OF_A_PROCESS, Math.ceil(schedules / processes));
  let next = 0;
  let all = sumOfShares([]);
  const isTime = (): boolean => endsAtMs === null || Date.now() < endsAtMs;
  const work = async (): Promise<void> => {
    while (next < schedules && isTime()) {
      const from = next;
      next = Math.min(from + size, schedules);
      const found = await run({ seed, from, until: next, endsAtMs, stopsAtFirst: false });
      all = sumOfShares([all, found]);
      told(all);
    }
  };
  await Promise.all(Array.from({ length: processes }, work));
  return all;
}
