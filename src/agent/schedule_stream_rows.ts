import { Z4jError } from "../base/errors.ts";
import { hexOf } from "../base/hex.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../base/json.ts";
import { canonicalText } from "../protocol/external_schedule.ts";
import {
  type ExternalScheduleRow,
  normalizeScheduleRow,
} from "../protocol/external_schedule_row.ts";
import { scheduleTimestampOfMs } from "../protocol/external_schedule_time.ts";
import type { Schedule } from "../schedulers/contract.ts";
import type { ScheduleRedactor } from "./schedule_stream_port.ts";

/** Largest row in bytes of canonical text; leaves room in a frame (agent-wide 768 KiB). */
export const MAX_ROW_BYTES: number = 736 * 1024;

/** Passes after which redaction must have stopped to change a row. */
const MAX_REDACTION_PASSES = 4;

/** Column widths of the brain, in characters (protocol section 20.3). */
const WIDTH = {
  name: 200,
  task_name: 500,
  expression: 200,
  timezone: 100,
  queue: 200,
  source: 64,
} as const;
const KEY_WIDTH = 200;

/** A published row and the schedule behind it. */
export interface StreamRow {
  /** What the brain sees. */
  readonly row: ExternalScheduleRow;
  /** Key inside the scheduler. */
  readonly key: string;
}

/** Rows by source key, in the order of the list. */
export type StreamRows = ReadonlyMap<string, StreamRow>;

/**
 * Turns a complete list into rows that redaction no longer changes: the brain
 * redacts before it checks digests (protocol section 20.6). Keys that redaction
 * or a column would change are replaced by a digest of the key, so that two of
 * them cannot become one.
 *
 * @throws {Z4jError} `Z4J_SCHEDULE_ROW` when the list cannot be shown completely.
 */
export async function streamRows(
  list: readonly Schedule[],
  owner: string,
  engine: string | undefined,
  redactor: ScheduleRedactor,
): Promise<StreamRows> {
  const rows = new Map<string, StreamRow>();
  const names = new Set<string>();
  for (const schedule of list) {
    const sourceKey = await publicKey(schedule.key, redactor);
    if (rows.has(sourceKey)) {
      throw new Z4jError(
        "Z4J_SCHEDULE_ROW",
        `Cannot publish the schedules of ${owner}: two rows have the key "${sourceKey}"`,
      );
    }
    const name = publicName(schedule.name, sourceKey, names, redactor);
    const input = rowInput({ ...schedule, name }, sourceKey, owner, engine);
    const row = stableRow(normalizeScheduleRow(input, owner), redactor, owner);
    rows.set(sourceKey, { row: boundedRow(row), key: schedule.key });
  }
  return rows;
}

function rowInput(
  schedule: Schedule,
  sourceKey: string,
  owner: string,
  engine: string | undefined,
): JsonObject {
  return {
    source_key: sourceKey,
    external_id: sourceKey,
    scheduler: owner,
    ...(engine === undefined ? {} : { engine }),
    name: schedule.name,
    task_name: fit(schedule.taskName, WIDTH.task_name),
    kind: schedule.kind,
    expression: fit(schedule.expression, WIDTH.expression),
    timezone: fit(schedule.timezone ?? "UTC", WIDTH.timezone),
    queue: schedule.queue == null ? null : fit(schedule.queue, WIDTH.queue),
    args: schedule.args ?? [],
    kwargs: schedule.kwargs ?? {},
    is_enabled: schedule.isEnabled,
    last_run_at: timestamp(schedule.lastRunAtMs),
    next_run_at: timestamp(schedule.nextRunAtMs),
    total_runs: schedule.totalRuns ?? 0,
    source: fit(`${owner}:code`, WIDTH.source),
  };
}

function timestamp(timeMs: number | null | undefined): string | null {
  return timeMs === null || timeMs === undefined ? null : scheduleTimestampOfMs(timeMs);
}

/** Cuts by code points and drops NUL, which PostgreSQL refuses (section 11.4). */
function fit(text: string, width: number): string {
  const clean = text.replaceAll("\u0000", "");
  return clean.length <= width ? clean : Array.from(clean).slice(0, width).join("");
}

async function publicKey(key: string, redactor: ScheduleRedactor): Promise<string> {
  if (key !== "" && key.trim() === key && fit(key, KEY_WIDTH) === key) {
    if (redactor.redact(key) === key) return key;
  }
  const bytes = new TextEncoder().encode(key);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return `key-${hexOf(hash.slice(0, 12))}`;
}

/** People tell schedules apart by name: a hidden or repeated one gives way to the key. */
function publicName(
  name: string,
  sourceKey: string,
  taken: Set<string>,
  redactor: ScheduleRedactor,
): string {
  const short = fit(name, WIDTH.name).trim();
  const isClear = short !== "" && redactor.redact(short) === short && !taken.has(short);
  const chosen = isClear ? short : sourceKey;
  taken.add(chosen);
  return chosen;
}

/** Redacts at the depth of the real event, until nothing changes any more. */
function stableRow(
  row: ExternalScheduleRow,
  redactor: ScheduleRedactor,
  owner: string,
): ExternalScheduleRow {
  let current = row;
  let text = canonicalText(current);
  for (let pass = 0; pass < MAX_REDACTION_PASSES; pass++) {
    const next = normalizeScheduleRow(redactInPlace(current, redactor), owner);
    const nextText = canonicalText(next);
    if (nextText === text) return current;
    current = next;
    text = nextText;
  }
  throw new Z4jError(
    "Z4J_SCHEDULE_ROW",
    `Cannot publish the schedule "${row.name}": redaction keeps changing it`,
  );
}

function redactInPlace(row: ExternalScheduleRow, redactor: ScheduleRedactor): JsonObject {
  const event = redactor.redact({ data: { external_snapshot_frame: { schedules: [row] } } });
  let found: JsonValue | undefined = event;
  for (const step of ["data", "external_snapshot_frame", "schedules"]) {
    found = isJsonObject(found) ? found[step] : undefined;
  }
  const redacted: unknown = Array.isArray(found) ? found[0] : undefined;
  if (isJsonObject(redacted)) return redacted;
  throw new Z4jError("Z4J_SCHEDULE_ROW", "Cannot publish the schedule: redaction removed the row");
}

/** A row too large for a frame is shown without its inputs. */
function boundedRow(row: ExternalScheduleRow): ExternalScheduleRow {
  if (new TextEncoder().encode(canonicalText(row)).length <= MAX_ROW_BYTES) return row;
  return { ...row, args: ["[omitted: too large]"], kwargs: {} };
}
