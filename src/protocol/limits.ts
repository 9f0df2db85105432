/** Largest nesting of JSON that is parsed or printed (protocol 6.1: "roughly 990"). */
export const MAX_JSON_DEPTH = 990;
/** Most digits of an integer token (protocol 6.1). */
export const MAX_INTEGER_DIGITS = 4300;
/** Least length of a decoded secret in bytes (protocol 1.5). */
export const MIN_SECRET_BYTES = 32;
/** Largest distance between a frame's `ts` and our clock (protocol 9, rule 5). */
export const MAX_CLOCK_SKEW_MS = 60_000;
/** How long a nonce stays used (protocol 9, rule 7). */
export const NONCE_MEMORY_MS = 180_000;
/** How many nonces are remembered per direction (protocol 9, rule 7). */
export const NONCE_TABLE_SIZE = 4096;
/** Random bytes behind a nonce (protocol 5). */
export const NONCE_BYTES = 16;
/** Default size limit of a frame in bytes (protocol 2.9, 4.4). */
export const DEFAULT_MAX_FRAME_BYTES = 1_048_576;
/** Least size limit that a brain may announce in bytes (protocol 4.4). */
export const MIN_MAX_FRAME_BYTES = 1024;
/** Greatest size limit that a brain may announce in bytes (protocol 4.4). */
export const MAX_MAX_FRAME_BYTES = 67_108_864;
/** Longest frame id in code points (protocol 4.1, 5). */
export const MAX_FRAME_ID_LENGTH = 64;
/** Most events in one event_batch (protocol 10, 23). */
export const MAX_EVENTS_PER_BATCH = 5000;
/** Longest error text of a command_result or error frame (protocol 10). */
export const MAX_ERROR_LENGTH = 8192;
/** Longest lists in hello: engines, schedulers, runtime features (protocol 4.1). */
export const MAX_HELLO_LIST = 64;
/** Most members of telemetry_loss.adapter_events (protocol 10). */
export const MAX_ADAPTER_EVENTS = 32;
/** How long an agent waits for hello_ack (protocol 2.6). */
export const HELLO_ACK_WAIT_MS = 10_000;
/** Idle time after which a brain ends a session (protocol 2.8). */
export const SESSION_IDLE_MS = 90_000;
/** Default heartbeat interval (protocol 4.4, 23). */
export const DEFAULT_HEARTBEAT_MS = 10_000;
