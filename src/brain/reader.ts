import { LIMITED, type SqlRow } from "../buffer/sqlite_driver.ts";
import { agentById, agentsOf, agentWorkersOf } from "./agents.ts";
import { commandById, commandsOf } from "./commands.ts";
import type { BrainContext } from "./context.ts";
import { objectOf, requiredNumber, requiredText } from "./database.ts";
import { allProjects, projectBySlug, projectKey } from "./projects.ts";
import { queueRow } from "./queues.ts";
import type {
  BrainReader,
  BrainStats,
  EventRow,
  QueueRow,
  ScheduleRow,
  TaskRow,
  WorkerRow,
} from "./store.ts";
import { queryTasks } from "./task_query.ts";
import { taskRow } from "./task_record.ts";
import { workerRow } from "./workers.ts";

// Events of one task that a page shows; a task rarely has more than ten.
const TASK_EVENTS = 1000;
const RECENT_EVENTS = 1000;
const SELECT_EVENT =
  "SELECT events.*, agents.id AS agent_id FROM events JOIN agents ON agents.pk = events.agent";

/** The queries of the API and the pages. Unknown projects have no rows. */
export function createReader(context: BrainContext): BrainReader {
  const { db } = context;
  const inProject = <T>(projectId: string, none: T, query: (project: number) => T): T => {
    const project = projectKey(db, projectId);
    return project === null ? none : query(project);
  };
  return {
    project: (slug) => projectBySlug(db, slug),
    projects: () => allProjects(db),
    agents: (id) => inProject(id, [], (project) => agentsOf(db, project)),
    agent: (id, agentId) => inProject(id, null, (project) => agentById(db, project, agentId)),
    agentWorkers: (id) => inProject(id, [], (project) => agentWorkersOf(db, project)),
    tasks: (id, filter) =>
      inProject(
        id,
        { items: [], nextCursor: null, totalCount: 0 },
        (project) => queryTasks(db, project, filter),
      ),
    task: (id, engine, taskId) =>
      inProject(id, null, (project) => oneTask(context, project, engine, taskId)),
    taskEvents: (id, engine, taskId) =>
      inProject(id, [], (project) => taskEvents(context, project, engine, taskId)),
    recentEvents: (id, prefix, limit) =>
      inProject(id, [], (project) => recentEvents(context, project, prefix, limit)),
    workers: (id) => inProject(id, [], (project) => workersOf(context, project)),
    queues: (id) => inProject(id, [], (project) => queuesOf(context, project)),
    schedules: (id) => inProject(id, [], (project) => schedulesOf(context, project)),
    schedule: (id, scheduleId) =>
      inProject(id, null, (project) => oneSchedule(context, project, scheduleId)),
    commands: (id, status, limit) =>
      inProject(id, [], (project) => commandsOf(context, project, status, Math.max(1, limit))),
    command: (id, commandId) =>
      inProject(id, null, (project) => commandById(context, project, commandId)?.row ?? null),
    stats: (id) => inProject(id, NO_STATS, (project) => stats(context, project)),
    onChange: (listener) => context.changes.add(listener),
  };
}

const NO_STATS: BrainStats = {
  tasksByState: {},
  eventsByKind: {},
  scheduleRuns: 0,
  agentsOnline: 0,
  workersOnline: 0,
  queueDepths: [],
};

function workersOf({ db }: BrainContext, project: number): readonly WorkerRow[] {
  return db.all(
    `SELECT workers.*, agents.id AS agent_id FROM workers
       LEFT JOIN agents ON agents.pk = workers.agent
     WHERE workers.project = ? ORDER BY engine, workers.name`,
    project,
  ).map(workerRow);
}

function queuesOf({ db }: BrainContext, project: number): readonly QueueRow[] {
  const query = "SELECT * FROM queues WHERE project = ? ORDER BY engine, name";
  return db.all(query, project).map(queueRow);
}

function schedulesOf({ db }: BrainContext, project: number): readonly ScheduleRow[] {
  const query = "SELECT * FROM schedules WHERE project = ? ORDER BY owner, source_key";
  return db.all(query, project).map(scheduleRow);
}

function oneSchedule({ db }: BrainContext, project: number, id: string): ScheduleRow | null {
  const row = db.get("SELECT * FROM schedules WHERE project = ? AND id = ?", project, id);
  return row === undefined ? null : scheduleRow(row);
}

function oneTask(
  context: BrainContext,
  project: number,
  engine: string,
  taskId: string,
): TaskRow | null {
  const row = context.db.get(
    `SELECT tasks.*, agents.id AS agent_id FROM tasks LEFT JOIN agents ON agents.pk = tasks.agent
     WHERE tasks.project = ? AND engine = ? AND task_id = ?`,
    project,
    engine,
    taskId,
  );
  return row === undefined ? null : taskRow(row);
}

function taskEvents(
  context: BrainContext,
  project: number,
  engine: string,
  taskId: string,
): readonly EventRow[] {
  // One half for each of the two indexes that an event of a task can be in.
  return context.db.all(
    `${SELECT_EVENT} WHERE seq IN (
       SELECT seq FROM events WHERE task =
         (SELECT pk FROM tasks WHERE project = ?1 AND engine = ?2 AND task_id = ?3)
       UNION ALL SELECT seq FROM events WHERE project = ?1 AND engine = ?2 AND task_id = ?3
         AND task IS NULL AND task_id <> '')
     ORDER BY occurred_ms DESC, seq DESC LIMIT ${TASK_EVENTS}`,
    project,
    engine,
    taskId,
  ).map(eventRow);
}

function recentEvents(
  context: BrainContext,
  project: number,
  prefix: string | null,
  limit: number,
): readonly EventRow[] {
  const count = Math.min(Math.max(1, limit), RECENT_EVENTS);
  if (prefix === null) {
    return context.db.all(
      `${SELECT_EVENT} WHERE events.project = ? ORDER BY seq DESC ${LIMITED}`,
      project,
      count,
    ).map(eventRow);
  }
  // The literal range of the schedule kinds is what their partial index covers.
  const range = prefix.startsWith("schedule.")
    ? "AND kind >= 'schedule.' AND kind < 'schedule/'"
    : "";
  return context.db.all(
    `${SELECT_EVENT} WHERE events.project = ? AND substr(kind, 1, length(?)) = ? ${range}
     ORDER BY seq DESC ${LIMITED}`,
    project,
    prefix,
    prefix,
    count,
  ).map(eventRow);
}

function stats(context: BrainContext, project: number): BrainStats {
  const { db } = context;
  const counted = (sql: string): Record<string, number> =>
    Object.fromEntries(
      db.all(sql, project).map((row) => [requiredText(row, "key"), requiredNumber(row, "total")]),
    );
  const online = (table: string): number => {
    const row = db.get(
      `SELECT count(*) AS total FROM ${table} WHERE project = ? AND state = 'online'`,
      project,
    );
    return row === undefined ? 0 : requiredNumber(row, "total");
  };
  const eventsByKind = counted(
    "SELECT kind AS key, total FROM event_counts WHERE project = ? ORDER BY kind",
  );
  return {
    tasksByState: counted(
      "SELECT state AS key, count(*) AS total FROM tasks WHERE project = ? GROUP BY state",
    ),
    eventsByKind,
    scheduleRuns: eventsByKind["schedule.run_completed"] ?? 0,
    agentsOnline: online("agents"),
    workersOnline: online("workers"),
    queueDepths: db.all(
      `SELECT engine, name, pending FROM queues
       WHERE project = ? AND pending IS NOT NULL ORDER BY engine, name`,
      project,
    ).map((row) => ({
      engine: requiredText(row, "engine"),
      name: requiredText(row, "name"),
      pendingCount: requiredNumber(row, "pending"),
    })),
  };
}

function eventRow(row: SqlRow): EventRow {
  return {
    id: requiredText(row, "id"),
    agentId: requiredText(row, "agent_id"),
    engine: requiredText(row, "engine"),
    taskId: requiredText(row, "task_id"),
    kind: requiredText(row, "kind"),
    occurredAtMs: requiredNumber(row, "occurred_ms"),
    data: objectOf(row, "data"),
  };
}

function scheduleRow(row: SqlRow): ScheduleRow {
  return {
    id: requiredText(row, "id"),
    scheduler: requiredText(row, "owner"),
    sourceKey: requiredText(row, "source_key"),
    row: objectOf(row, "row"),
    updatedAtMs: requiredNumber(row, "updated_ms"),
  };
}
