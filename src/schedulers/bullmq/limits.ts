/** Job schedulers of one queue that are listed at most; more make the list fail. */
export const MAX_SCHEDULERS = 5_000;

/** How often Redis is looked at for changes that other processes made. */
export const POLL_MS = 15_000;

/** How late a run without a pending job may be before its schedule counts as stuck. */
export const STUCK_AFTER_MS = 60_000;

/** Entries of a list that are searched for a pending job; beyond, it counts as there. */
export const MAX_LIST_SCAN = 10_000;

/** How long a lock on one schedule holds when its owner dies. */
export const LOCK_MS = 5_000;

/** How long an operation waits for such a lock. */
export const LOCK_WAIT_MS = 2_000;

/** Pause between two tries for a lock. */
export const LOCK_RETRY_MS = 25;

/** Least time between two runs that an operator may ask for. */
export const MIN_EVERY_MS = 1_000;

/** Schedules of which the last run is remembered. */
export const MAX_LAST_RUNS = 10_000;
