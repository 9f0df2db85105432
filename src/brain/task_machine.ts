import type { JsonValue } from "../base/json.ts";
import type { EventKind } from "../protocol/frames.ts";
import { type IngestEvent, textIn } from "./event_input.ts";
import { WIDTH } from "./limits.ts";
import type { TaskRowState } from "./store.ts";
import type { TaskRecord } from "./task_record.ts";

const STATE_OF: Partial<Record<EventKind, TaskRowState>> = {
  "task.received": "received",
  "task.started": "started",
  "task.succeeded": "success",
  "task.failed": "failure",
  "task.retried": "retry",
  "task.revoked": "revoked",
};

const TERMINAL: ReadonlySet<TaskRowState> = new Set<TaskRowState>([
  "success",
  "failure",
  "revoked",
]);
const PRIORITIES: ReadonlySet<string> = new Set(["critical", "high", "normal", "low"]);
const UNKNOWN_NAME = "unknown";

/** Whether an event always leaves a row of its task behind (protocol 11.4). */
export function hasTaskRow(event: IngestEvent): boolean {
  return event.taskId !== "" && STATE_OF[event.kind] !== undefined;
}

/**
 * The task row after an event, or the same object when the event changes
 * nothing (protocol 11.4 and 12). `null` stands for "no row".
 */
export function projectTask(
  current: TaskRecord | null,
  event: IngestEvent,
  agent: number,
  nowMs: number,
): TaskRecord | null {
  const state = STATE_OF[event.kind];
  if (state === undefined || event.taskId === "") return current;
  if (current !== null && !applies(current, state, event.occurredMs)) {
    return withName(current, event, nowMs);
  }
  const base = current ?? newTask(event, nowMs);
  return {
    ...base,
    ...fieldsOf(event),
    agent,
    state,
    stateMs: event.occurredMs,
    name: nextName(event, base),
    priority: priorityOf(event.data["priority"], base.priority),
    updatedMs: nowMs,
  };
}

/**
 * Whether an event may move the row (protocol 12). The time of the state counts
 * too, so that a retry is not undone by the start that came before it.
 */
function applies(current: TaskRecord, next: TaskRowState, occurredMs: number): boolean {
  const [had, has] = [TERMINAL.has(current.state), TERMINAL.has(next)];
  if (had !== has) return has;
  const newest = Math.max(
    current.receivedMs ?? -Infinity,
    current.startedMs ?? -Infinity,
    current.finishedMs ?? -Infinity,
    current.stateMs ?? -Infinity,
  );
  return occurredMs >= newest;
}

/** A refused event may still fill in a name that nobody knew. */
function withName(current: TaskRecord, event: IngestEvent, nowMs: number): TaskRecord {
  const name = nameOf(event);
  if (current.name !== UNKNOWN_NAME || name === null) return current;
  return { ...current, name, updatedMs: nowMs };
}

function fieldsOf(event: IngestEvent): Partial<TaskRecord> {
  const { data, occurredMs } = event;
  switch (event.kind) {
    case "task.received":
      return {
        receivedMs: occurredMs,
        args: jsonText(data["args"]),
        kwargs: jsonText(data["kwargs"]),
        queue: event.queue,
        parentTaskId: relative(data["parent_task_id"], event.taskId),
        rootTaskId: relative(data["root_task_id"], event.taskId),
      };
    case "task.started":
      return { startedMs: occurredMs, worker: event.worker };
    case "task.succeeded":
      return {
        finishedMs: occurredMs,
        result: jsonText(data["result"]),
        runtimeMs: integer(data["runtime_ms"]),
        exception: null,
        traceback: null,
      };
    case "task.failed":
      return {
        finishedMs: occurredMs,
        lastFailedMs: occurredMs,
        runtimeMs: integer(data["runtime_ms"]),
        exception: cut(data["exception"], WIDTH.exception),
        traceback: cut(data["traceback"], WIDTH.traceback),
        result: null,
      };
    case "task.retried":
      return { retryCount: integer(data["retry_count"]) ?? 0 };
    default:
      return {
        finishedMs: occurredMs,
        result: null,
        runtimeMs: null,
        exception: null,
        traceback: null,
      };
  }
}

/** `task.started` names a task only when nobody did (protocol 11.4). */
function nextName(event: IngestEvent, base: TaskRecord): string {
  if (event.kind === "task.started" && base.name !== UNKNOWN_NAME) return base.name;
  return nameOf(event) ?? base.name;
}

function newTask(event: IngestEvent, nowMs: number): TaskRecord {
  return {
    engine: event.engine,
    taskId: event.taskId,
    agent: null,
    name: UNKNOWN_NAME,
    state: "unknown",
    queue: event.queue,
    worker: event.worker,
    priority: "normal",
    args: null,
    kwargs: null,
    result: null,
    exception: null,
    traceback: null,
    retryCount: 0,
    runtimeMs: null,
    parentTaskId: null,
    rootTaskId: null,
    receivedMs: null,
    startedMs: null,
    finishedMs: null,
    lastFailedMs: null,
    stateMs: null,
    createdMs: nowMs,
    updatedMs: nowMs,
  };
}

function nameOf(event: IngestEvent): string | null {
  const name = textIn(event.data, "task_name");
  return name === UNKNOWN_NAME ? null : name;
}

function priorityOf(value: JsonValue | undefined, current: string): string {
  if (value === undefined || value === null) return current;
  return typeof value === "string" && PRIORITIES.has(value) ? value : "normal";
}

function relative(value: JsonValue | undefined, self: string): string | null {
  if (typeof value !== "string" || value === "" || value === self) return null;
  return value.includes("\0") || [...value].length > WIDTH.taskId ? null : value;
}

function integer(value: JsonValue | undefined): number | null {
  if (typeof value !== "number" || !Number.isFinite(value)) return null;
  const whole = Math.trunc(value);
  return Number.isSafeInteger(whole) ? whole : null;
}

function jsonText(value: JsonValue | undefined): string | null {
  return value === undefined || value === null ? null : JSON.stringify(value);
}

function cut(value: JsonValue | undefined, length: number): string | null {
  if (value === undefined || value === null) return null;
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length <= length ? text : text.slice(0, length).toWellFormed();
}
