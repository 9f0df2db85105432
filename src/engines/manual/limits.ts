/** Finished runs that `reconcile` and repeated submits still find. */
export const RECENT_RUNS = 1_000;

/** Submitted runs that may wait for their turn or time; more are refused. */
export const MAX_WAITING = 1_000;

/** Longest wait between two attempts, in milliseconds. */
export const MAX_BACKOFF_MS = 60_000;

/** Least distance of two heartbeat events of the worker. */
export const WORKER_HEARTBEAT_MS = 30_000;

/** Farthest time a submitted run may wait for: what the timers of all runtimes take. */
export const MAX_ETA_MS = 2_147_483_647;
