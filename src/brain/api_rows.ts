import type { JsonObject } from "../base/json.ts";
import type {
  AgentRow,
  AgentWorkerRow,
  BrainStats,
  CommandRow,
  EventRow,
  ProjectRow,
  QueueRow,
  ScheduleRow,
  TaskRow,
  WorkerRow,
} from "./store.ts";

const TASK_STATES = [
  "pending",
  "received",
  "started",
  "success",
  "failure",
  "retry",
  "revoked",
  "rejected",
  "unknown",
] as const;

/** A time as the REST interface writes it. */
export function isoTime(timeMs: number | null): string | null {
  return timeMs === null ? null : new Date(timeMs).toISOString();
}

/** A project as JSON. */
export function projectJson(row: ProjectRow): JsonObject {
  return { id: row.id, slug: row.slug, name: row.name, is_active: row.archivedAtMs === null };
}

/** An agent as JSON; never with a secret. */
export function agentJson(row: AgentRow): JsonObject {
  return {
    id: row.id,
    project_id: row.projectId,
    name: row.name,
    state: row.state,
    protocol_version: row.protocolVersion,
    framework_adapter: row.framework,
    engine_adapters: row.engines,
    scheduler_adapters: row.schedulers,
    capabilities: row.capabilities,
    runtime_features: row.runtimeFeatures,
    agent_version: row.agentVersion,
    host_name: row.hostName,
    last_seen_at: isoTime(row.lastSeenAtMs),
    created_at: isoTime(row.createdAtMs),
    revoked_at: isoTime(row.revokedAtMs),
  };
}

/** A process of an agent as JSON. */
export function agentWorkerJson(projectId: string, row: AgentWorkerRow): JsonObject {
  return {
    agent_id: row.agentId,
    project_id: projectId,
    worker_id: row.workerId,
    role: row.role,
    framework: row.framework,
    pid: row.pid,
    started_at: row.startedAt,
    state: row.state,
    last_connect_at: isoTime(row.connectedAtMs),
    last_seen_at: isoTime(row.lastSeenAtMs),
    findings: row.findings.map((finding) => ({ ...finding })),
  };
}

/** A task as JSON. */
export function taskJson(projectId: string, row: TaskRow): JsonObject {
  return {
    id: `${row.engine}:${row.taskId}`,
    project_id: projectId,
    agent_id: row.agentId,
    engine: row.engine,
    task_id: row.taskId,
    name: row.name,
    queue: row.queue,
    state: row.state,
    priority: row.priority,
    args: row.args,
    kwargs: row.kwargs,
    result: row.result,
    exception: row.exception,
    traceback: row.traceback,
    retry_count: row.retryCount,
    runtime_ms: row.runtimeMs,
    worker_name: row.workerName,
    parent_task_id: row.parentTaskId,
    root_task_id: row.rootTaskId,
    received_at: isoTime(row.receivedAtMs),
    started_at: isoTime(row.startedAtMs),
    finished_at: isoTime(row.finishedAtMs),
    last_failed_at: isoTime(row.lastFailedAtMs),
    created_at: isoTime(row.createdAtMs),
    updated_at: isoTime(row.updatedAtMs),
  };
}

/** An event as JSON. */
export function eventJson(projectId: string, row: EventRow): JsonObject {
  return {
    id: row.id,
    project_id: projectId,
    agent_id: row.agentId,
    engine: row.engine,
    task_id: row.taskId,
    kind: row.kind,
    occurred_at: isoTime(row.occurredAtMs),
    payload: row.data,
  };
}

/** A worker as JSON. */
export function workerJson(projectId: string, row: WorkerRow): JsonObject {
  return {
    id: row.id,
    project_id: projectId,
    agent_id: row.agentId,
    engine: row.engine,
    name: row.name,
    hostname: row.hostname,
    pid: row.pid,
    concurrency: row.concurrency,
    queues: row.queues,
    state: row.state,
    active_tasks: row.activeTasks,
    load_average: row.loadAverage,
    metadata: row.metadata,
    last_heartbeat: isoTime(row.lastHeartbeatAtMs),
  };
}

/** A queue as JSON. */
export function queueJson(projectId: string, row: QueueRow): JsonObject {
  return {
    id: `${row.engine}:${row.name}`,
    project_id: projectId,
    engine: row.engine,
    name: row.name,
    pending_count: row.pendingCount,
    depth_at: isoTime(row.depthAtMs),
    last_seen_at: isoTime(row.lastSeenAtMs),
  };
}

/** A schedule as JSON: the row of its scheduler and what the brain knows. */
export function scheduleJson(projectId: string, row: ScheduleRow): JsonObject {
  return {
    ...row.row,
    id: row.id,
    project_id: projectId,
    scheduler: row.scheduler,
    source_key: row.sourceKey,
    updated_at: isoTime(row.updatedAtMs),
  };
}

/** A command as JSON. */
export function commandJson(row: CommandRow): JsonObject {
  return {
    id: row.id,
    project_id: row.projectId,
    agent_id: row.agentId,
    issued_by: null,
    action: row.action,
    target_type: row.target["type"] ?? null,
    target_id: row.target["id"] ?? null,
    target: row.target,
    payload: row.parameters,
    status: row.status,
    result: row.result,
    error: row.error,
    idempotency_key: row.idempotencyKey,
    issued_at: isoTime(row.createdAtMs),
    dispatched_at: isoTime(row.dispatchedAtMs),
    acknowledged_at: isoTime(row.acknowledgedAtMs),
    completed_at: isoTime(row.finishedAtMs),
    timeout_at: isoTime(row.createdAtMs + row.timeoutMs),
  };
}

/** The numbers of a project as JSON. */
export function statsJson(stats: BrainStats): JsonObject {
  const counts = TASK_STATES.map((state) => [state, stats.tasksByState[state] ?? 0] as const);
  return {
    tasks_by_state: Object.fromEntries(counts),
    tasks_total: counts.reduce((sum, [, count]) => sum + count, 0),
    events_by_kind: stats.eventsByKind,
    schedule_runs: stats.scheduleRuns,
    agents_online: stats.agentsOnline,
    workers_online: stats.workersOnline,
    queue_depths: stats.queueDepths.map((depth) => ({
      engine: depth.engine,
      name: depth.name,
      pending_count: depth.pendingCount,
    })),
  };
}
