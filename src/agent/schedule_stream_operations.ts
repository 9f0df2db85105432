import { errorText } from "../base/errors.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../base/json.ts";
import type { ActionContext } from "../engines/contract.ts";
import { canonicalText, rowDigest, type StreamPosition } from "../protocol/external_schedule.ts";
import {
  type ExternalScheduleRow,
  normalizeScheduleRow,
  scheduleConfiguration,
} from "../protocol/external_schedule_row.ts";
import type { Scheduler } from "../schedulers/contract.ts";
import {
  type Authority,
  checkAuthority,
  numberMember,
  Refusal,
  textMember,
} from "./schedule_stream_authority.ts";
import { projectionEvent } from "./schedule_stream_frames.ts";
import type { StreamMemory } from "./schedule_stream_memory.ts";
import { mutate, rowOf, sameConfiguration, switchSchedule } from "./schedule_stream_mutations.ts";
import type { StreamRows } from "./schedule_stream_rows.ts";

/** What an operation needs of its stream. */
export interface OperationHost {
  /** Owner name. */
  readonly owner: string;
  /** The scheduler. */
  readonly scheduler: Scheduler;
  /** The current authority; throws before an activation. */
  authority(): Authority;
  /** What survives restarts. */
  memory(): Promise<StreamMemory>;
  /** The last sequence that was handed over. */
  sequence(): number;
  /** The rows as they were published last. */
  published(): StreamRows;
  /** The rows as they are now. */
  list(): Promise<StreamRows>;
  /** Takes the next sequence. */
  nextPosition(): StreamPosition;
  /** Publishes a complete snapshot; answers its receipt. */
  publishRows(rows: StreamRows, reason: string, context: ActionContext): Promise<JsonObject>;
  /** Publishes one event about one row. */
  publishText(
    text: string,
    key: string,
    row: ExternalScheduleRow,
    context: ActionContext,
  ): Promise<void>;
  /** Tells that rows changed beyond what was published. */
  changed(): void;
  /** Waits for an action until the deadline of its command; then it is uncertain. */
  within<T>(action: Promise<T>, context: ActionContext): Promise<T>;
  /** Unix milliseconds. */
  now(): number;
}

/** Carries out `schedule.external.control` (protocol section 20.7). */
export async function controlSchedule(
  host: OperationHost,
  parameters: JsonObject,
  context: ActionContext,
): Promise<JsonObject> {
  checkAuthority(parameters, host.authority());
  const operationId = textMember(parameters, "operation_id");
  const asked = fingerprint(parameters);
  const memory = await host.memory();
  const known = repeated(memory, operationId, asked);
  if (known !== null) return { ...known, deduplicated: true };
  const desired = await desiredRow(host, parameters);
  const before = await expectedRow(host, parameters);
  const current = rowOf(await host.list(), desired.source_key);
  if (!sameConfiguration(current.row, before)) {
    throw new Refusal("the schedule changed since the brain last saw it");
  }
  checkOnlySwitched(before, desired);
  if (current.row.is_enabled !== desired.is_enabled) {
    await switchSchedule(host, desired.is_enabled, current.key, context);
  }
  const observed = rowOf(await host.list(), desired.source_key);
  if (observed.row.is_enabled !== desired.is_enabled) {
    throw new Refusal("the schedule did not take the desired state", true);
  }
  // Everything but `next_run_at` must equal what the brain asked for; a run that
  // happened meanwhile follows with the next snapshot.
  const row = { ...desired, next_run_at: observed.row.next_run_at };
  const sequence = await publishControl(host, operationId, observed.key, row, context);
  host.changed();
  const result = {
    operation_id: operationId,
    sequence,
    projection_buffered: true,
    deduplicated: false,
  };
  await memory.addReceipt(operationId, { asked, result });
  return result;
}

/** Carries out `schedule.external.mutate` (protocol section 20.8). */
export async function mutateSchedule(
  host: OperationHost,
  parameters: JsonObject,
  context: ActionContext,
): Promise<JsonObject> {
  checkAuthority(parameters, host.authority());
  const operationId = textMember(parameters, "operation_id");
  const asked = fingerprint(parameters);
  const memory = await host.memory();
  const known = repeated(memory, operationId, asked);
  if (known !== null) return known;
  const effect = await mutate(host, parameters, context);
  // From here on the effect is there: every failure is an uncertain one.
  try {
    const rows = await host.list();
    const { sourceKey, row } = effect.observe(rows);
    const receipt = await host.publishRows(rows, `native-mutation:${operationId}`, context);
    const result: JsonObject = {
      ...receipt,
      operation_id: operationId,
      source_key: sourceKey,
      observed_configuration: row === null ? null : asJson(scheduleConfiguration(row)),
      ...(effect.triggered === undefined
        ? {}
        : { trigger_result: { status: "success", result: effect.triggered, error: null } }),
    };
    await memory.addReceipt(operationId, { asked, result });
    return result;
  } catch (error) {
    throw new Refusal(errorText(error), true);
  }
}

/** What was asked, without the place in the stream: a repeat may come later. */
function fingerprint(parameters: JsonObject): string {
  const { operation, schedule_id, definition, expected, desired_projection } = parameters;
  return canonicalText({
    operation: operation ?? null,
    schedule_id: schedule_id ?? null,
    definition: definition ?? null,
    expected: expected ?? null,
    desired_projection: desired_projection ?? null,
  });
}

function repeated(memory: StreamMemory, operationId: string, asked: string): JsonObject | null {
  const receipt = memory.receipt(operationId);
  if (receipt === null) return null;
  if (receipt.asked === asked) return receipt.result;
  throw new Refusal("the operation id was used for something else");
}

async function desiredRow(
  host: OperationHost,
  parameters: JsonObject,
): Promise<ExternalScheduleRow> {
  const value = parameters["desired_projection"];
  if (!isJsonObject(value)) throw new Refusal("desired_projection is missing");
  const row = normalizeScheduleRow(value, host.owner);
  if (row.source_key !== textMember(parameters, "source_key")) {
    throw new Refusal("desired_projection is about another schedule");
  }
  if (await rowDigest(row) !== parameters["desired_projection_digest"]) {
    throw new Refusal("the digest of desired_projection is wrong");
  }
  return row;
}

/** The published row; it must be the one the brain decided upon. */
async function expectedRow(
  host: OperationHost,
  parameters: JsonObject,
): Promise<ExternalScheduleRow> {
  const { row } = rowOf(host.published(), textMember(parameters, "source_key"));
  if (numberMember(parameters, "expected_accepted_sequence") !== host.sequence()) {
    throw new Refusal("the stream has moved on since");
  }
  if (await rowDigest(row) !== parameters["expected_projection_digest"]) {
    throw new Refusal("the schedule is not as the brain expects it");
  }
  return row;
}

function checkOnlySwitched(before: ExternalScheduleRow, desired: ExternalScheduleRow): void {
  const switched = { ...before, is_enabled: desired.is_enabled, next_run_at: desired.next_run_at };
  if (canonicalText(switched) !== canonicalText(desired)) {
    throw new Refusal("the schedule is defined in code; only is_enabled can be changed");
  }
}

async function publishControl(
  host: OperationHost,
  operationId: string,
  key: string,
  row: ExternalScheduleRow,
  context: ActionContext,
): Promise<number> {
  try {
    const position = host.nextPosition();
    const text = await projectionEvent(
      {
        ...position,
        kind: "control",
        complete: false,
        operation_id: operationId,
        schedules: [row],
      },
      "external-control",
      host.now(),
    );
    await host.publishText(text, key, row, context);
    return position.sequence;
  } catch (error) {
    throw new Refusal(errorText(error), true);
  }
}

/** Rows are JSON; interfaces only lack the index signature that says so. */
function asJson(value: object): JsonValue {
  return value as JsonObject;
}
