import { isJsonObject, type JsonObject, type JsonValue } from "../base/json.ts";

/** What became of one event of a batch. */
export type ExternalVerdict = "accepted" | "rejected" | "withheld";

const SCHEDULE_KINDS: ReadonlySet<string> = new Set([
  "schedule.created",
  "schedule.updated",
  "schedule.deleted",
  "schedule.snapshot",
]);

/** Whether an event belongs to a sequenced stream (protocol 20.4 and 20.5). */
export function isScheduleProjection(event: JsonValue): event is JsonObject {
  return isScheduleEvent(event) && sequencedBody(event) !== null;
}

/** Whether an event is the unsequenced form that is refused (protocol 16.3). */
export function isLegacyScheduleEvent(event: JsonValue): boolean {
  return isScheduleEvent(event) && sequencedBody(event) === null;
}

/** The body of a sequenced event and what it claims to be. */
export interface SequencedBody {
  readonly form: "projection" | "frame";
  readonly body: JsonObject;
  readonly digest: string;
}

/** The body of a sequenced event, or `null` when it is the legacy form. */
export function sequencedBody(event: JsonObject): SequencedBody | null {
  const data = event["data"];
  if (!isJsonObject(data)) return null;
  const { external_projection: projection, external_snapshot_frame: frame } = data;
  if (isJsonObject(projection)) {
    return { form: "projection", body: projection, digest: textOf(data["payload_digest"]) };
  }
  return isJsonObject(frame)
    ? { form: "frame", body: frame, digest: textOf(data["frame_digest"]) }
    : null;
}

function isScheduleEvent(event: JsonValue): event is JsonObject {
  if (!isJsonObject(event)) return false;
  const { kind } = event;
  return typeof kind === "string" && SCHEDULE_KINDS.has(kind.trim());
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === "string" ? value : "";
}
