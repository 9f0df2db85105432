import type { BullJobLike } from "../../engines/bullmq/like.ts";

/** When a job scheduler fires, as BullMQ takes and gives it. */
export interface RepeatLike {
  /** Cron text in BullMQ's dialect: five fields, or six with the seconds first. */
  readonly pattern?: string | undefined;
  /** Milliseconds between two runs. */
  readonly every?: number | undefined;
  /** IANA name of the zone of `pattern`. */
  readonly tz?: string | undefined;
  /** How many runs there may be. */
  readonly limit?: number | undefined;
  /** Not before; Unix milliseconds. */
  readonly startDate?: number | undefined;
  /** Not after; Unix milliseconds. */
  readonly endDate?: number | undefined;
  /** Milliseconds into the slots of `every`. */
  readonly offset?: number | undefined;
  /** Iterations that count as done. */
  readonly count?: number | undefined;
}

/** What the jobs of a scheduler look like. */
export interface TemplateLike {
  /** Name of the jobs. */
  readonly name?: string | undefined;
  /** Their one input value. */
  readonly data?: unknown;
  /** Their options. */
  readonly opts?: Readonly<Record<string, unknown>> | undefined;
}

/** A job scheduler as `getJobScheduler` answers it. */
export interface JobSchedulerLike extends RepeatLike {
  /** Id inside its queue. */
  readonly key: string;
  /** Name of its jobs. */
  readonly name: string;
  /** Data and options of its jobs. */
  readonly template?: { readonly data?: unknown; readonly opts?: object | undefined } | undefined;
}

/** A queue of BullMQ 5 or 6 that has job schedulers. */
export interface SchedulerQueueLike {
  /** Name of the queue. */
  readonly name: string;
  /** Adds a job. */
  add(name: string, data: unknown, options?: object): Promise<BullJobLike>;
  /** Creates or replaces a job scheduler. */
  upsertJobScheduler(id: string, repeat: never, template?: never): Promise<unknown>;
  /** Removes a job scheduler; answers whether it was there. */
  removeJobScheduler(id: string): Promise<boolean>;
  /** Reads one job scheduler. */
  getJobScheduler(id: string): Promise<unknown>;
  /** Removes a job; answers how many were removed. */
  remove(jobId: string): Promise<number>;
  /** The Redis key of a part of the queue. */
  toKey(part: string): string;
}
