import type { JsonObject, JsonValue } from "../base/json.ts";

/** The protocol version this library speaks (protocol section 4). */
export const PROTOCOL_VERSION = "2" as const;

/** Frame types that are signed (protocol section 5). */
export type SignedFrameType =
  | "event_batch"
  | "event_batch_ack"
  | "heartbeat"
  | "command"
  | "command_ack"
  | "command_result"
  | "registry_delta"
  | "error"
  | "agent_status";

/** Every frame type, the two unsigned ones included. */
export type FrameType = SignedFrameType | "hello" | "hello_ack";

/** Who sends the frame. */
export type FrameDirection = "agent_to_brain" | "brain_to_agent";

/** Signed frame types that an agent may receive (protocol section 5). */
export const BRAIN_TO_AGENT: ReadonlySet<SignedFrameType> = new Set<SignedFrameType>([
  "event_batch_ack",
  "command",
  "error",
]);

/** Signed frame types that a brain may receive (protocol section 5). */
export const AGENT_TO_BRAIN: ReadonlySet<SignedFrameType> = new Set<SignedFrameType>([
  "event_batch",
  "heartbeat",
  "command_ack",
  "command_result",
  "registry_delta",
  "error",
  "agent_status",
]);

/** Kinds of events (protocol section 11.2). */
export type EventKind =
  | "task.sent"
  | "task.received"
  | "task.started"
  | "task.succeeded"
  | "task.failed"
  | "task.retried"
  | "task.revoked"
  | "task.rejected"
  | "worker.online"
  | "worker.offline"
  | "worker.heartbeat"
  | "queue.depth_report"
  | "schedule.run_started"
  | "schedule.run_completed"
  | "schedule.created"
  | "schedule.updated"
  | "schedule.deleted"
  | "schedule.snapshot"
  | "unknown";

/** Payload of hello (protocol section 4.1). */
export interface HelloPayload {
  readonly protocol_version: string;
  readonly agent_version: string;
  readonly framework: string;
  readonly engines: readonly string[];
  readonly schedulers: readonly string[];
  readonly capabilities: Readonly<Record<string, readonly string[]>>;
  readonly host: JsonObject;
  readonly worker_id?: string | null;
  readonly worker_role?: string | null;
  readonly worker_pid?: number | null;
  readonly worker_started_at?: string | null;
  readonly runtime_features?: readonly string[];
}

/** Payload of hello_ack (protocol section 4.4). */
export interface HelloAckPayload {
  readonly protocol_version: string;
  readonly brain_version: string;
  readonly agent_id: string;
  readonly project_id: string;
  readonly session_id: string;
  readonly heartbeat_interval_seconds: number;
  readonly max_frame_size_bytes: number;
}

/** One event inside an event_batch (protocol section 11.1). */
export interface WireEvent {
  readonly id: string;
  readonly kind: string;
  readonly engine: string;
  readonly task_id: string;
  readonly occurred_at: string;
  readonly data: JsonObject;
}

/** Payload of event_batch_ack (protocol section 15). */
export interface EventBatchAckPayload {
  readonly acked_id: string;
  readonly received: number;
  readonly accepted: number;
  readonly rejected: number;
}

/** Cumulative loss counters (protocol section 10). */
export interface TelemetryLoss {
  readonly buffer_id: string;
  readonly runtime_id: string;
  readonly capacity_evicted_frames?: number;
  readonly content_rejected_frames?: number;
  readonly event_records?: number;
  readonly command_results?: number;
  readonly other_frames?: number;
  readonly unclassified_frames?: number;
  readonly adapter_events?: Readonly<Record<string, number>>;
}

/** Payload of heartbeat (protocol sections 10 and 13). */
export interface HeartbeatPayload {
  readonly buffer_size: number;
  readonly last_flush_at: string | null;
  readonly dropped_events: number;
  readonly telemetry_loss: TelemetryLoss | null;
  readonly adapter_health: Readonly<Record<string, string>>;
}

/** Payload of agent_status (protocol section 16.1). */
export interface AgentStatusPayload {
  readonly telemetry_loss: TelemetryLoss | null;
  readonly auth_failure_streak: number;
  readonly protocol_failure_streak: number;
  readonly connection_failure_streak: number;
  readonly last_successful_connect_at: string | null;
  readonly current_session_age_seconds: number | null;
  readonly buffer_depth: number;
  readonly buffer_oldest_age_seconds: number | null;
  readonly agent_version: string;
  readonly protocol_version: string;
  readonly engines: readonly string[];
  readonly schedulers: readonly string[];
}

/** Payload of command (protocol section 17). */
export interface CommandPayload {
  readonly action: string;
  readonly target: JsonObject;
  readonly parameters: JsonObject;
  readonly timeout_seconds: number;
  readonly issued_by: string | null;
  readonly delivery_claim_token: string | null;
}

/** Payload of command_ack (protocol section 10). */
export interface CommandAckPayload {
  readonly delivery_claim_token: string | null;
}

/** Payload of command_result (protocol sections 10 and 17.6). */
export interface CommandResultPayload {
  readonly status: "success" | "failed";
  readonly result: JsonObject | null;
  readonly error: string | null;
  readonly delivery_claim_token: string | null;
}

/** Payload of error (protocol section 16.3). */
export interface ErrorPayload {
  readonly code: string;
  readonly message: string;
  readonly fatal: boolean;
}

/** A verified frame; the payload is checked by whoever uses it. */
export interface SignedFrame {
  readonly type: SignedFrameType;
  readonly id: string;
  readonly ts: string;
  readonly nonce: string;
  readonly seq: number;
  readonly payload: Readonly<Record<string, JsonValue>>;
}
