/** Bounds of the brain, each with the rule it comes from. */
export interface BrainLimits {
  /** Largest inbound message in bytes (protocol 2.9). */
  readonly maxFrameBytes: number;
  /** A session without a frame for this long is closed with 4408 (protocol 2.8). */
  readonly idleTimeoutMs: number;
  /** A socket that never says hello is closed after this; ours, the stock brain waits for ever. */
  readonly helloTimeoutMs: number;
  /** Connects of one address in a minute (protocol 2.5). */
  readonly connectsPerMinute: number;
  /** Distinct worker ids of one agent; 0 means no cap (protocol 2.10). */
  readonly workersPerAgent: number;
  /** Events taken from one batch (protocol 14). */
  readonly eventsPerBatch: number;
  /** Messages of one connection that wait for their turn (protocol 23). */
  readonly inboxFrames: number;
  /** Bytes of one connection that wait for their turn. */
  readonly inboxBytes: number;
  /** Bytes that may wait for a slow peer before the session is closed. */
  readonly outboundBytes: number;
  /**
   * Largest long-poll body in bytes. The stock brain takes 8192 (protocol 22.7),
   * which costs an agent most of its requests; ours takes a whole frame.
   */
  readonly longPollBodyBytes: number;
  /** Pending commands sent when an agent connects (protocol 17.8). */
  readonly pendingOnConnect: number;
  /** How long a command may take unless the request says otherwise (protocol 17.4). */
  readonly commandTimeoutMs: number;
  /** Silence after which agents and workers count as offline (protocol 13). */
  readonly offlineAfterMs: number;
  /** How often silence is looked for while anything is online (protocol 13). */
  readonly sweepEveryMs: number;
  /** Age at which events and finished tasks are removed (protocol 23). */
  readonly retentionMs: number;
}

const DAY_MS = 86_400_000;

/** The limits of the stock brain. */
export const DEFAULT_LIMITS: BrainLimits = {
  maxFrameBytes: 1_048_576,
  idleTimeoutMs: 90_000,
  helloTimeoutMs: 15_000,
  connectsPerMinute: 600,
  workersPerAgent: 64,
  eventsPerBatch: 5000,
  inboxFrames: 2000,
  inboxBytes: 33_554_432,
  outboundBytes: 8_388_608,
  longPollBodyBytes: 1_048_576,
  pendingOnConnect: 500,
  commandTimeoutMs: 60_000,
  offlineAfterMs: 30_000,
  sweepEveryMs: 10_000,
  retentionMs: 30 * DAY_MS,
};

/** Column widths of the stock brain on PostgreSQL (protocol 11.4). */
export const WIDTH = {
  engine: 40,
  kind: 80,
  taskId: 200,
  name: 500,
  queue: 200,
  worker: 200,
  host: 255,
  exception: 8192,
  traceback: 8192,
} as const;

/** Oldest accepted `occurred_at` before now (protocol 11.1). */
export const OCCURRED_PAST_MS: number = 400 * DAY_MS;
/** Newest accepted `occurred_at` after now (protocol 11.1). */
export const OCCURRED_FUTURE_MS = 60_000;
/** Keys of `adapter_health` that are read (protocol 13). */
export const HEALTH_KEYS = 256;
/** Queue depths that are read from one key (protocol 13). */
export const DEPTH_ENTRIES = 1024;
/** Characters kept of a command's error (protocol 17.6). */
export const COMMAND_ERROR_CHARS = 1024;
/** Longest idempotency key, as at the stock API. */
export const IDEMPOTENCY_KEY_CHARS = 200;
/** Longest wait for a command (protocol 10). */
export const COMMAND_TIMEOUT_MAX_MS = 3_600_000;
/** Characters of an agent's name. */
export const AGENT_NAME_CHARS = 64;
/** Characters of an ack's ids (protocol 15). */
export const ACK_ID_CHARS = 64;
/** Most ids that one bulk retry may name (protocol 18.3). */
export const BULK_RETRY_MAX = 10_000;
/** Command deadline of external schedule operations (protocol 17.4). */
export const EXTERNAL_TIMEOUT_MS = 240_000;
/** Frames that one staged snapshot may have; bounds what a stream can park. */
export const SNAPSHOT_FRAMES = 4096;
