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
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  /** Set when archived; its agents are refused. */
  readonly archivedAtMs: number | null;
}

/** A minted agent and what its last hello said. */
export interface AgentRow {
  readonly id: string;
  readonly projectId: string;
  readonly name: string;
  readonly createdAtMs: number;
  readonly revokedAtMs: number | null;
  readonly state: "unknown" | "online" | "offline";
  readonly lastSeenAtMs: number | null;
  readonly framework: string | null;
  readonly engines: readonly string[];
  readonly schedulers: readonly string[];
  readonly capabilities: Readonly<Record<string, readonly string[]>>;
  readonly runtimeFeatures: readonly string[];
  readonly agentVersion: string | null;
  readonly protocolVersion: string | null;
  readonly hostName: string | null;
}

/** One process of an agent: a row per (agent, worker id). */
export interface AgentWorkerRow {
  readonly agentId: string;
  readonly workerId: string | null;
  readonly role: string | null;
  readonly framework: string | null;
  readonly pid: number | null;
  readonly startedAt: string | null;
  readonly state: "online" | "offline";
  readonly connectedAtMs: number;
  readonly lastSeenAtMs: number;
}

/** A task as the events made it (protocol sections 11.4 and 12). */
export interface TaskRow {
  readonly engine: string;
  readonly taskId: string;
  readonly agentId: string | null;
  readonly name: string;
  readonly state: TaskRowState;
  readonly queue: string | null;
  readonly workerName: string | null;
  readonly priority: string;
  readonly args: JsonValue;
  readonly kwargs: JsonValue;
  readonly result: JsonValue;
  readonly exception: string | null;
  readonly traceback: string | null;
  readonly retryCount: number;
  readonly runtimeMs: number | null;
  readonly parentTaskId: string | null;
  readonly rootTaskId: string | null;
  readonly receivedAtMs: number | null;
  readonly startedAtMs: number | null;
  readonly finishedAtMs: number | null;
  readonly lastFailedAtMs: number | null;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** A stored event. `data` is redacted. */
export interface EventRow {
  readonly id: string;
  readonly agentId: string;
  readonly engine: string;
  readonly taskId: string;
  readonly kind: string;
  readonly occurredAtMs: number;
  readonly data: JsonObject;
}

/** A worker of an engine (protocol section 13). */
export interface WorkerRow {
  readonly id: string;
  readonly engine: string;
  readonly name: string;
  readonly hostname: string | null;
  readonly agentId: string | null;
  readonly state: "online" | "offline";
  readonly pid: number | null;
  readonly concurrency: number | null;
  readonly activeTasks: number;
  readonly queues: readonly string[];
  readonly loadAverage: readonly number[];
  readonly metadata: JsonObject;
  readonly lastHeartbeatAtMs: number | null;
}

/** A queue of an engine. */
export interface QueueRow {
  readonly engine: string;
  readonly name: string;
  readonly pendingCount: number | null;
  readonly depthAtMs: number | null;
  readonly lastSeenAtMs: number;
}

/** A schedule of an external scheduler (protocol section 20.3). */
export interface ScheduleRow {
  readonly id: string;
  readonly scheduler: string;
  readonly sourceKey: string;
  /** The normalised row, wire spelling. */
  readonly row: JsonObject;
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
  readonly id: string;
  readonly projectId: string;
  readonly agentId: string;
  readonly action: string;
  readonly target: JsonObject;
  readonly parameters: JsonObject;
  readonly status: CommandStatus;
  readonly timeoutMs: number;
  readonly idempotencyKey: string | null;
  readonly createdAtMs: number;
  readonly dispatchedAtMs: number | null;
  readonly acknowledgedAtMs: number | null;
  readonly finishedAtMs: number | null;
  readonly result: JsonObject | null;
  readonly error: string | null;
}

/** What the operator may narrow a task list by. */
export interface TaskFilter {
  readonly state?: TaskRowState | undefined;
  readonly engine?: string | undefined;
  readonly queue?: string | undefined;
  readonly name?: string | undefined;
  readonly worker?: string | undefined;
  /** Substring of name, id, args, kwargs, result or exception. */
  readonly search?: string | undefined;
  readonly sinceMs?: number | undefined;
  readonly untilMs?: number | undefined;
  readonly limit: number;
  /** Opaque position from an earlier page. */
  readonly cursor?: string | undefined;
}

/** A page of rows. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
  readonly totalCount: number;
}

/** Numbers for the head of the page. */
export interface BrainStats {
  readonly tasksByState: Readonly<Record<string, number>>;
  readonly eventsByKind: Readonly<Record<string, number>>;
  readonly scheduleRuns: number;
  readonly agentsOnline: number;
  readonly workersOnline: number;
  readonly queueDepths: readonly {
    readonly engine: string;
    readonly name: string;
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
  project(slug: string): ProjectRow | null;
  projects(): readonly ProjectRow[];
  agents(projectId: string): readonly AgentRow[];
  agent(projectId: string, agentId: string): AgentRow | null;
  agentWorkers(projectId: string): readonly AgentWorkerRow[];
  tasks(projectId: string, filter: TaskFilter): Page<TaskRow>;
  task(projectId: string, engine: string, taskId: string): TaskRow | null;
  /** Events of a task, newest first. */
  taskEvents(projectId: string, engine: string, taskId: string): readonly EventRow[];
  /** The newest events of all tasks, or of one kind prefix such as `schedule.`. */
  recentEvents(projectId: string, kindPrefix: string | null, limit: number): readonly EventRow[];
  workers(projectId: string): readonly WorkerRow[];
  queues(projectId: string): readonly QueueRow[];
  schedules(projectId: string): readonly ScheduleRow[];
  schedule(projectId: string, id: string): ScheduleRow | null;
  commands(projectId: string, status: CommandStatus | null, limit: number): readonly CommandRow[];
  command(projectId: string, id: string): CommandRow | null;
  stats(projectId: string): BrainStats;
  /** Calls back, merged, after commits; answers the remover. */
  onChange(listener: (topics: ReadonlySet<ChangeTopic>) => void): () => void;
}

/** A freshly minted agent; the two secrets are shown this once. */
export interface MintedAgent {
  readonly agent: AgentRow;
  readonly token: string;
  readonly hmacSecret: string;
}

/** Why a command was not taken. */
export type CommandRefusal =
  | { readonly kind: "not_found"; readonly message: string }
  | { readonly kind: "refused"; readonly message: string }
  | { readonly kind: "conflict"; readonly message: string };

/** What an operator asks an agent to do. */
export interface CommandRequest {
  readonly projectId: string;
  readonly agentId: string;
  readonly action: string;
  readonly target: JsonObject;
  readonly parameters: JsonObject;
  readonly timeoutMs?: number | undefined;
  readonly idempotencyKey?: string | null | undefined;
}

/** The acting side of the brain, for the API and the pages. */
export interface BrainOperator {
  createProject(slug: string, name: string): ProjectRow;
  archiveProject(slug: string): void;
  /** Mints an agent; a name that exists already is a conflict (throws `Z4J_BRAIN_STORE`). */
  mintAgent(projectId: string, name: string): Promise<MintedAgent>;
  /** Revokes and closes its sockets with 4003. */
  revokeAgent(projectId: string, agentId: string): boolean;
  /** Stores a command and delivers it when the agent is connected. */
  issueCommand(request: CommandRequest): CommandRow | CommandRefusal;
  /** Enables, disables or triggers a schedule of an external scheduler. */
  controlSchedule(
    projectId: string,
    scheduleId: string,
    operation: "enable" | "disable" | "trigger",
  ): CommandRow | CommandRefusal;
  /** Asks every online agent with a scheduler to publish again. */
  resyncSchedules(projectId: string): readonly CommandRow[];
}
