import { Z4jError } from "../base/errors.ts";
import { isJsonObject, type JsonArray, type JsonObject, type JsonValue } from "../base/json.ts";
import { scheduleTimestamp } from "./external_schedule_time.ts";

/** A normalised schedule row: exactly these members (protocol section 20.3). */
export interface ExternalScheduleRow {
  readonly args: JsonArray;
  readonly catch_up: string;
  readonly engine: string;
  readonly expression: string;
  readonly external_id: string | null;
  readonly is_enabled: boolean;
  readonly kind: string;
  readonly kwargs: JsonObject;
  readonly last_run_at: string | null;
  readonly name: string;
  readonly next_run_at: string | null;
  readonly priority: string;
  readonly queue: string | null;
  readonly scheduler: string;
  readonly source: string;
  readonly source_hash: string | null;
  readonly source_key: string;
  readonly task_name: string;
  readonly timezone: string;
  readonly total_runs: number;
}

/** The row without what runs change: what a mutation compares (section 20.8). */
export type ScheduleConfiguration = Omit<
  ExternalScheduleRow,
  "last_run_at" | "next_run_at" | "total_runs"
>;

/** The owner that the brain keeps for itself (protocol section 20.1). */
export const RESERVED_OWNER = "z4j-scheduler";

// White space as the brain trims it: not U+FEFF, but the separators U+001C to
// U+001F and U+0085, which `trim()` leaves.
const SPACE =
  "[\\t-\\r\\u001c-\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
const ENDS = new RegExp(`^${SPACE}+|${SPACE}+$`, "g");
const INTEGER = /^[+-]?\d+(?:_\d+)*$/;

/**
 * Fills in and checks a schedule row.
 *
 * @param input Any row; unknown members are dropped.
 * @param owner Name of the stream's owner.
 * @throws {Z4jError} `Z4J_SCHEDULE_ROW` when the row or the owner is refused.
 */
export function normalizeScheduleRow(input: JsonObject, owner: string): ExternalScheduleRow {
  checkOwner(owner);
  const scheduler = textOr(input, "scheduler", owner);
  if (scheduler !== owner) throw rowError("its scheduler differs from the owner of the stream");
  const name = trimmed(textOr(input, "name", ""));
  const taskName = trimmed(textOr(input, "task_name", ""));
  if (name === "" || taskName === "") throw rowError("name and task_name are required");
  return {
    args: argsOf(input["args"]),
    catch_up: textOr(input, "catch_up", "skip"),
    engine: textOr(input, "engine", engineOfOwner(owner)),
    expression: textOr(input, "expression", ""),
    external_id: textOrNull(input["external_id"]),
    is_enabled: input["is_enabled"] === undefined ? true : isTruthy(input["is_enabled"]),
    kind: textOr(input, "kind", "interval"),
    kwargs: kwargsOf(input["kwargs"]),
    last_run_at: timeOf(input, "last_run_at"),
    name,
    next_run_at: timeOf(input, "next_run_at"),
    priority: textOr(input, "priority", "normal"),
    queue: textOrNull(input["queue"]),
    scheduler,
    source: textOr(input, "source", "agent"),
    source_hash: textOrNull(input["source_hash"]),
    source_key: sourceKeyOf(input, name),
    task_name: taskName,
    timezone: textOr(input, "timezone", "UTC"),
    total_runs: totalRunsOf(input["total_runs"]),
  };
}

/** The row without `last_run_at`, `next_run_at` and `total_runs`. */
export function scheduleConfiguration(row: ExternalScheduleRow): ScheduleConfiguration {
  const { last_run_at: _last, next_run_at: _next, total_runs: _total, ...rest } = row;
  return rest;
}

/** Refuses an owner that is empty or reserved. */
export function checkOwner(owner: string): void {
  if (owner === "" || owner === RESERVED_OWNER) throw rowError("its owner is missing or reserved");
}

/** The text without white space around it, as the brain trims. */
export function trimmed(text: string): string {
  return text.replace(ENDS, "");
}

/** The failure of every refusal in this area. */
export function rowError(problem: string): Z4jError {
  return new Z4jError("Z4J_SCHEDULE_ROW", `Cannot publish the schedule: ${problem}`);
}

function engineOfOwner(owner: string): string {
  return owner.split("-", 1)[0] || owner;
}

function sourceKeyOf(input: JsonObject, name: string): string {
  for (const member of ["source_key", "external_source_key", "external_id"]) {
    const value = input[member];
    if (value === undefined || !isTruthy(value)) continue;
    const key = trimmed(textOf(value));
    if (key === "") throw rowError("its source key is blank");
    return key;
  }
  return name;
}

function argsOf(value: JsonValue | undefined): JsonArray {
  if (value === undefined) return [];
  if (isJsonArray(value)) return value;
  throw rowError("its args are not an array");
}

function kwargsOf(value: JsonValue | undefined): JsonObject {
  if (value === undefined) return {};
  if (isJsonObject(value)) return value;
  throw rowError("its kwargs are not an object");
}

function isJsonArray(value: JsonValue): value is JsonArray {
  return Array.isArray(value);
}

function timeOf(input: JsonObject, member: string): string | null {
  const value = input[member];
  if (value === undefined || value === null) return null;
  const time = typeof value === "string" ? scheduleTimestamp(value) : null;
  if (time === null) throw rowError(`${member} is not an ISO time with an offset`);
  return time;
}

function totalRunsOf(value: JsonValue | undefined): number {
  if (value === undefined) return 0;
  const runs = integerOf(value);
  if (runs === null) throw rowError("total_runs is not an integer");
  if (runs < 0) throw rowError("total_runs is negative");
  return runs;
}

function integerOf(value: JsonValue): number | null {
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "number") return Number.isFinite(value) ? Math.trunc(value) + 0 : null;
  if (typeof value !== "string") return null;
  const digits = trimmed(value);
  return INTEGER.test(digits) ? Number(digits.replaceAll("_", "")) + 0 : null;
}

function textOr(input: JsonObject, member: string, fallback: string): string {
  const value = input[member];
  return value === undefined || !isTruthy(value) ? fallback : textOf(value);
}

function textOrNull(value: JsonValue | undefined): string | null {
  return value === undefined || value === null ? null : textOf(value);
}

function textOf(value: JsonValue): string {
  if (typeof value === "string") return value;
  if (typeof value === "number") return String(value);
  if (typeof value === "boolean") return value ? "True" : "False";
  throw rowError("a text member holds an array or object");
}

/** Empty texts, zero, `null` and empty containers count as false. */
function isTruthy(value: JsonValue): boolean {
  if (typeof value !== "object" || value === null) return Boolean(value);
  return Array.isArray(value) ? value.length > 0 : Object.keys(value).length > 0;
}
