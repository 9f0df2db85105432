/** Jobs whose arrival this process reported; a forgotten one is reported again and collapses. */
export const RECENT_ARRIVALS = 10_000;

/** Least distance of two heartbeat events of a worker: half of the time a brain waits. */
export const WORKER_HEARTBEAT_MS = 30_000;

/** Longest wait for the depth of queues; a heartbeat must not wait for a broker. */
export const COUNTS_DEADLINE_MS = 2_000;

/** Queues of which the depth is reported at most (protocol section 13). */
export const MAX_QUEUE_DEPTHS = 1024;

/** Levels of a flow that are followed; deeper roots are cut, cycles end here. */
export const MAX_FLOW_LEVELS = 32;

/** Longest wait of an arrival for the root of its flow. */
export const WALK_DEADLINE_MS = 500;

/** Parents that a queue or worker remembers; about 1 MB. */
export const MAX_FLOW_EDGES = 5_000;

/** How long a parent is remembered: ids begin anew after an obliterate. */
export const EDGE_TTL_MS = 60_000;

/** Reads of parents without an answer, for each queue or worker. */
export const MAX_OPEN_READS = 64;

/** Jobs that wait for their root at once; more are reported with what is known. */
export const MAX_HELD_JOBS = 5_000;

/** Contexts of jobs that are remembered for a library that keeps no carrier. */
export const MAX_KNOWN_CONTEXTS = 10_000;
