import type { Clock } from "../base/clock.ts";
import { isJsonObject, type JsonArray, type JsonObject, type JsonValue } from "../base/json.ts";
import { MAX_BODY_BYTES } from "./auth_limits.ts";
import { bodyProblem } from "./body_rules.ts";
import { bodyText } from "./body_text.ts";
import { type HttpContext, HttpRefusal } from "./http_env.ts";
import type { CommandStatus, TaskFilter, TaskRowState } from "./store.ts";

const TASK_STATES: readonly TaskRowState[] = [
  "pending",
  "received",
  "started",
  "success",
  "failure",
  "retry",
  "revoked",
  "rejected",
  "unknown",
];
const COMMAND_STATES: readonly CommandStatus[] = [
  "pending",
  "dispatched",
  "acknowledged",
  "completed",
  "failed",
  "timeout",
  "cancelled",
];
const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 500;
const MAX_QUERY_CHARS = 500;

/** The bytes of a body as text; refused with 413 when it is too large, 408 when too slow. */
export async function readBody(c: HttpContext, clock: Clock): Promise<string> {
  const body = await bodyText(c.req.raw, MAX_BODY_BYTES, clock);
  if ("status" in body) throw new HttpRefusal(body.status, body.detail);
  return body.text;
}

/** The body as a JSON object; anything else is refused. */
export async function readJsonBody(c: HttpContext, clock: Clock): Promise<JsonObject> {
  if (!/^application\/json\b/i.test(c.req.header("content-type") ?? "")) {
    throw new HttpRefusal(415, "the body must be application/json");
  }
  let value: unknown;
  try {
    value = JSON.parse(await readBody(c, clock));
  } catch (error) {
    if (error instanceof HttpRefusal) throw error;
    throw new HttpRefusal(400, "the body is not JSON");
  }
  if (!isJsonObject(value)) throw new HttpRefusal(422, "the body must be a JSON object");
  const problem = bodyProblem(value);
  if (problem !== null) throw new HttpRefusal(422, problem);
  return value;
}

/** A member that must be a text of 1 to `max` characters. */
export function text(body: JsonObject, name: string, max: number): string {
  const value = optionalText(body, name, max);
  if (value === null) throw new HttpRefusal(422, `${name} is required`);
  return value;
}

/** A member that is a text of 1 to `max` characters, or absent. */
export function optionalText(body: JsonObject, name: string, max: number): string | null {
  const value = body[name] ?? null;
  if (value === null) return null;
  if (typeof value !== "string" || value.length === 0 || value.length > max) {
    throw new HttpRefusal(422, `${name} must be a text of 1 to ${max} characters`);
  }
  return value;
}

/** A member that is an integer from `min` to `max`, or absent. */
export function optionalInteger(
  body: JsonObject,
  name: string,
  min: number,
  max: number,
): number | null {
  const value = body[name] ?? null;
  if (value === null) return null;
  if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
    throw new HttpRefusal(422, `${name} must be an integer from ${min} to ${max}`);
  }
  return value;
}

/** A member that is an array, or absent. */
export function optionalArray(body: JsonObject, name: string): JsonArray | null {
  const value: JsonValue = body[name] ?? null;
  if (value === null || Array.isArray(value)) return value;
  throw new HttpRefusal(422, `${name} must be an array`);
}

/** A member that is an object, or absent. */
export function optionalObject(body: JsonObject, name: string): JsonObject | null {
  const value: JsonValue = body[name] ?? null;
  if (value === null || isJsonObject(value)) return value;
  throw new HttpRefusal(422, `${name} must be an object`);
}

/** A member that is a boolean; absent means false. */
export function flag(body: JsonObject, name: string): boolean {
  const value = body[name] ?? false;
  if (typeof value !== "boolean") throw new HttpRefusal(422, `${name} must be a boolean`);
  return value;
}

/** A query parameter; empty counts as absent. */
export function query(c: HttpContext, name: string): string | undefined {
  const value = c.req.query(name);
  if (value === undefined || value === "") return undefined;
  if (value.length <= MAX_QUERY_CHARS) return value;
  throw new HttpRefusal(422, `${name} must have at most ${MAX_QUERY_CHARS} characters`);
}

/** The `limit` of a list. */
export function queryLimit(c: HttpContext): number {
  const value = query(c, "limit");
  if (value === undefined) return DEFAULT_LIMIT;
  const limit = /^\d{1,6}$/.test(value) ? Number(value) : 0;
  if (limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new HttpRefusal(422, `limit must be an integer from 1 to ${MAX_LIMIT}`);
}

/** The filters of a task list. */
export function queryTaskFilter(c: HttpContext): TaskFilter {
  return {
    state: oneOf(query(c, "state"), TASK_STATES, "state"),
    engine: query(c, "engine"),
    queue: query(c, "queue"),
    name: query(c, "name"),
    worker: query(c, "worker"),
    search: query(c, "search"),
    request: query(c, "request"),
    sinceMs: queryTime(c, "since"),
    untilMs: queryTime(c, "until"),
    cursor: query(c, "cursor"),
    limit: queryLimit(c),
  };
}

/** The `status` of a command list. */
export function queryCommandStatus(c: HttpContext): CommandStatus | null {
  return oneOf(query(c, "status"), COMMAND_STATES, "status") ?? null;
}

function queryTime(c: HttpContext, name: string): number | undefined {
  const value = query(c, name);
  if (value === undefined) return undefined;
  const time = Date.parse(value);
  if (!Number.isNaN(time)) return time;
  throw new HttpRefusal(422, `${name} must be an ISO 8601 time`);
}

function oneOf<T extends string>(
  value: string | undefined,
  allowed: readonly T[],
  name: string,
): T | undefined {
  if (value === undefined) return undefined;
  const found = allowed.find((candidate) => candidate === value);
  if (found !== undefined) return found;
  throw new HttpRefusal(422, `${name} must be one of ${allowed.join(", ")}`);
}
