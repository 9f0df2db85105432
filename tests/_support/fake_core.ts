import { Z4jError } from "../../src/base/errors.ts";
import { createListeners } from "../../src/base/listeners.ts";
import type { BrainCore } from "../../src/brain/gateway_port.ts";
import type { CommandRefusal, CommandRequest } from "../../src/brain/operator_port.ts";
import type {
  AgentRow,
  ChangeTopic,
  CommandRow,
  EventRow,
  ProjectRow,
  QueueRow,
  ScheduleRow,
  TaskFilter,
  TaskRow,
  WorkerRow,
} from "../../src/brain/store.ts";

/** Rows and switches behind a core without a database. */
export interface FakeCoreState {
  readonly projects: ProjectRow[];
  readonly agents: AgentRow[];
  readonly tasks: TaskRow[];
  readonly events: EventRow[];
  readonly workers: WorkerRow[];
  readonly queues: QueueRow[];
  readonly schedules: ScheduleRow[];
  readonly commands: CommandRow[];
  /** Filters that the task list was asked with. */
  readonly filters: TaskFilter[];
  /** What the next commands are answered with. */
  refusal: CommandRefusal | null;
  /** Tells the listeners. */
  change(...topics: ChangeTopic[]): void;
}

/** A core whose rows tests choose freely, for the HTTP side alone. */
export function fakeCore(): BrainCore & { readonly state: FakeCoreState } {
  const changes = createListeners<ReadonlySet<ChangeTopic>>();
  let count = 0;
  const state: FakeCoreState = {
    projects: [],
    agents: [],
    tasks: [],
    events: [],
    workers: [],
    queues: [],
    schedules: [],
    commands: [],
    filters: [],
    refusal: null,
    change: (...topics) => changes.emit(new Set(topics)),
  };
  const issue = (request: CommandRequest): CommandRow | CommandRefusal => {
    if (state.refusal !== null) return state.refusal;
    const row = commandRow({ ...request, id: `command-${++count}` });
    state.commands.unshift(row);
    return row;
  };
  return {
    state,
    reader: {
      project: (slug) => state.projects.find((row) => row.slug === slug) ?? null,
      projects: () => state.projects,
      agents: () => state.agents,
      agent: (_project, id) => state.agents.find((row) => row.id === id) ?? null,
      agentWorkers: () => [],
      tasks(_project, filter) {
        state.filters.push(filter);
        return { items: state.tasks, nextCursor: null, totalCount: state.tasks.length };
      },
      task: (_project, engine, taskId) =>
        state.tasks.find((row) => row.engine === engine && row.taskId === taskId) ?? null,
      taskEvents: () => state.events,
      recentEvents: () => state.events,
      workers: () => state.workers,
      queues: () => state.queues,
      schedules: () => state.schedules,
      schedule: (_project, id) => state.schedules.find((row) => row.id === id) ?? null,
      commands: () => state.commands,
      command: (_project, id) => state.commands.find((row) => row.id === id) ?? null,
      stats: () => ({
        tasksByState: Object.fromEntries(
          state.tasks.map((row) => [
            row.state,
            state.tasks.filter((other) => other.state === row.state).length,
          ]),
        ),
        eventsByKind: {},
        scheduleRuns: 3,
        agentsOnline: 1,
        workersOnline: 2,
        queueDepths: [{ engine: "bullmq", name: "mail", pendingCount: 7 }],
      }),
      onChange: (listener) => changes.add(listener),
    },
    operator: {
      createProject(slug, name) {
        const row = { id: `project-${slug}`, slug, name, archivedAtMs: null };
        state.projects.push(row);
        return row;
      },
      archiveProject() {},
      mintAgent(projectId, name) {
        if (state.agents.some((row) => row.name === name)) {
          return Promise.reject(new Z4jError("Z4J_BRAIN_STORE", `Cannot mint ${name}: it exists`));
        }
        const agent = agentRow({ id: `agent-${++count}`, projectId, name });
        state.agents.push(agent);
        return Promise.resolve({ agent, token: "token-once", hmacSecret: "secret-once" });
      },
      revokeAgent: (_project, id) => state.agents.some((row) => row.id === id),
      issueCommand: issue,
      controlSchedule: (projectId, scheduleId, operation) =>
        issue({
          projectId,
          agentId: "agent",
          action: `schedule.${operation}`,
          target: { type: "schedule", id: scheduleId },
          parameters: {},
        }),
      writeSchedule: (projectId, { operation, scheduleId, scheduler }) =>
        issue({
          projectId,
          agentId: "agent",
          action: `schedule.${operation}`,
          target: { type: "scheduler", id: scheduleId ?? scheduler },
          parameters: {},
        }),
      resyncSchedules: () => [],
    },
    gateway: {
      accept: () => ({
        open: (socket) => socket.close(4401, ""),
        message() {},
        closed() {},
      }),
    },
    close: () => Promise.resolve(),
  };
}

/** An agent row with plain values. */
export function agentRow(changes: Partial<AgentRow> = {}): AgentRow {
  return {
    id: "agent",
    projectId: "project-default",
    name: "web",
    createdAtMs: 1_000,
    revokedAtMs: null,
    state: "online",
    lastSeenAtMs: 2_000,
    framework: "hono",
    engines: ["bullmq"],
    schedulers: ["croner"],
    capabilities: { bullmq: ["cancel_task"] },
    runtimeFeatures: [],
    agentVersion: "0.1.0",
    protocolVersion: "2",
    hostName: "box",
    ...changes,
  };
}

/** A task row with plain values. */
export function taskRow(changes: Partial<TaskRow> = {}): TaskRow {
  return {
    engine: "bullmq",
    taskId: "mail:1",
    agentId: "agent",
    name: "sendMail",
    state: "success",
    queue: "mail",
    workerName: "worker-1",
    priority: "normal",
    args: [{ to: "somebody" }],
    kwargs: {},
    result: { sent: true },
    exception: null,
    traceback: null,
    retryCount: 0,
    runtimeMs: 1_234,
    parentTaskId: null,
    rootTaskId: null,
    receivedAtMs: 1_000,
    startedAtMs: 2_000,
    finishedAtMs: 3_000,
    lastFailedAtMs: null,
    createdAtMs: 1_000,
    updatedAtMs: 3_000,
    ...changes,
  };
}

/** An event row with plain values. */
export function eventRow(changes: Partial<EventRow> = {}): EventRow {
  return {
    id: "event",
    agentId: "agent",
    engine: "bullmq",
    taskId: "mail:1",
    kind: "task.succeeded",
    occurredAtMs: 3_000,
    data: {},
    ...changes,
  };
}

/** A worker row with plain values. */
export function workerRow(changes: Partial<WorkerRow> = {}): WorkerRow {
  return {
    id: "worker",
    engine: "bullmq",
    name: "worker-1",
    hostname: "box",
    agentId: "agent",
    state: "online",
    pid: 42,
    concurrency: 5,
    activeTasks: 2,
    queues: ["mail"],
    loadAverage: [0.1],
    metadata: {},
    lastHeartbeatAtMs: 3_000,
    ...changes,
  };
}

/** A schedule row with plain values. */
export function scheduleRow(changes: Partial<ScheduleRow> = {}): ScheduleRow {
  return {
    id: "schedule",
    scheduler: "croner",
    sourceKey: "nightly",
    row: {
      name: "nightly",
      task_name: "report",
      kind: "cron",
      expression: "0 3 * * *",
      timezone: "UTC",
      is_enabled: true,
      next_run_at: "2030-01-01T03:00:00.000000+00:00",
      last_run_at: null,
      total_runs: 4,
    },
    updatedAtMs: 3_000,
    ...changes,
  };
}

function commandRow(request: CommandRequest & { readonly id: string }): CommandRow {
  return {
    id: request.id,
    projectId: request.projectId,
    agentId: request.agentId,
    action: request.action,
    target: request.target,
    parameters: request.parameters,
    status: "pending",
    timeoutMs: 60_000,
    idempotencyKey: request.idempotencyKey ?? null,
    createdAtMs: 4_000,
    dispatchedAtMs: null,
    acknowledgedAtMs: null,
    finishedAtMs: null,
    result: null,
    error: null,
  };
}
