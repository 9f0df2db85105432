/** Largest event text in bytes; larger ones are trimmed. A quarter of the default frame (protocol section 23). */
export const MAX_EVENT_BYTES: number = 256 * 1024;

/** Bytes kept free in a frame for envelope, nonce, signature and ids. */
export const FRAME_ENVELOPE_BYTES = 512;

/** Most events in one batch; a stock brain takes 5000 (protocol section 14). */
export const MAX_BATCH_EVENTS = 5000;

/** Bytes of a batch; larger ones only cost memory, a single larger event still goes. */
export const MAX_BATCH_BYTES: number = 512 * 1024;

/** Events in the first batch of a session. */
export const FIRST_BATCH_EVENTS = 500;

/** Most unacknowledged batches; bounds what a reconnect sends again. */
export const MAX_IN_FLIGHT = 8;

/** Most unacknowledged bytes; bounds the memory of the sender. */
export const MAX_IN_FLIGHT_BYTES: number = 1024 * 1024;

/** How long an ack may take before the batch is sent again (protocol section 15). */
export const ACK_DEADLINE_MS = 90_000;

/** How long after a command batches stay short; the next one is likely soon. */
export const ATTENDED_MS = 60_000;

/** Silence after which the brain is asked for a sign of life. */
export const PROBE_AFTER_MS = 30_000;

/** How long that sign may take. */
export const PROBE_DEADLINE_MS = 30_000;

/** Tries of a single event that ends the session each time. */
export const POISON_TRIES = 3;

/** How long an event that may be bad is held back before it is tried again. */
export const HOLD_MS = 600_000;

/** Bytes in the socket above which nothing more is handed over. */
export const MAX_SOCKET_BYTES: number = 4 * 1024 * 1024;

/** Bytes in the socket above which events wait, so that answers stay quick. */
export const MAX_SOCKET_EVENT_BYTES: number = 512 * 1024;

/** Inbound messages that may wait for verification. */
export const MAX_INBOX_MESSAGES = 2000;

/** Largest inbound message in bytes; parsing it must not hold the host up. */
export const MAX_INBOUND_BYTES: number = 4 * 1024 * 1024;

/** Bytes of inbound messages that may wait for verification. */
export const MAX_INBOX_BYTES: number = 16 * 1024 * 1024;

/** Control frames that may wait; the stock brain sends 500 commands on connect. */
export const MAX_CONTROL_FRAMES = 2000;

/** Bytes of control frames that may wait or be kept for another session. */
export const MAX_CONTROL_BYTES: number = 8 * 1024 * 1024;

/** Commands carried out at once. */
export const MAX_RUNNING_COMMANDS = 32;

/** Commands that may wait for a free place. */
export const MAX_WAITING_COMMANDS = 1000;

/** How long a command id is remembered (protocol section 17.8). */
export const COMMAND_MEMORY_MS = 300_000;

/** How many command ids are remembered (protocol section 17.8). */
export const COMMAND_MEMORY_ENTRIES = 10_000;

/** Characters of an error that a brain keeps (protocol section 17.6). */
export const MAX_ERROR_CHARS = 1024;

/** Largest result object of a command, in bytes of text. */
export const MAX_RESULT_BYTES: number = 256 * 1024;

/** How long an engine may take to report its health. */
export const HEALTH_DEADLINE_MS = 5000;

/** How long a heartbeat waits for fresh health before it uses the last one. */
export const HEALTH_WAIT_MS = 100;

/** How long health that could not be renewed is still reported. */
export const HEALTH_MAX_AGE_MS = 60_000;

/** agent_status frames per minute that a brain keeps (protocol section 16.1). */
export const STATUS_PER_MINUTE = 12;

/** How long a hook of an engine may take to attach or detach. */
export const HOOK_DEADLINE_MS = 2000;

/** How long a session must last to count as healthy without any ack. */
export const HEALTHY_SESSION_MS = 30_000;

/** Clock difference beyond which every signature is refused (protocol section 9). */
export const MAX_CLOCK_OFFSET_MS = 60_000;

/** Close codes after which the frame just sent may be the cause (protocol section 3). */
export const BLAMING_CODES: ReadonlySet<number> = new Set([1009, 1011, 4400]);

/** How long an engine may look for findings; it may have to ask its broker several things. */
export const LINT_DEADLINE_MS = 10_000;

/** How often it is asked again: set-ups change with deployments, not with jobs. */
export const LINT_INTERVAL_MS = 300_000;

/** Most findings of one engine. */
export const MAX_FINDINGS = 50;

/** Jobs that one bulk retry may name (protocol section 18.3). */
export const MAX_BULK_IDS = 10_000;

/** Jobs of a bulk retry that are retried at once: enough to hide the way to the broker. */
export const BULK_WIDTH = 50;

/** Jobs of a bulk retry whose outcome and error are listed; all are counted. */
export const MAX_BULK_REPORTED = 1_000;

/** Time that a bulk retry leaves for its answer. */
export const BULK_MARGIN_MS = 1_000;

/** Dead letters in one answer, and characters of their errors (protocol section 18.4). */
export const MAX_DEAD_LETTERS = 200;
export const MAX_EXCERPT_CHARS = 512;
