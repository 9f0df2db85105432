/** Jobs whose arrival this process reported; a forgotten one is reported again and collapses. */
export const RECENT_ARRIVALS = 10_000;

/** Least distance of two heartbeat events of a worker: half of the time a brain waits. */
export const WORKER_HEARTBEAT_MS = 30_000;

/** Longest wait for the depth of queues; a heartbeat must not wait for a broker. */
export const COUNTS_DEADLINE_MS = 2_000;

/** Queues of which the depth is reported at most (protocol section 13). */
export const MAX_QUEUE_DEPTHS = 1024;
