import { COMMIT_SHARE, EVENT_BUDGET_MS, GROUP_WINDOW_MAX_MS, GROUP_WINDOW_MS } from "./limits.ts";

/** How long a group waits for company, from what commits cost. */
export interface GroupWindow {
  /** The window now, in milliseconds. */
  readonly ms: number;
  /** Takes note of how long a commit held the loop and how many events it had. */
  observe(commitMs: number, events: number): void;
}

// One slow commit among fast ones (a checkpoint, a busy machine) moves the
// average by this share only.
const SMOOTHING = 0.2;

/**
 * Creates the window of design 5.5. Only the fixed part of a commit (its sync)
 * counts: what each event costs stays the same in a wider window, so counting
 * it would stretch the window for nothing under load.
 */
export function createGroupWindow(): GroupWindow {
  const perCommit = (1 - COMMIT_SHARE) / COMMIT_SHARE;
  let average = 0;
  return {
    get ms() {
      return Math.min(GROUP_WINDOW_MAX_MS, Math.max(GROUP_WINDOW_MS, average * perCommit));
    },
    observe(commitMs, events) {
      const fixed = Math.max(0, commitMs - events * EVENT_BUDGET_MS);
      average += (fixed - average) * SMOOTHING;
    },
  };
}
