import type { SignedFrameType } from "./frames.ts";
import { type JsonTree, JsonTreeObject } from "./json_nodes.ts";
import { MAX_ADAPTER_EVENTS, MAX_FRAME_ID_LENGTH } from "./limits.ts";

/** A payload part that the receiver insists on (protocol section 8, steps 8 and 9). */
export type PayloadProblem = "bad_status" | "bad_telemetry_loss";

const COUNTERS = [
  "capacity_evicted_frames",
  "content_rejected_frames",
  "event_records",
  "command_results",
  "other_frames",
  "unclassified_frames",
] as const;

/** Checks what a receiver checks in an authenticated payload; `null` = fine. */
export function payloadProblem(
  type: SignedFrameType,
  payload: JsonTreeObject,
): PayloadProblem | null {
  if (type === "command_result") {
    const status = payload.get("status");
    return status === "success" || status === "failed" ? null : "bad_status";
  }
  if (type !== "heartbeat" && type !== "agent_status") return null;
  const loss = payload.get("telemetry_loss") ?? null;
  return loss === null || isTelemetryLoss(loss) ? null : "bad_telemetry_loss";
}

/** Validates a telemetry_loss object (protocol section 10); unknown members pass. */
export function isTelemetryLoss(tree: JsonTree): boolean {
  if (!(tree instanceof JsonTreeObject)) return false;
  if (!isName(tree.get("buffer_id")) || !isName(tree.get("runtime_id"))) return false;
  for (const counter of COUNTERS) {
    const value = tree.get(counter);
    if (value !== undefined && !isCounter(value)) return false;
  }
  const events = tree.get("adapter_events");
  if (events === undefined) return true;
  return events instanceof JsonTreeObject && events.keys.length <= MAX_ADAPTER_EVENTS &&
    events.keys.every(isName) && events.values.every(isCounter);
}

function isName(value: JsonTree | undefined): boolean {
  if (typeof value !== "string" || value === "") return false;
  return value.length <= MAX_FRAME_ID_LENGTH || [...value].length <= MAX_FRAME_ID_LENGTH;
}

// Integers within 2^53-1 are numbers in a tree; floats and bigger ones are not.
function isCounter(value: JsonTree): boolean {
  return typeof value === "number" && value >= 0;
}
