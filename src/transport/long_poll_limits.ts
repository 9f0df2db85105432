/** Largest HTTP body that a brain takes unless it was configured (protocol section 22.7). */
export const DEFAULT_BODY_BYTES = 8192;

/** Sizes that are tried for more, smallest first; the last is the frame limit of section 23. */
export const BODY_STEPS: readonly number[] = [64 * 1024, 1024 * 1024];

/** Least body with which an agent can still do its work. */
export const MIN_BODY_BYTES = 2048;

/** How long a measured body limit is believed before more is tried again. */
export const BODY_MEMORY_MS = 3_600_000;

/** Most frames in one POST (protocol section 22.1 allows 500). */
export const MAX_FRAMES_PER_POST = 100;

/** Most command frames asked for in one poll (protocol section 22.1). */
export const POLL_FRAMES = 50;

/** Seconds that a poll waits at the brain (protocol section 22.1). */
export const POLL_WAIT_SECONDS = 30;

/** How long a poll may take beyond its wait. */
export const POLL_GRACE_MS = 10_000;

/** How long the connect probe may take. */
export const PROBE_TIMEOUT_MS = 10_000;

/** How long one POST may take. */
export const POST_TIMEOUT_MS = 30_000;

/** Age up to which a signed frame is tried again; the brain refuses its `ts` after 60 s (protocol section 9). */
export const FRAME_MAX_AGE_MS = 45_000;

/** Requests in a row without any answer after which the session ends. */
export const MAX_SILENT_TRIES = 3;

/** Refusals in a row, such as 503, after which the session ends. */
export const MAX_REFUSED_TRIES = 20;

/** First and longest wait between two tries. */
export const RETRY_FIRST_MS = 500;
/** Longest wait between two tries without a `Retry-After`. */
export const RETRY_CAP_MS = 5000;
/** Longest `Retry-After` that is honoured within a session. */
export const RETRY_AFTER_CAP_MS = 30_000;

/** Largest answer that is read. */
export const MAX_ANSWER_BYTES: number = 16 * 1024 * 1024;

/** How long `close()` lets waiting frames go out first; the port allows 3 s in all. */
export const CLOSE_FLUSH_MS = 2000;

/** The brain tells no interval on long-poll; this is the default of section 4.4. */
export const LONG_POLL_HEARTBEAT_MS = 10_000;

/** Share of a body that text loses to being a JSON text within JSON; twice is the worst case. */
export const ESCAPE_ALLOWANCE = 1.4;

/**
 * Requests that may follow at once, and those a minute adds: a brain takes 600
 * a minute from one address (protocol section 22.6), and several agents may
 * share it.
 */
export const REQUEST_BURST = 60;
/** See `REQUEST_BURST`. */
export const REQUESTS_PER_MINUTE = 480;
