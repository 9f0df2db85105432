import type { JsonValue } from "../base/json.ts";
import type { MaybePromise } from "../base/maybe_promise.ts";
import type { WorkContext } from "../base/work_context.ts";
import type { ActionContext, ActionOutcome } from "../engines/contract.ts";

/** Tokens of what a scheduler can do (protocol section 4.3). */
export type SchedulerCapability =
  | "list"
  | "read"
  | "create"
  | "update"
  | "delete"
  | "enable"
  | "disable"
  | "trigger_now";

/** A schedule as its scheduler knows it (protocol section 20.3). */
export interface Schedule {
  /** Identity inside the scheduler, stable over restarts. */
  readonly key: string;
  /** Name for people. */
  readonly name: string;
  /** Function or job it starts. */
  readonly taskName: string;
  /** `cron`, `interval` (seconds), `clocked` (ISO time). */
  readonly kind: "cron" | "interval" | "clocked" | "solar";
  /** In the brain's dialect: five fields, or six with the seconds last. */
  readonly expression: string;
  /** IANA name. Default `UTC`. */
  readonly timezone?: string | undefined;
  /** Queue its jobs go to, or `null`. */
  readonly queue?: string | null | undefined;
  /** Positional inputs of its runs. */
  readonly args?: readonly JsonValue[] | undefined;
  /** Named inputs of its runs. */
  readonly kwargs?: Readonly<Record<string, JsonValue>> | undefined;
  /** Whether it fires. */
  readonly isEnabled: boolean;
  /** Unix milliseconds. */
  readonly lastRunAtMs?: number | null | undefined;
  /** Unix milliseconds. */
  readonly nextRunAtMs?: number | null | undefined;
  /** Runs so far. */
  readonly totalRuns?: number | undefined;
}

/** A run of a schedule. */
export interface ScheduleRun {
  /** Whether the run began or ended. */
  readonly phase: "started" | "completed";
  /** Identity of the run; equal in both phases. */
  readonly runId: string;
  /** The `key` of its schedule. */
  readonly scheduleKey: string;
  /** The `name` of its schedule. */
  readonly scheduleName: string;
  /** Function or job that runs. */
  readonly taskName: string;
  /** When the phase was reached, Unix milliseconds. */
  readonly occurredAtMs: number;
  /** How it ended; only with `completed`. `skipped` means an overlap. */
  readonly outcome?: "success" | "failure" | "skipped" | undefined;
  /** How long it ran, in milliseconds; only with `completed`. */
  readonly runtimeMs?: number | undefined;
  /** Class and message of the failure. */
  readonly exception?: string | undefined;
  /** Stack of the failure. */
  readonly traceback?: string | undefined;
  /** Whether a person or command started it. */
  readonly manual: boolean;
  /** Queue that its job lies in: rules of privacy for single queues hold for it. */
  readonly queue?: string | undefined;
  /** The context that the run has. */
  readonly context?: WorkContext | undefined;
}

/** Where a scheduler reports to. Never throws. */
export interface SchedulerSink {
  /** Takes one phase of a run. */
  run(run: ScheduleRun): void;
  /** Tells that the list changed; calls are merged. */
  changed(): void;
  /** Tells once per cause that something does not work as declared. */
  notice(facts: Readonly<Record<string, unknown>>, message: string): void;
}

/** What a schedule is made of when an operator creates it. */
export interface ScheduleDefinition {
  /** Name for people; schedulers may make it the identity. */
  readonly name: string;
  /** Function or job it starts. */
  readonly taskName: string;
  /** How `expression` is read. */
  readonly kind: Schedule["kind"];
  /** In the brain's dialect: five fields, or six with the seconds last; seconds; ISO time. */
  readonly expression: string;
  /** IANA name. */
  readonly timezone: string;
  /** Queue its jobs go to, or `null` for the scheduler's only one. */
  readonly queue: string | null;
  /** Positional inputs of its runs. */
  readonly args: readonly JsonValue[];
  /** Named inputs of its runs. */
  readonly kwargs: Readonly<Record<string, JsonValue>>;
  /** Whether it fires. */
  readonly isEnabled: boolean;
}

/** Members of a schedule to change; missing ones stay as they are. */
export type ScheduleChange = Partial<ScheduleDefinition>;

/** What a scheduler can be told; a missing member means it cannot. */
export interface SchedulerActions {
  /** Makes a new schedule. Result: `key`. Refuses a name that exists. */
  create?(definition: ScheduleDefinition, context: ActionContext): Promise<ActionOutcome>;
  /** Changes a schedule. */
  update?(key: string, change: ScheduleChange, context: ActionContext): Promise<ActionOutcome>;
  /** Removes a schedule for good. */
  delete?(key: string, context: ActionContext): Promise<ActionOutcome>;
  /** Lets a schedule fire again. Idempotent. */
  enable?(key: string, context: ActionContext): Promise<ActionOutcome>;
  /** Keeps a schedule from firing. Idempotent. */
  disable?(key: string, context: ActionContext): Promise<ActionOutcome>;
  /** Starts one run now, without touching the cadence. */
  trigger?(key: string, context: ActionContext): Promise<ActionOutcome>;
}

/** A scheduler that the agent watches and steers. Structural, like engines. */
export interface Scheduler {
  /** Owner name of its stream; letters, digits, underscores, hyphens. */
  readonly name: string;
  /** Engine name shown for its rows. Default: the part of `name` before `-`. */
  readonly engine?: string | undefined;
  /** What it attests; must match `actions`. */
  readonly capabilities: readonly SchedulerCapability[];
  /**
   * Whether what it writes is compared and set in one step against every other
   * writer of its store; brains offer create, update and delete only then.
   * Default `true`, as befits schedules that live in this process alone.
   */
  readonly hasAtomicWrites?: boolean | undefined;
  /** Begins to report. Called once. */
  attach(sink: SchedulerSink): MaybePromise<void>;
  /** Ends reporting and undoes what it wrapped. Idempotent. */
  detach(): MaybePromise<void>;
  /** The complete list; throws when it cannot be complete. */
  list(): MaybePromise<readonly Schedule[]>;
  /** What it can be told. */
  readonly actions: SchedulerActions;
}
