import type { SqlRow, SqlValue } from "../buffer/sqlite_driver.ts";
import { jsonOf, numberOf, requiredNumber, requiredText, textOf } from "./database.ts";
import type { TaskRow, TaskRowState } from "./store.ts";

/** A task row as stored; JSON columns are texts. */
export interface TaskRecord {
  readonly engine: string;
  readonly taskId: string;
  readonly agent: number | null;
  readonly name: string;
  readonly state: TaskRowState;
  readonly queue: string | null;
  readonly worker: string | null;
  readonly priority: string;
  readonly args: string | null;
  readonly kwargs: string | null;
  readonly result: string | null;
  readonly exception: string | null;
  readonly traceback: string | null;
  readonly retryCount: number;
  readonly runtimeMs: number | null;
  readonly parentTaskId: string | null;
  readonly rootTaskId: string | null;
  readonly receivedMs: number | null;
  readonly startedMs: number | null;
  readonly finishedMs: number | null;
  readonly lastFailedMs: number | null;
  /** When the state's event occurred: `task.retried` sets no other time. */
  readonly stateMs: number | null;
  readonly createdMs: number;
  readonly updatedMs: number;
}

const COLUMNS = "engine, task_id, agent, name, state, queue, worker, priority, args, kwargs, " +
  "result, exception, traceback, retry_count, runtime_ms, parent_task_id, root_task_id, " +
  "received_ms, started_ms, finished_ms, last_failed_ms, state_ms, created_ms, updated_ms";

/** Reads one task and its key. Parameters: project, engine, task id. */
export const SELECT_TASK: string =
  `SELECT pk, ${COLUMNS} FROM tasks WHERE project = ? AND engine = ? AND task_id = ?`;

/** Adds a task. Parameters: those of `taskParameters`, project, key. */
export const INSERT_TASK: string = `INSERT INTO tasks (${COLUMNS}, project, pk) VALUES (${
  Array.from({ length: 26 }, () => "?").join(", ")
})`;

/** Writes a known task whole. Parameters: as for `INSERT_TASK`. */
export const UPDATE_TASK: string = `UPDATE tasks SET ${
  COLUMNS.split(", ").map((column) => `${column} = ?`).join(", ")
} WHERE project = ? AND pk = ?`;

/** The columns of a record in the order of the statements above. */
export function taskParameters(task: TaskRecord): readonly SqlValue[] {
  return [
    task.engine,
    task.taskId,
    task.agent,
    task.name,
    task.state,
    task.queue,
    task.worker,
    task.priority,
    task.args,
    task.kwargs,
    task.result,
    task.exception,
    task.traceback,
    task.retryCount,
    task.runtimeMs,
    task.parentTaskId,
    task.rootTaskId,
    task.receivedMs,
    task.startedMs,
    task.finishedMs,
    task.lastFailedMs,
    task.stateMs,
    task.createdMs,
    task.updatedMs,
  ];
}

/** A record from a row of `SELECT_TASK`. */
export function taskRecord(row: SqlRow): TaskRecord {
  return {
    engine: requiredText(row, "engine"),
    taskId: requiredText(row, "task_id"),
    agent: numberOf(row, "agent"),
    name: requiredText(row, "name"),
    state: requiredText(row, "state") as TaskRowState,
    queue: textOf(row, "queue"),
    worker: textOf(row, "worker"),
    priority: requiredText(row, "priority"),
    args: textOf(row, "args"),
    kwargs: textOf(row, "kwargs"),
    result: textOf(row, "result"),
    exception: textOf(row, "exception"),
    traceback: textOf(row, "traceback"),
    retryCount: requiredNumber(row, "retry_count"),
    runtimeMs: numberOf(row, "runtime_ms"),
    parentTaskId: textOf(row, "parent_task_id"),
    rootTaskId: textOf(row, "root_task_id"),
    receivedMs: numberOf(row, "received_ms"),
    startedMs: numberOf(row, "started_ms"),
    finishedMs: numberOf(row, "finished_ms"),
    lastFailedMs: numberOf(row, "last_failed_ms"),
    stateMs: numberOf(row, "state_ms"),
    createdMs: requiredNumber(row, "created_ms"),
    updatedMs: requiredNumber(row, "updated_ms"),
  };
}

/** The public row of a record; `agentId` is the agent's UUID. */
export function taskRow(row: SqlRow): TaskRow {
  const { agent: _, worker, receivedMs, startedMs, finishedMs, ...task } = taskRecord(row);
  const { lastFailedMs, stateMs: _stateMs, createdMs, updatedMs, ...rest } = task;
  return {
    ...rest,
    agentId: textOf(row, "agent_id"),
    workerName: worker,
    args: jsonOf(row, "args"),
    kwargs: jsonOf(row, "kwargs"),
    result: jsonOf(row, "result"),
    receivedAtMs: receivedMs,
    startedAtMs: startedMs,
    finishedAtMs: finishedMs,
    lastFailedAtMs: lastFailedMs,
    createdAtMs: createdMs,
    updatedAtMs: updatedMs,
  };
}
