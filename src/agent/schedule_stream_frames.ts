import { randomUuid } from "../base/ids.ts";
import {
  canonicalText,
  projectionBody,
  projectionDigest,
  type ProjectionInput,
  snapshotFrameBody,
  snapshotFrameDigest,
  type StreamPosition,
} from "../protocol/external_schedule.ts";
import type { ExternalScheduleRow } from "../protocol/external_schedule_row.ts";

/** Most bytes of rows in one frame (protocol section 20.5). */
export const MAX_FRAME_BYTES: number = 768 * 1024;

/** Room for the members of a frame and its event around the rows. */
const FRAME_OVERHEAD_BYTES = 4096;

/** A complete snapshot as event texts, grouped into batches. */
export interface SnapshotBatches {
  /** Event texts; each group fits one `event_batch`. */
  readonly batches: readonly (readonly string[])[];
  /** Frames, the terminal one included. */
  readonly frameCount: number;
  /** Rows. */
  readonly rowCount: number;
}

/** Builds every frame of a complete snapshot (protocol section 20.5). */
export async function snapshotBatches(
  position: StreamPosition,
  rows: readonly ExternalScheduleRow[],
  reason: string,
  occurredAtMs: number,
): Promise<SnapshotBatches> {
  const body = projectionBody({ ...position, kind: "snapshot", complete: true, schedules: rows });
  const parts = partition(body.schedules);
  const common = {
    ...position,
    snapshot_id: randomUuid(),
    frame_count: parts.length,
    row_count: rows.length,
    snapshot_digest: await projectionDigest(body),
  };
  const texts: string[] = [];
  for (let index = 0; index <= parts.length; index++) {
    const schedules = parts[index] ?? [];
    const kind = index === parts.length ? "terminal" : "rows";
    const frame = snapshotFrameBody({ ...common, frame_kind: kind, frame_index: index, schedules });
    const data = {
      external_snapshot_frame: frame,
      frame_digest: await snapshotFrameDigest(frame),
      reason,
    };
    texts.push(eventText("schedule.snapshot", position.owner, data, occurredAtMs));
  }
  return { batches: grouped(texts), frameCount: texts.length, rowCount: rows.length };
}

/** Builds the event of one projection (protocol sections 20.4 and 20.7). */
export async function projectionEvent(
  input: ProjectionInput,
  reason: string,
  occurredAtMs: number,
): Promise<string> {
  const body = projectionBody(input);
  const data = { external_projection: body, payload_digest: await projectionDigest(body), reason };
  return eventText("schedule.updated", input.owner, data, occurredAtMs);
}

function eventText(kind: string, owner: string, data: object, occurredAtMs: number): string {
  return canonicalText({
    id: randomUuid(),
    kind,
    engine: owner,
    task_id: "",
    occurred_at: new Date(occurredAtMs).toISOString(),
    data,
  });
}

function partition(rows: readonly ExternalScheduleRow[]): readonly ExternalScheduleRow[][] {
  return fill(rows, (row) => canonicalText(row), MAX_FRAME_BYTES - FRAME_OVERHEAD_BYTES);
}

function grouped(texts: readonly string[]): readonly string[][] {
  return fill(texts, (text) => text, MAX_FRAME_BYTES);
}

/** Groups items in order so that each group stays within the limit. */
function fill<T>(items: readonly T[], print: (item: T) => string, limit: number): T[][] {
  const encoder = new TextEncoder();
  const groups: T[][] = [];
  let used = limit;
  for (const item of items) {
    const size = encoder.encode(print(item)).length + 1;
    const last = groups.at(-1);
    if (last === undefined || used + size > limit) {
      groups.push([item]);
      used = size;
    } else {
      last.push(item);
      used += size;
    }
  }
  return groups;
}
