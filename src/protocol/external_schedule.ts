import { hexOf } from "../base/hex.ts";
import type { JsonObject, JsonValue } from "../base/json.ts";
import { encodeCanonical } from "./canonical_json.ts";
import {
  checkOwner,
  type ExternalScheduleRow,
  normalizeScheduleRow,
  rowError,
  trimmed,
} from "./external_schedule_row.ts";
import { compareCodePoints } from "./json_text.ts";

/** Version of the bodies (protocol section 20.4). */
export const EXTERNAL_SCHEDULE_VERSION = 1;

/** What a projection says (protocol section 20.4). */
export type ProjectionKind = "snapshot" | "created" | "updated" | "deleted" | "control";

const KINDS: ReadonlySet<string> = new Set<ProjectionKind>([
  "snapshot",
  "created",
  "updated",
  "deleted",
  "control",
]);

/** The brain's permission to publish one epoch, and the place in it. */
export interface StreamPosition {
  readonly stream_id: string;
  readonly epoch_uuid: string;
  readonly epoch_number: number;
  readonly sequence: number;
  readonly owner: string;
  readonly source_scope: string;
  readonly adapter_instance_id: string;
  readonly stable_source: boolean;
}

/** What a projection is built from. */
export interface ProjectionInput extends StreamPosition {
  readonly kind: string;
  readonly complete: boolean;
  readonly schedules: readonly (JsonObject | ExternalScheduleRow)[];
  readonly deleted_source_keys?: readonly string[] | null | undefined;
  readonly operation_id?: string | null | undefined;
}

/** A projection body: closed, rows sorted and unique (protocol section 20.4). */
export interface ProjectionBody extends StreamPosition {
  readonly protocol_version: number;
  readonly kind: string;
  readonly complete: boolean;
  readonly operation_id: string | null;
  readonly schedules: readonly ExternalScheduleRow[];
  readonly deleted_source_keys: readonly string[];
}

/** What a snapshot frame is built from. */
export interface SnapshotFrameInput extends StreamPosition {
  readonly snapshot_id: string;
  readonly frame_kind: string;
  readonly frame_index: number;
  readonly frame_count: number;
  readonly row_count: number;
  readonly snapshot_digest: string;
  readonly schedules: readonly (JsonObject | ExternalScheduleRow)[];
}

/** A snapshot frame body (protocol section 20.5). */
export interface SnapshotFrameBody extends Omit<SnapshotFrameInput, "schedules"> {
  readonly protocol_version: number;
  readonly schedules: readonly ExternalScheduleRow[];
}

/** Prints a body as canonical JSON; a parameter where numbers keep their tokens. */
export type PrintCanonical = (body: JsonValue) => string;

const DIGEST = /^[0-9a-f]{64}$/;

/** The `source_scope` of an owner (protocol section 20.1). */
export function scheduleScope(owner: string): string {
  checkOwner(owner);
  return encodeCanonical({ kind: "scheduler-owner", owner, version: EXTERNAL_SCHEDULE_VERSION });
}

/**
 * Builds a projection body with normalised, sorted rows.
 *
 * @throws {Z4jError} `Z4J_SCHEDULE_ROW` when the body would be refused.
 */
export function projectionBody(input: ProjectionInput): ProjectionBody {
  const position = positionOf(input);
  if (!KINDS.has(input.kind)) throw rowError("its projection kind is unknown");
  const schedules = sortedRows(input.schedules, input.owner);
  const deleted = new Set(
    (input.deleted_source_keys ?? []).map(trimmed).filter((key) => key !== ""),
  );
  if (schedules.some((row) => deleted.has(row.source_key))) {
    throw rowError("the projection both shows and deletes one source key");
  }
  return {
    ...position,
    protocol_version: EXTERNAL_SCHEDULE_VERSION,
    kind: input.kind,
    complete: input.complete,
    operation_id: input.operation_id ?? null,
    schedules,
    deleted_source_keys: [...deleted].sort(compareCodePoints),
  };
}

/**
 * Builds a snapshot frame body: row frames are never empty and numbered from 0,
 * the terminal frame has the number after them and no rows.
 *
 * @throws {Z4jError} `Z4J_SCHEDULE_ROW` when the frame would be refused.
 */
export function snapshotFrameBody(input: SnapshotFrameInput): SnapshotFrameBody {
  const position = positionOf(input);
  if (input.snapshot_id === "") throw rowError("the snapshot has no identity");
  checkFrame(input);
  return {
    ...position,
    protocol_version: EXTERNAL_SCHEDULE_VERSION,
    snapshot_id: input.snapshot_id,
    frame_kind: input.frame_kind,
    frame_index: input.frame_index,
    frame_count: input.frame_count,
    row_count: input.row_count,
    snapshot_digest: input.snapshot_digest,
    schedules: sortedRows(input.schedules, input.owner),
  };
}

/** SHA-256 of the canonical text of a projection, as hex. */
export function projectionDigest(body: ProjectionBody, print?: PrintCanonical): Promise<string> {
  return digestOf(body, print);
}

/** SHA-256 of the canonical text of a snapshot frame, as hex. */
export function snapshotFrameDigest(
  body: SnapshotFrameBody,
  print?: PrintCanonical,
): Promise<string> {
  return digestOf(body, print);
}

/** SHA-256 of the canonical text of a row, as hex. */
export function rowDigest(row: ExternalScheduleRow): Promise<string> {
  return digestOf(row);
}

/** The canonical text of a body, row or part of one. */
export function canonicalText(body: object, print: PrintCanonical = encodeCanonical): string {
  // Every member is JSON; interfaces lack the index signature that says so.
  return print(body as JsonObject);
}

async function digestOf(body: object, print?: PrintCanonical): Promise<string> {
  const bytes = new TextEncoder().encode(canonicalText(body, print));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return hexOf(hash);
}

function positionOf(input: StreamPosition): StreamPosition {
  checkOwner(input.owner);
  if (!(input.epoch_number >= 1 && input.sequence >= 1)) {
    throw rowError("epoch and sequence must be positive");
  }
  if (input.adapter_instance_id === "") throw rowError("the adapter instance is missing");
  return {
    stream_id: input.stream_id,
    epoch_uuid: input.epoch_uuid,
    epoch_number: Math.trunc(input.epoch_number),
    sequence: Math.trunc(input.sequence),
    owner: input.owner,
    source_scope: input.source_scope,
    adapter_instance_id: input.adapter_instance_id,
    stable_source: input.stable_source,
  };
}

function checkFrame(input: SnapshotFrameInput): void {
  const { frame_kind: kind, frame_index: index, frame_count: count } = input;
  if (kind !== "rows" && kind !== "terminal") throw rowError("the frame kind is unknown");
  if (!DIGEST.test(input.snapshot_digest)) throw rowError("the snapshot digest is malformed");
  if (!(index >= 0 && count >= 0 && input.row_count >= 0 && index <= count)) {
    throw rowError("the frame is out of bounds");
  }
  if (kind === "rows" && (input.schedules.length === 0 || index >= count)) {
    throw rowError("a row frame is empty or out of bounds");
  }
  if (kind === "terminal" && (input.schedules.length > 0 || index !== count)) {
    throw rowError("the terminal frame is malformed");
  }
}

function sortedRows(
  rows: readonly (JsonObject | ExternalScheduleRow)[],
  owner: string,
): readonly ExternalScheduleRow[] {
  const normalized = rows.map((row) => normalizeScheduleRow(row as JsonObject, owner));
  normalized.sort((a, b) => compareCodePoints(a.source_key, b.source_key));
  for (const [index, row] of normalized.entries()) {
    if (normalized[index + 1]?.source_key === row.source_key) {
      throw rowError("two rows have one source key");
    }
  }
  return normalized;
}
