/** Whether a purge may go on. */
export type PurgeConsent =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: string };

/** Input of `purge`. */
export interface PurgeInput {
  /** Queue to empty. */
  readonly queue: string;
  /** Whether it happens whatever the depth is. */
  readonly force: boolean;
  /**
   * Judges the number of waiting jobs that the engine measured just now; the
   * engine removes nothing before it agreed. The secret stays with the agent.
   */
  confirm(depth: number): Promise<PurgeConsent>;
}

/** Input of `listDeadLetters`. */
export interface DeadLetterQuery {
  /** Queue to list, or `null` for all. */
  readonly queue: string | null;
  /** Most entries, 1 to 200. */
  readonly limit: number;
  /** `nextCursor` of the page before, or `null` for the newest. */
  readonly cursor: string | null;
}

/** A job that ended in failure for good. */
export interface DeadLetter {
  /** Engine-native id. */
  readonly taskId: string;
  /** Name of the job or function. */
  readonly taskName: string;
  /** Queue it lies in. */
  readonly queue: string;
  /** When it failed, Unix milliseconds. */
  readonly failedAtMs: number | null;
  /** Text of the failure; its end is shown, redacted. */
  readonly error: string;
  /** Attempts that it had. */
  readonly attempts: number | null;
}

/** A page of dead letters, newest first. */
export type DeadLetterPage =
  | {
    readonly status: "page";
    readonly entries: readonly DeadLetter[];
    /** At most 200 characters, or `null` at the end. */
    readonly nextCursor: string | null;
    /** All dead letters of the query, if known. */
    readonly total: number | null;
  }
  | { readonly status: "refused"; readonly reason: string }
  | { readonly status: "failed"; readonly error: string };

/** Input of `rateLimit`. */
export interface RateLimitInput {
  /** What is limited: a job name, or a queue where the engine limits queues. */
  readonly taskName: string;
  /** Jobs in a period, or `null` for no limit. */
  readonly rate: { readonly max: number; readonly periodMs: number } | null;
  /** One worker, or `null` for all. */
  readonly worker: string | null;
}

/** Input of `poolGrow` and `poolShrink`. */
export interface PoolInput {
  /** Name of the worker. */
  readonly worker: string;
  /** How many jobs more, or fewer, it may run at once; 1 to 100. */
  readonly delta: number;
}

/** Input of `addConsumer` and `cancelConsumer`. */
export interface ConsumerInput {
  /** Name of the worker. */
  readonly worker: string;
  /** Queue to take jobs from, or no longer. */
  readonly queue: string;
}
