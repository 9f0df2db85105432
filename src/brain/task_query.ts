import { LIMITED, type SqlValue } from "../buffer/sqlite_driver.ts";
import { type Database, requiredNumber } from "./database.ts";
import type { Page, TaskFilter, TaskRow } from "./store.ts";
import { taskRow } from "./task_record.ts";

const MAX_PAGE = 1000;
// A request is looked for among the newest events: there is no index of their contexts.
const MAX_LOOKED_AT = 100_000;
const NAMED = ["request_id", "trace_id", "scheduled_by.request_id", "scheduled_by.trace_id"];
const SEARCHED = ["name", "task_id", "args", "kwargs", "result", "exception"];

interface Where {
  readonly sql: string;
  readonly parameters: readonly SqlValue[];
}

/** A page of tasks, newest first. */
export function queryTasks(db: Database, project: number, filter: TaskFilter): Page<TaskRow> {
  const where = whereOf(project, filter);
  const limit = Math.min(Math.max(1, Math.trunc(filter.limit) || 1), MAX_PAGE);
  const before = cursorKey(filter.cursor);
  const rows = db.all(
    `SELECT tasks.*, agents.id AS agent_id FROM tasks LEFT JOIN agents ON agents.pk = tasks.agent
     WHERE ${where.sql} AND tasks.pk < ? ORDER BY tasks.pk DESC ${LIMITED}`,
    ...where.parameters,
    before,
    limit + 1,
  );
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  const count = db.get(
    `SELECT count(*) AS total FROM tasks WHERE ${where.sql}`,
    ...where.parameters,
  );
  return {
    items: items.map(taskRow),
    nextCursor: rows.length > limit && last !== undefined
      ? String(requiredNumber(last, "pk"))
      : null,
    totalCount: count === undefined ? 0 : requiredNumber(count, "total"),
  };
}

function whereOf(project: number, filter: TaskFilter): Where {
  const sql = ["tasks.project = ?"];
  const parameters: SqlValue[] = [project];
  const add = (clause: string, value: SqlValue | undefined, times = 1): void => {
    if (value === undefined) return;
    sql.push(clause);
    for (let i = 0; i < times; i++) parameters.push(value);
  };
  add("tasks.state = ?", filter.state);
  add("tasks.engine = ?", filter.engine);
  add("tasks.queue = ?", filter.queue);
  add("tasks.name = ?", filter.name);
  add("tasks.worker = ?", filter.worker);
  add("tasks.created_ms >= ?", filter.sinceMs);
  add("tasks.created_ms <= ?", filter.untilMs);
  const { search, request } = filter;
  if (request !== undefined && request !== "") {
    sql.push(ASKED_BY);
    parameters.push(project, request, request);
  }
  add(
    `(${SEARCHED.map((column) => `tasks.${column} LIKE ? ESCAPE '\\'`).join(" OR ")})`,
    search === undefined || search === "" ? undefined : `%${search.replace(/[\\%_]/g, "\\$&")}%`,
    SEARCHED.length,
  );
  return { sql: sql.join(" AND "), parameters };
}

// The text is compared before anything is parsed; a row may hold no JSON at all.
const NAMES = NAMED.map((path) => `json_extract(data, '$.context.${path}')`).join(", ");
const ASKED_BY = `(tasks.engine, tasks.task_id) IN (SELECT engine, task_id FROM events
  WHERE events.project = ? AND task_id <> ''
    AND seq > (SELECT coalesce(max(seq), 0) FROM events) - ${MAX_LOOKED_AT}
    AND CASE WHEN instr(data, ?) = 0 OR NOT json_valid(data) THEN 0 ELSE ? IN (${NAMES}) END)`;

function cursorKey(cursor: string | undefined): number {
  const key = cursor !== undefined && /^\d{1,15}$/.test(cursor) ? Number(cursor) : NaN;
  return Number.isSafeInteger(key) ? key : Number.MAX_SAFE_INTEGER;
}
