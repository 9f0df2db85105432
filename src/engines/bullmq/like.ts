/** Options of a job, as far as the adapter reads or writes them. */
export interface BullJobOptionsLike {
  /** How many runs it may have. */
  readonly attempts?: number | undefined;
  /** Milliseconds until it is due. */
  readonly delay?: number | undefined;
  /** Order in its queue; the meaning is the engine's. */
  readonly priority?: number | undefined;
  /** Whether it goes to the front. */
  readonly lifo?: boolean | undefined;
  /** Id chosen by the caller. */
  readonly jobId?: string | undefined;
}

/** A job of BullMQ or of a queue that looks like it. */
export interface BullJobLike {
  /** Id inside its queue. */
  readonly id?: string | undefined;
  /** Name that its producer gave it. */
  readonly name: string;
  /** Its one input value. */
  readonly data: unknown;
  /** Its options. */
  readonly opts?: BullJobOptionsLike | undefined;
  /** When it was created, Unix milliseconds. */
  readonly timestamp: number;
  /** When its last attempt began, Unix milliseconds. */
  readonly processedOn?: number | undefined;
  /** When it ended for good, Unix milliseconds. */
  readonly finishedOn?: number | undefined;
  /** Attempts that ended. */
  readonly attemptsMade?: number | undefined;
  /** Attempts that began. */
  readonly attemptsStarted?: number | undefined;
  /** Delay of the next attempt in milliseconds. */
  readonly delay?: number | undefined;
  /** Message of the last failure. */
  readonly failedReason?: string | undefined;
  /** Stacks of the failures, oldest first. */
  readonly stacktrace?: readonly string[] | null | undefined;
  /** What it returned. */
  readonly returnvalue?: unknown;
  /** Key of its parent in a flow. */
  readonly parentKey?: string | undefined;
}

/** A queue of BullMQ or of one that looks like it. */
export interface BullQueueLike {
  /** Name of the queue. */
  readonly name: string;
  /** Adds a job. */
  add(name: string, data: unknown, options?: BullJobOptionsLike): Promise<BullJobLike>;
  /** Reads a job. */
  getJob(id: string): Promise<BullJobLike | null | undefined>;
  /** Reads the state of a job. */
  getJobState(id: string): Promise<string>;
  /** Counts jobs by state. */
  getJobCounts():
    | Readonly<Record<string, number>>
    | Promise<Readonly<Record<string, number>>>
    | object;
}

/** What adds flows of jobs. */
export interface BullFlowProducerLike {
  /** Adds a flow; each version has its own types, so any signature fits. */
  add(flow: never, options?: never): unknown;
}

/** A worker of BullMQ or of one that looks like it. */
export interface BullWorkerLike {
  /** Name of its queue. */
  readonly name: string;
  /** Jobs it may run at once. */
  readonly concurrency?: number | undefined;
  /** Adds a listener; each library lists its own events, so any signature fits. */
  on(event: never, listener: never): unknown;
  /** Removes a listener. */
  off(event: never, listener: never): unknown;
}

/** Events of a worker that the adapter listens to. */
export type BullWorkerEvent =
  | "active"
  | "completed"
  | "failed"
  | "ready"
  | "closing"
  | "closed"
  | "ioredis:close";
