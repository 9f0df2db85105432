import type { JsonValue } from "../base/json.ts";
import type { MaybePromise } from "../base/maybe_promise.ts";
import type {
  ConsumerInput,
  DeadLetterPage,
  DeadLetterQuery,
  PoolInput,
  PurgeInput,
  RateLimitInput,
} from "./action_inputs.ts";
import type { JobContexts, WorkContext } from "../base/work_context.ts";

export type {
  ConsumerInput,
  DeadLetter,
  DeadLetterPage,
  DeadLetterQuery,
  PoolInput,
  PurgeConsent,
  PurgeInput,
  RateLimitInput,
} from "./action_inputs.ts";

/** What can happen to a job (protocol section 11.2). */
export type TaskEventKind =
  | "task.sent"
  | "task.received"
  | "task.started"
  | "task.succeeded"
  | "task.failed"
  | "task.retried"
  | "task.revoked"
  | "task.rejected";

/** What can happen to a worker. */
export type WorkerEventKind = "worker.online" | "worker.offline" | "worker.heartbeat";

/** Priority labels of the brain. */
export type TaskPriority = "critical" | "high" | "normal" | "low";

/** What an engine knows about a job when something happens to it. */
export interface TaskEventData {
  /** Name of the job or function. */
  readonly taskName?: string | undefined;
  /** Queue it lies in. */
  readonly queue?: string | undefined;
  /** Worker that ran it; must not look like an e-mail address. */
  readonly worker?: string | undefined;
  /** Priority label. */
  readonly priority?: TaskPriority | undefined;
  /** Positional inputs; anything, made printable and redacted later. */
  readonly args?: readonly unknown[] | undefined;
  /** Named inputs. */
  readonly kwargs?: Readonly<Record<string, unknown>> | undefined;
  /** What the job returned. */
  readonly result?: unknown;
  /** Run time of the last attempt in milliseconds. */
  readonly runtimeMs?: number | undefined;
  /** Class and message of the failure. */
  readonly exception?: string | undefined;
  /** Stack of the failure. */
  readonly traceback?: string | undefined;
  /** How often it was retried so far. */
  readonly retryCount?: number | undefined;
  /** Number of this attempt, 1 for the first. */
  readonly attempt?: number | undefined;
  /** How many attempts it may have. */
  readonly maxAttempts?: number | undefined;
  /** Task id of the parent in a flow. */
  readonly parentTaskId?: string | undefined;
  /** Task id of the root of a flow. */
  readonly rootTaskId?: string | undefined;
  /** When it is due, ISO text. */
  readonly eta?: string | undefined;
  /** More facts of this engine, in snake_case; redacted like the rest. */
  readonly extra?: Readonly<Record<string, unknown>> | undefined;
}

/** A job event as an engine reports it. */
export interface TaskEvent {
  /**
   * Its id, a UUID of version 4 or 7: the same from every source that may report
   * it, so that repetitions collapse. Default: a new one.
   */
  readonly id?: string | undefined;
  /** What happened. */
  readonly kind: TaskEventKind;
  /** Engine-native id, unique over all queues of the engine. */
  readonly taskId: string;
  /** Unix milliseconds; the same on every repetition of the report. */
  readonly occurredAtMs: number;
  /** What the engine knows about the job now. */
  readonly data: TaskEventData;
  /** The request or other work that asked for the job, as the job carried it. */
  readonly context?: WorkContext | undefined;
}

/** A worker event as an engine reports it. */
export interface WorkerEvent {
  /** What happened. */
  readonly kind: WorkerEventKind;
  /** Worker name; must not look like an e-mail address. */
  readonly worker: string;
  /** Unix milliseconds; the same on every repetition of the report. */
  readonly occurredAtMs: number;
  /** More facts of this engine, in snake_case; redacted later. */
  readonly extra?: Readonly<Record<string, unknown>> | undefined;
}

/** An event of an engine. */
export type EngineEvent = TaskEvent | WorkerEvent;

/** Where an engine reports to. Never throws. */
export interface EngineSink {
  /** Takes one event. */
  event(event: EngineEvent): void;
  /** Counts events that the engine could not report, with the reason. */
  lost(count: number, reason: string): void;
  /** Tells once per cause that something does not work as declared. */
  notice(facts: Readonly<Record<string, unknown>>, message: string): void;
  /** Carries the context of requests into jobs. Default: nothing is carried. */
  readonly work?: JobContexts | undefined;
}

/** Small texts that outlive the process, kept with the buffer of the agent. */
export interface EngineState {
  /** The kept text, or `null`. */
  get(key: string): Promise<string | null>;
  /** Keeps a text; `null` removes it. */
  set(key: string, value: string | null): Promise<void>;
}

/** How a process is ended so that its supervisor starts it anew. */
export interface EngineRestart {
  /** Why that cannot be done here, or `null`. */
  refusal(): string | null;
  /** Ends the process soon; what waits is sent first. */
  exit(): void;
}

/** What an agent offers the engines that it attaches. */
export interface EngineHost {
  /** Names the project: agents of one project share the work, those of others do not. */
  readonly scope: string;
  /** Where the engine keeps what the next process needs. */
  readonly state: EngineState;
  /** Resolves once every event reported so far is on disk, or counted as lost. */
  stored(): Promise<void>;
  /**
   * Why the policy of this process forbids an action that came through another
   * process, or `null`. Default: nothing is forbidden.
   */
  forbidden?(
    action: EngineCapability,
    parameters: Readonly<Record<string, JsonValue>>,
  ): string | null;
  /** How to restart the process. Default: it cannot be. */
  readonly restart?: EngineRestart | undefined;
}

/** Tokens of what an engine can do (protocol section 4.3). */
export type EngineCapability =
  | "submit_task"
  | "retry_task"
  | "cancel_task"
  | "bulk_retry"
  | "purge_queue"
  | "requeue_dead_letter"
  | "list_dead_letters"
  | "restart_worker"
  | "rate_limit"
  | "pool_grow"
  | "pool_shrink"
  | "add_consumer"
  | "cancel_consumer"
  | "pause_queue"
  | "resume_queue"
  | "queue_concurrency"
  | "retry_by_reference_v1";

/** The outcome of an action; one place maps it to the wire. */
export type ActionOutcome =
  /** The effect is there. */
  | { readonly status: "done"; readonly result: Readonly<Record<string, JsonValue>> }
  /** Nothing was to be done. */
  | {
    readonly status: "noop";
    readonly reason: string;
    readonly result?: Readonly<Record<string, JsonValue>>;
  }
  /** It was not tried, and why. */
  | { readonly status: "refused"; readonly reason: string }
  /** It was tried and failed without an effect. */
  | {
    readonly status: "failed";
    readonly error: string;
    readonly result?: Readonly<Record<string, JsonValue>>;
  }
  /** It was tried; whether it had an effect is unknown. */
  | {
    readonly status: "indeterminate";
    readonly reason: string;
    readonly result?: Readonly<Record<string, JsonValue>>;
  };

/** What every action gets besides its input. */
export interface ActionContext {
  /** Aborts at the deadline of the command. */
  readonly signal: AbortSignal;
  /** Milliseconds until the deadline. */
  readonly remainingMs: number;
}

/** Input of `submit`. */
export interface SubmitInput {
  /** Name of the job or function. */
  readonly name: string;
  /** Positional inputs. */
  readonly args: readonly JsonValue[];
  /** Named inputs. */
  readonly kwargs: Readonly<Record<string, JsonValue>>;
  /** Queue to put it in, or `null` for the engine's default. */
  readonly queue: string | null;
  /** Absolute Unix milliseconds, or `null` for now. */
  readonly etaMs: number | null;
  /** Priority label, or `null` for the engine's default. */
  readonly priority: TaskPriority | null;
  /** Submitting twice with the same key runs once, where the engine can. */
  readonly idempotencyKey: string | null;
}

/** State of a job in its engine, as `reconcile` answers it. */
export interface TaskState {
  /** Where it stands; `unknown` when the engine has no trace of it. */
  readonly state: "pending" | "started" | "success" | "failure" | "unknown";
  /** When it finished, Unix milliseconds. */
  readonly finishedAtMs?: number | undefined;
  /** Text of its failure. */
  readonly exception?: string | undefined;
  /** Whether it counts as started although nobody seems to run it any more. */
  readonly stalled?: boolean | undefined;
}

/** Input of `retry`. */
export interface RetryInput {
  /** Engine-native id of the job to run again. */
  readonly taskId: string;
  /** Both halves, or `null` to run again with the original input. */
  readonly overrides: {
    readonly args: readonly JsonValue[];
    readonly kwargs: Readonly<Record<string, JsonValue>>;
  } | null;
  /** Absolute Unix milliseconds, or `null` for now. */
  readonly etaMs: number | null;
  /** Priority label, or `null` for that of the original job. */
  readonly priority: TaskPriority | null;
}

/** What an engine can be told; a missing member means it cannot. */
export interface EngineActions {
  /** Enqueues a job. Result: `task_id`, `engine`. */
  submit?(input: SubmitInput, context: ActionContext): Promise<ActionOutcome>;
  /** Looks a job up. */
  reconcile?(taskId: string, context: ActionContext): Promise<TaskState>;
  /** Runs a job again. */
  retry?(input: RetryInput, context: ActionContext): Promise<ActionOutcome>;
  /** Takes a job back, or asks a running one to stop. */
  cancel?(taskId: string, context: ActionContext): Promise<ActionOutcome>;
  /** Removes the jobs that wait. Result: `queue`, `depth_before`, `purged`. */
  purge?(input: PurgeInput, context: ActionContext): Promise<ActionOutcome>;
  /** Lists jobs that failed for good. */
  listDeadLetters?(query: DeadLetterQuery, context: ActionContext): Promise<DeadLetterPage>;
  /** Runs a job that failed for good again: the job itself, not a copy. */
  requeueDeadLetter?(taskId: string, context: ActionContext): Promise<ActionOutcome>;
  /** Limits how many jobs begin in a period. */
  rateLimit?(input: RateLimitInput, context: ActionContext): Promise<ActionOutcome>;
  /** Stops a queue from giving out jobs, in all processes. */
  pauseQueue?(queue: string, context: ActionContext): Promise<ActionOutcome>;
  /** Lets a paused queue give out jobs again. */
  resumeQueue?(queue: string, context: ActionContext): Promise<ActionOutcome>;
  /** Limits how many jobs of a queue run at once in all processes; `null` for no limit. */
  limitConcurrency?(
    queue: string,
    limit: number | null,
    context: ActionContext,
  ): Promise<ActionOutcome>;
  /** Lets a worker run more jobs at once. */
  poolGrow?(input: PoolInput, context: ActionContext): Promise<ActionOutcome>;
  /** Lets a worker run fewer jobs at once. */
  poolShrink?(input: PoolInput, context: ActionContext): Promise<ActionOutcome>;
  /** Lets a worker take jobs of a queue. */
  addConsumer?(input: ConsumerInput, context: ActionContext): Promise<ActionOutcome>;
  /** Keeps a worker from taking jobs of a queue. */
  cancelConsumer?(input: ConsumerInput, context: ActionContext): Promise<ActionOutcome>;
  /** Ends the workers of the process that has this one, and the process, to start anew. */
  restartWorker?(worker: string, context: ActionContext): Promise<ActionOutcome>;
}

/** A worker as the worker page of a brain shows it. */
export interface WorkerReport {
  /** Worker name; must not look like an e-mail address. */
  readonly name: string;
  /** Process id. Default: this process. */
  readonly pid?: number | undefined;
  /** How many jobs it may run at once. */
  readonly concurrency?: number | undefined;
  /** Task ids it runs now. */
  readonly active: readonly string[];
  /** Queues it takes jobs from. */
  readonly queues: readonly string[];
  /** Job names it knows. */
  readonly registered?: readonly string[] | undefined;
  /** More facts for the metadata. */
  readonly stats?: Readonly<Record<string, JsonValue>> | undefined;
}

/** What an engine reports with every heartbeat. */
export interface EngineHealth {
  /** Technique underneath, for example `redis`. */
  readonly brokerType?: string | undefined;
  /** Whether it can be reached now. */
  readonly brokerConnected?: boolean | undefined;
  /** Why not. */
  readonly brokerError?: string | undefined;
  /** Jobs that wait, by queue. */
  readonly queueDepths?: Readonly<Record<string, number>> | undefined;
  /** More facts for the health page, in snake_case. */
  readonly facts?: Readonly<Record<string, string>> | undefined;
  /** Workers of this process. */
  readonly workers?: readonly WorkerReport[] | undefined;
}

/** Something about a user's set-up that will hurt, with the cure. */
export interface EngineFinding {
  /** Stable, for example `Z4J_LINT_REDIS_EVICTION`. */
  readonly code: string;
  /** `error`: jobs can be lost or run twice; `warning`: something will not work as expected. */
  readonly severity: "info" | "warning" | "error";
  /** What it is about, for example `queue mail`. */
  readonly subject: string;
  /** What is the case, in one sentence. */
  readonly message: string;
  /** What to do about it. */
  readonly remedy: string;
}

/** Facts about the process that an engine cannot see by itself. */
export interface LintFacts {
  /** Runtime that the process runs on, for example `deno`. */
  readonly runtime?: string | undefined;
  /** Whether every environment variable may be read, or only some. Default: unknown. */
  readonly envAccess?: "full" | "scoped" | undefined;
}

/**
 * A job engine that the agent watches and steers. Adapters are structural:
 * they take the user's objects and import nothing from the engine's package.
 */
export interface Engine {
  /** Letters, digits, underscores, hyphens; at most 40 characters, no dot. */
  readonly name: string;
  /** What it attests; must match `actions`. */
  readonly capabilities: readonly EngineCapability[];
  /**
   * Begins to report. Called once, before the first connection. Without a host
   * an engine does what needs neither state nor certainty about the disk.
   */
  attach(sink: EngineSink, host?: EngineHost): MaybePromise<void>;
  /** Ends reporting and releases everything it made. Idempotent. */
  detach(): MaybePromise<void>;
  /** Depths and workers; bounded by the caller in time. */
  health?(): Promise<EngineHealth>;
  /** What is wrong or risky in the set-up now; the complete list, bounded by the caller in time. */
  lint?(facts?: LintFacts): Promise<readonly EngineFinding[]>;
  /** What it can be told. */
  readonly actions: EngineActions;
}
