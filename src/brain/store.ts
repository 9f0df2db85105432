import type { FindingRow } from "./findings.ts";
import type { JsonObject, JsonValue } from "../base/json.ts";

/** State of a task row (protocol section 12). */
export type TaskRowState =
  | "pending"
  | "received"
  | "started"
  | "success"
  | "failure"
  | "retry"
  | "revoked"
  | "rejected"
  | "unknown";

/** A project: the border between teams. */
export interface ProjectRow {
  /** UUID, an input of every signature (protocol section 7). */
  readonly id: string;
  /** Unique name in addresses and in `Z4J_PROJECT_ID`. */
  readonly slug: string;
  /** Name for people. */
  readonly name: string;
  /** Set when archived; its agents are refused. */
  readonly archivedAtMs: number | null;
}

/** A minted agent and what its last hello said. */
export interface AgentRow {
  /** UUID, made when the agent is minted. */
  readonly id: string;
  /** UUID of its project. */
  readonly projectId: string;
  /** Name it was minted with; unique in its project. */
  readonly name: string;
  /** When it was minted, Unix milliseconds. */
  readonly createdAtMs: number;
  /** When its token stopped to work, Unix milliseconds; `null` while it works. */
  readonly revokedAtMs: number | null;
  /** `unknown` until the first connection, then whether it is heard of. */
  readonly state: "unknown" | "online" | "offline";
  /** Last sign of life, Unix milliseconds; `null` before the first. */
  readonly lastSeenAtMs: number | null;
  /** Web framework of the last hello; `null` before the first. */
  readonly framework: string | null;
  /** Engine names of the last hello. */
  readonly engines: readonly string[];
  /** Scheduler names of the last hello. */
  readonly schedulers: readonly string[];
  /** Tokens by engine or scheduler name (protocol section 4.3). */
  readonly capabilities: Readonly<Record<string, readonly string[]>>;
  /** Features of the last hello, such as `external_schedule_protocol_v1`. */
  readonly runtimeFeatures: readonly string[];
  /** Version text of the last hello; `null` before the first. */
  readonly agentVersion: string | null;
  /** Protocol version of the last hello; `null` before the first. */
  readonly protocolVersion: string | null;
  /** Machine of the last hello; `null` when it named none. */
  readonly hostName: string | null;
}

/** One process of an agent: a row per (agent, worker id). */
export interface AgentWorkerRow {
  /** UUID of the agent whose token the process uses. */
  readonly agentId: string;
  /** Slot that the process claimed in hello; `null` when it named none. */
  readonly workerId: string | null;
  /** Free text such as `web` or `task`; `null` when not told. */
  readonly role: string | null;
  /** Web framework of this process; `null` when not told. */
  readonly framework: string | null;
  /** Process id on its machine; `null` when not told. */
  readonly pid: number | null;
  /** Start of the process as its hello wrote it; `null` when not told. */
  readonly startedAt: string | null;
  /** Whether its connection stands. */
  readonly state: "online" | "offline";
  /** Begin of its newest connection, Unix milliseconds. */
  readonly connectedAtMs: number;
  /** Last sign of life, Unix milliseconds. */
  readonly lastSeenAtMs: number;
  /** What its engines find risky in its set-up, the worst first. */
  readonly findings: readonly FindingRow[];
}

/** A task as the events made it (protocol sections 11.4 and 12). */
export interface TaskRow {
  /** Engine that runs it, such as `bullmq`. */
  readonly engine: string;
  /** Engine-native id; unique in its engine. */
  readonly taskId: string;
  /** UUID of the agent that reported it last; `null` when that one is gone. */
  readonly agentId: string | null;
  /** Job or function name; `unknown` until an event tells it. */
  readonly name: string;
  /** Where it stands. */
  readonly state: TaskRowState;
  /** Queue it lies in; `null` when no event told. */
  readonly queue: string | null;
  /** Worker that ran it; `null` when no event told. */
  readonly workerName: string | null;
  /** `critical`, `high`, `normal` or `low`. */
  readonly priority: string;
  /** Positional inputs, redacted; `null` when no event told. */
  readonly args: JsonValue;
  /** Named inputs, redacted; `null` when no event told. */
  readonly kwargs: JsonValue;
  /** What it returned, redacted; `null` unless it succeeded. */
  readonly result: JsonValue;
  /** Class and message of its failure, or `null`. */
  readonly exception: string | null;
  /** Stack of its failure, or `null`. */
  readonly traceback: string | null;
  /** Retries that its last `task.retried` counted; 0 before the first. */
  readonly retryCount: number;
  /** Run time of its last attempt in milliseconds, or `null`. */
  readonly runtimeMs: number | null;
  /** Task id of its parent in a flow, or `null`. */
  readonly parentTaskId: string | null;
  /** Task id of the root of its flow, or `null`. */
  readonly rootTaskId: string | null;
  /** When it was enqueued, Unix milliseconds, or `null`. */
  readonly receivedAtMs: number | null;
  /** When its last attempt began, Unix milliseconds, or `null`. */
  readonly startedAtMs: number | null;
  /** When it came to an end, Unix milliseconds, or `null`. */
  readonly finishedAtMs: number | null;
  /** When it failed last, Unix milliseconds; stays when a retry succeeds. */
  readonly lastFailedAtMs: number | null;
  /** When the brain first heard of it, Unix milliseconds. */
  readonly createdAtMs: number;
  /** When the brain last changed the row, Unix milliseconds. */
  readonly updatedAtMs: number;
}

/** A stored event. `data` is redacted. */
export interface EventRow {
  /** UUID that the brain derived (protocol section 11.3). */
  readonly id: string;
  /** UUID of the agent that reported it. */
  readonly agentId: string;
  /** Engine or scheduler it came from. */
  readonly engine: string;
  /** Task it is about; empty for events without one. */
  readonly taskId: string;
  /** Kind such as `task.failed` (protocol section 11.2). */
  readonly kind: string;
  /** When it happened, Unix milliseconds; whole seconds for task events. */
  readonly occurredAtMs: number;
  /** What its kind tells, redacted on arrival. */
  readonly data: JsonObject;
}

/** A worker of an engine (protocol section 13). */
export interface WorkerRow {
  /** UUID that the brain gave the row. */
  readonly id: string;
  /** Engine it works for. */
  readonly engine: string;
  /** Name it reports under; unique in its engine. */
  readonly name: string;
  /** Equal to `name`, because reports tell no other. */
  readonly hostname: string | null;
  /** UUID of the agent that saw it last; `null` when that one is gone. */
  readonly agentId: string | null;
  /** Whether it gave a sign of life lately. */
  readonly state: "online" | "offline";
  /** Process id on its machine; `null` when not told. */
  readonly pid: number | null;
  /** Jobs it may run at once; `null` when not told. */
  readonly concurrency: number | null;
  /** Jobs it ran at its last report. */
  readonly activeTasks: number;
  /** Queues it takes jobs from. */
  readonly queues: readonly string[];
  /** Load of its machine as reported; empty when not told. */
  readonly loadAverage: readonly number[];
  /** Everything else that its heartbeats told, merged. */
  readonly metadata: JsonObject;
  /** Its last sign of life, Unix milliseconds, or `null`. */
  readonly lastHeartbeatAtMs: number | null;
}

/** A queue of an engine. */
export interface QueueRow {
  /** Engine it belongs to. */
  readonly engine: string;
  /** Name in its engine. */
  readonly name: string;
  /** Jobs that waited at `depthAtMs`; `null` before the first report. */
  readonly pendingCount: number | null;
  /** Time of that report, Unix milliseconds; `null` before the first. */
  readonly depthAtMs: number | null;
  /** When something last named it, Unix milliseconds. */
  readonly lastSeenAtMs: number;
}

/** A schedule of an external scheduler (protocol section 20.3). */
export interface ScheduleRow {
  /** UUID that the brain gave the row. */
  readonly id: string;
  /** Owner name of the stream that publishes it. */
  readonly scheduler: string;
  /** Key of the schedule in its scheduler. */
  readonly sourceKey: string;
  /** The normalised row, wire spelling. */
  readonly row: JsonObject;
  /** When the row last changed, Unix milliseconds. */
  readonly updatedAtMs: number;
}

/** State of a command (protocol section 17). */
export type CommandStatus =
  | "pending"
  | "dispatched"
  | "acknowledged"
  | "completed"
  | "failed"
  | "timeout"
  | "cancelled";

/** A command and how it went. */
export interface CommandRow {
  /** UUID, also the id of its frame (protocol section 17.1). */
  readonly id: string;
  /** UUID of the project it was issued in. */
  readonly projectId: string;
  /** UUID of the agent that shall carry it out. */
  readonly agentId: string;
  /** Action name such as `retry_task` (protocol section 18). */
  readonly action: string;
  /** What it is about: `type`, `id`, perhaps `engine` and `scheduler`. */
  readonly target: JsonObject;
  /** Inputs of the action. */
  readonly parameters: JsonObject;
  /** Where it stands. */
  readonly status: CommandStatus;
  /** Longest wait for its delivery and then for its answer, in milliseconds. */
  readonly timeoutMs: number;
  /** Key under which repetitions get this command, or `null`. */
  readonly idempotencyKey: string | null;
  /** When it was issued, Unix milliseconds. */
  readonly createdAtMs: number;
  /** When it went out to the agent, Unix milliseconds, or `null`. */
  readonly dispatchedAtMs: number | null;
  /** When the agent confirmed receipt, Unix milliseconds, or `null`. */
  readonly acknowledgedAtMs: number | null;
  /** When it was answered or given up, Unix milliseconds, or `null`. */
  readonly finishedAtMs: number | null;
  /** What the agent answered, or `null`. */
  readonly result: JsonObject | null;
  /** Why it failed, in one text, or `null`. */
  readonly error: string | null;
}

/** What the operator may narrow a task list by. */
export interface TaskFilter {
  /** Exactly this state. */
  readonly state?: TaskRowState | undefined;
  /** Exactly this engine. */
  readonly engine?: string | undefined;
  /** Exactly this queue. */
  readonly queue?: string | undefined;
  /** Exactly this task name. */
  readonly name?: string | undefined;
  /** Exactly this worker. */
  readonly worker?: string | undefined;
  /** Substring of name, id, args, kwargs, result or exception. */
  readonly search?: string | undefined;
  /** Request or trace id: what it asked for, and what the schedules ran that it made. */
  readonly request?: string | undefined;
  /** Created at this time or later, Unix milliseconds. */
  readonly sinceMs?: number | undefined;
  /** Created at this time or earlier, Unix milliseconds. */
  readonly untilMs?: number | undefined;
  /** Most rows of the page, 1 to 1000; anything else is clamped. */
  readonly limit: number;
  /** Opaque position from an earlier page. */
  readonly cursor?: string | undefined;
}

/** A page of rows. */
export interface Page<T> {
  /** The rows, newest first. */
  readonly items: readonly T[];
  /** Position for the next page; `null` on the last. */
  readonly nextCursor: string | null;
  /** Rows over all pages. */
  readonly totalCount: number;
}

/** Numbers for the head of the page. */
export interface BrainStats {
  /** Tasks by state; states without tasks are absent. */
  readonly tasksByState: Readonly<Record<string, number>>;
  /** Events stored so far, by kind. */
  readonly eventsByKind: Readonly<Record<string, number>>;
  /** Completed runs of schedules. */
  readonly scheduleRuns: number;
  /** Agents that are online. */
  readonly agentsOnline: number;
  /** Engine workers that are online. */
  readonly workersOnline: number;
  /** Queues whose depth is known. */
  readonly queueDepths: readonly {
    /** Engine of the queue. */
    readonly engine: string;
    /** Name of the queue. */
    readonly name: string;
    /** Jobs that wait in it. */
    readonly pendingCount: number;
  }[];
}

/** What changed; the live feed tells pages to look again. */
export type ChangeTopic =
  | "tasks"
  | "workers"
  | "queues"
  | "schedules"
  | "agents"
  | "commands";

/** The reading side of the brain, for the API and the pages. */
export interface BrainReader {
  /** The project of a slug. */
  project(slug: string): ProjectRow | null;
  /** Every project by slug, archived ones included. */
  projects(): readonly ProjectRow[];
  /** Agents of a project by name, revoked ones included. */
  agents(projectId: string): readonly AgentRow[];
  /** One agent by its UUID. */
  agent(projectId: string, agentId: string): AgentRow | null;
  /** Processes of all agents of a project, last seen first. */
  agentWorkers(projectId: string): readonly AgentWorkerRow[];
  /** A page of tasks, newest first. */
  tasks(projectId: string, filter: TaskFilter): Page<TaskRow>;
  /** One task by its engine and engine-native id. */
  task(projectId: string, engine: string, taskId: string): TaskRow | null;
  /** Events of a task, newest first. */
  taskEvents(projectId: string, engine: string, taskId: string): readonly EventRow[];
  /** The newest events of all tasks, or of one kind prefix such as `schedule.`. */
  recentEvents(projectId: string, kindPrefix: string | null, limit: number): readonly EventRow[];
  /** Engine workers by engine and name. */
  workers(projectId: string): readonly WorkerRow[];
  /** Queues by engine and name. */
  queues(projectId: string): readonly QueueRow[];
  /** Schedules of external schedulers, by owner and key. */
  schedules(projectId: string): readonly ScheduleRow[];
  /** One schedule by the UUID of its row. */
  schedule(projectId: string, id: string): ScheduleRow | null;
  /** The newest commands, of one status or (`null`) of all. */
  commands(projectId: string, status: CommandStatus | null, limit: number): readonly CommandRow[];
  /** One command by its UUID. */
  command(projectId: string, id: string): CommandRow | null;
  /** Counts for the head of the page; zeros for an unknown project. */
  stats(projectId: string): BrainStats;
  /** Calls back, merged, after commits; answers the remover. */
  onChange(listener: (topics: ReadonlySet<ChangeTopic>) => void): () => void;
}

export type { FindingRow };
