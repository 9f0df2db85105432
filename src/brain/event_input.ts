import { isJsonObject, type JsonObject, type JsonValue } from "../base/json.ts";
import type { EventKind } from "../protocol/frames.ts";
import { OCCURRED_FUTURE_MS, OCCURRED_PAST_MS, WIDTH } from "./limits.ts";
import { parseTimestamp } from "./timestamps.ts";

const KINDS: ReadonlySet<string> = new Set<EventKind>([
  "task.sent",
  "task.received",
  "task.started",
  "task.succeeded",
  "task.failed",
  "task.retried",
  "task.revoked",
  "task.rejected",
  "worker.online",
  "worker.offline",
  "worker.heartbeat",
  "queue.depth_report",
  "schedule.run_started",
  "schedule.run_completed",
  "schedule.created",
  "schedule.updated",
  "schedule.deleted",
  "schedule.snapshot",
  "unknown",
]);

const UUID =
  /^([0-9a-f]{8})-?([0-9a-f]{4})-?([47][0-9a-f]{3})-?([89ab][0-9a-f]{3})-?([0-9a-f]{12})$/;

// The forms that agents write, which need no closer look; the rest is parsed.
const CANONICAL_UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const UTC_TIME =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}(?:\d{3})?(?:Z|\+00:00)$/;

/** An event that passed the rules of protocol 11.1. */
export interface IngestEvent {
  /** Canonical UUID, or `null` when the sender's id is not to be trusted. */
  readonly id: string | null;
  readonly kind: EventKind;
  readonly engine: string;
  readonly taskId: string;
  readonly occurredMs: number;
  /** Run of the task, or -1 when the sender does not count runs. */
  readonly attempt: number;
  readonly data: JsonObject;
  /** `data` as stored. */
  readonly dataText: string;
  readonly queue: string | null;
  readonly worker: string | null;
}

/**
 * Checks one redacted event; `null` when it is to be ignored: no object, no
 * engine, no kind, a NUL character, or a value beyond its column.
 */
export function parseEvent(value: JsonValue, nowMs: number): IngestEvent | null {
  if (!isJsonObject(value)) return null;
  const engine = trimmed(value["engine"]);
  const kind = trimmed(value["kind"]);
  const taskId = trimmed(value["task_id"]);
  if (engine === "" || kind === "") return null;
  if (!fits(engine, WIDTH.engine) || !fits(taskId, WIDTH.taskId) || kind.includes("\0")) {
    return null;
  }
  const data = isJsonObject(value["data"]) ? value["data"] : {};
  const dataText = JSON.stringify(data);
  if (hasNul(dataText) || !columnsFit(data)) return null;
  return {
    id: trustedId(value["id"]),
    kind: KINDS.has(kind) ? kind as EventKind : "unknown",
    engine,
    taskId,
    occurredMs: clampOccurred(occurredAt(value["occurred_at"]), nowMs),
    attempt: attemptOf(data["attempt"]),
    data,
    dataText,
    queue: textIn(data, "queue"),
    worker: textIn(data, "worker"),
  };
}

/** A non-empty string member of an event's data, or `null`. */
export function textIn(data: JsonObject, key: string): string | null {
  const value = data[key];
  return typeof value === "string" && value !== "" ? value : null;
}

/** The brain's now for times that are missing, too old or too new (protocol 11.1). */
export function clampOccurred(occurredMs: number | null, nowMs: number): number {
  if (occurredMs === null) return nowMs;
  const age = nowMs - occurredMs;
  return age > OCCURRED_PAST_MS || -age > OCCURRED_FUTURE_MS ? nowMs : occurredMs;
}

function occurredAt(text: JsonValue | undefined): number | null {
  if (typeof text !== "string" || !UTC_TIME.test(text)) return parseTimestamp(text);
  const two = (at: number): number => text.charCodeAt(at) * 10 + text.charCodeAt(at + 1) - 528;
  const milliseconds = two(20) * 10 + text.charCodeAt(22) - 48;
  const year = two(0) * 100 + two(2);
  return Date.UTC(year, two(5) - 1, two(8), two(11), two(14), two(17), milliseconds);
}

function trustedId(value: JsonValue | undefined): string | null {
  if (typeof value === "string" && CANONICAL_UUID.test(value)) return value;
  const parts = typeof value === "string" ? UUID.exec(value.toLowerCase()) : null;
  return parts === null ? null : parts.slice(1).join("-");
}

function attemptOf(value: JsonValue | undefined): number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : -1;
}

function trimmed(value: JsonValue | undefined): string {
  if (value === undefined || value === null || typeof value === "object") return "";
  return String(value).trim();
}

function columnsFit(data: JsonObject): boolean {
  return fits(data["task_name"], WIDTH.name) && fits(data["queue"], WIDTH.queue) &&
    fits(data["worker"], WIDTH.worker);
}

function fits(value: JsonValue | undefined, width: number): boolean {
  if (typeof value !== "string") return true;
  if (value.includes("\0")) return false;
  // Widths count code points; a text has at most as many as UTF-16 units.
  return value.length <= width || [...value].length <= width;
}

function hasNul(json: string): boolean {
  return json.includes("\\u0000") && /(?<!\\)(?:\\\\)*\\u0000/.test(json);
}
