/** How long a lease lasts without a renewal. */
export const LEASE_MS = 5_000;

/** How often an agent without the lease asks for it. */
export const STANDBY_MS = 1_500;

/** Longest wait for new entries; every round renews the lease. */
export const BLOCK_MS = 1_000;

/** Wait after new entries were announced, so that one round takes many. */
export const COALESCE_MS = 20;

/** Entries that one round takes from all streams together. */
export const ROUND_ENTRIES = 4_000;

/** Entries that one round tells; each may come with a job of some 100 kB. */
export const ROUND_TOLD = 500;

/** How often new queues and workers are looked for, if that is quick. */
export const DISCOVER_MS = 1_000;

/** Queues that are read at most. */
export const MAX_QUEUES = 2_000;

/** How often a worker with an agent is announced. */
export const BEAT_MS = 2_000;

/** Silence after which the agent of a worker counts as gone. */
export const SILENT_MS = 7_000;

/** Jobs of a queue that are rebuilt at most after a gap. */
export const MAX_REBUILT = 100_000;

/** Jobs that one page of a rebuild reads. */
export const REBUILD_PAGE = 250;

/** Wait after a refusal that only an operator can lift. */
export const REFUSED_MS = 60_000;

/** Waits after a failure that passes by itself. */
export const FAILURE_BACKOFF = { firstMs: 100, capMs: 2_000, floorMs: 50 } as const;

/** Largest input, result or stack that is read from Redis; the rest is named, not read. */
export const MAX_FIELD_BYTES: number = 64 * 1024;

/** Lines of a job's log that are reported, newest last. */
export const MAX_LOG_LINES = 20;
