import { openSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";
import { watchLoop } from "../../tests/_support/watch_loop.ts";

/** Name of the file of marks in a host's folder. */
export const MARKS_NAME = "marks";
/** The agent's buffer in its folder. */
export const BUFFER_NAME = "buffer-1.sqlite";
/** The same in Deno KV. */
export const KV_NAME = "buffer-1.kv";
/** The brain's database in its folder. */
export const BRAIN_NAME = "brain.db";

/** What a host says in its trace. */
export interface Mark {
  /** Events up to this number (exclusive) are about to be recorded. */
  readonly recorded?: number;
  /** Events of this range were reported as stored. */
  readonly resolved?: readonly [number, number];
  /** Events of this range were acknowledged by the brain. */
  readonly acked?: readonly [number, number];
  /** A write over REST was answered with success; the name that it made. */
  readonly made?: string;
  /** What was resolved may be at the brain alone from here on, until `offline`. */
  readonly online?: boolean;
  readonly offline?: boolean;
}

/** What an agent's host prints at its end. */
export interface AgentReport {
  readonly recorded: number;
  /** Events in its last group that were not reported as stored. */
  readonly unresolved: number;
  readonly losses: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly durable: boolean;
  /** What `stop()` answered. */
  readonly stopped: { readonly remaining: number };
  /** Longest gap between two beats of the host, in milliseconds. */
  readonly longestGapMs: number;
}

/** What a brain's host prints at its end. */
export interface BrainReport {
  readonly recorded: number;
  readonly acked: number;
  /** Starts that were refused with a failure of ours. */
  readonly refusedStarts: number;
  /** Answers over REST that were not clean, failures that were not ours. */
  readonly unclean: readonly string[];
  /** Answers over REST with a failure. */
  readonly failedRequests: number;
  readonly longestGapMs: number;
}

/** Text of event `n`: some need overflow pages. */
export function padOf(n: number): string {
  return String.fromCharCode(97 + n % 26).repeat(n % 13 === 0 ? 5_000 : 20 + (n * 37) % 300);
}

/** Opens the marks of a host; each is one `write`. */
export function openMarks(folder: string): (mark: Mark) => void {
  // Made under a name that no fault is for.
  const draft = join(folder, `${MARKS_NAME}.draft`);
  const file = openSync(draft, "w");
  renameSync(draft, join(folder, MARKS_NAME));
  return (mark) => void writeSync(file, `${JSON.stringify(mark)}\n`);
}

/** Beats as a host does its own work; answers the longest gap. */
export function startHeart(): () => number {
  const longest = watchLoop(5);
  return () => Math.round(longest());
}

/** Polls until it holds; answers whether it did before the deadline. */
export async function within(deadlineMs: number, holds: () => boolean): Promise<boolean> {
  const end = performance.now() + deadlineMs;
  while (!holds()) {
    if (performance.now() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
  return true;
}
