import type { TaskState } from "../contract.ts";
import { RECENT_RUNS } from "./limits.ts";

/** What became of runs: of all that are under way and of the newest finished ones. */
export interface Runs {
  /** Notes a new state; finished ones may be forgotten later. */
  set(taskId: string, state: TaskState): void;
  /** The state of a run. */
  get(taskId: string): TaskState;
  /** Ids of the runs that are at work. */
  active(): readonly string[];
}

/** Creates an empty memory. */
export function createRuns(limit: number = RECENT_RUNS): Runs {
  const open = new Map<string, TaskState>();
  const finished = new Map<string, TaskState>();
  return {
    set(taskId, state) {
      const ends = state.state !== "pending" && state.state !== "started";
      open.delete(taskId);
      (ends ? finished : open).set(taskId, state);
      for (const oldest of finished.keys()) {
        if (finished.size <= limit) break;
        finished.delete(oldest);
      }
    },
    get: (taskId) => open.get(taskId) ?? finished.get(taskId) ?? { state: "unknown" },
    active: () => [...open].filter(([, { state }]) => state === "started").map(([id]) => id),
  };
}
