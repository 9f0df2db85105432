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
  /** Must be `"2"`; a brain refuses others with 4426. */
  readonly protocol_version: string;
  /** Version for the dashboard's badge; at most 40 characters. */
  readonly agent_version: string;
  /** Web framework; at most 40 characters, may be empty. */
  readonly framework: string;
  /** Engine names; at most 64. */
  readonly engines: readonly string[];
  /** Scheduler names; at most 64. */
  readonly schedulers: readonly string[];
  /** Tokens by engine or scheduler name (protocol section 4.3). */
  readonly capabilities: Readonly<Record<string, readonly string[]>>;
  /** Facts of the machine; the dashboard shows `name`. */
  readonly host: JsonObject;
  /** Slot of this process on its token; at most 128 characters. */
  readonly worker_id?: string | null;
  /** Free text such as `web` or `task`; at most 32 characters. */
  readonly worker_role?: string | null;
  /** Process id, an integer from 0 to 2147483647. */
  readonly worker_pid?: number | null;
  /** Start of the process, ISO time. */
  readonly worker_started_at?: string | null;
  /** Features of the agent as a whole (protocol section 4.3); at most 64. */
  readonly runtime_features?: readonly string[];
}

/** Payload of hello_ack (protocol section 4.4). */
export interface HelloAckPayload {
  /** The agent must refuse anything but `"2"`. */
  readonly protocol_version: string;
  /** Version of the brain; at most 40 characters. */
  readonly brain_version: string;
  /** Agent UUID, lower case with dashes; an input of every signature. */
  readonly agent_id: string;
  /** Project UUID of the same form; an input of every signature. */
  readonly project_id: string;
  /** Session UUID of the same form; an input of every signature. */
  readonly session_id: string;
  /** How often the brain wants a heartbeat, 1 to 3600. */
  readonly heartbeat_interval_seconds: number;
  /** Largest frame that the brain takes, 1024 to 67108864. */
  readonly max_frame_size_bytes: number;
}

/** One event inside an event_batch (protocol section 11.1). */
export interface WireEvent {
  /** UUID of version 4 or 7; equal on every delivery. */
  readonly id: string;
  /** An `EventKind`; a brain stores other text as `unknown`. */
  readonly kind: string;
  /** Engine or scheduler it comes from; not empty. */
  readonly engine: string;
  /** Engine-native id; empty for events without a task. */
  readonly task_id: string;
  /** ISO time with an offset; equal on every delivery. */
  readonly occurred_at: string;
  /** What its kind tells (protocol section 11.4). */
  readonly data: JsonObject;
}

/** Payload of event_batch_ack (protocol section 15). */
export interface EventBatchAckPayload {
  /** Frame id of the batch, cut to 64 characters. */
  readonly acked_id: string;
  /** Events that the brain took. */
  readonly received: number;
  /** New rows that it stored. */
  readonly accepted: number;
  /** Duplicates and ignored events; not to be sent again. */
  readonly rejected: number;
}

/** Cumulative loss counters (protocol section 10). */
export interface TelemetryLoss {
  /** Buffer file that the frame counters belong to; 1 to 64 characters. */
  readonly buffer_id: string;
  /** Process run that `adapter_events` belongs to; 1 to 64 characters. */
  readonly runtime_id: string;
  /** Frames that a full buffer pushed out. */
  readonly capacity_evicted_frames?: number;
  /** Frames that were refused for their content. */
  readonly content_rejected_frames?: number;
  /** Events among the lost frames. */
  readonly event_records?: number;
  /** Command results among the lost frames. */
  readonly command_results?: number;
  /** Lost frames of every other known type. */
  readonly other_frames?: number;
  /** Lost frames whose type is unknown. */
  readonly unclassified_frames?: number;
  /** Events lost before the buffer, by source; at most 32 members. */
  readonly adapter_events?: Readonly<Record<string, number>>;
}

/** Payload of heartbeat (protocol sections 10 and 13). */
export interface HeartbeatPayload {
  /** Events that wait, 0 to 10 000 000. */
  readonly buffer_size: number;
  /** ISO time; a brain takes it as the workers' last sign of life. */
  readonly last_flush_at: string | null;
  /** Events lost so far, 0 to 10 000 000. */
  readonly dropped_events: number;
  /** Counters of what was lost, or `null`. */
  readonly telemetry_loss: TelemetryLoss | null;
  /** Texts under `engine.fact`; depths and workers are JSON texts. */
  readonly adapter_health: Readonly<Record<string, string>>;
}

/** Payload of agent_status (protocol section 16.1). */
export interface AgentStatusPayload {
  /** Counters of what was lost, or `null`. */
  readonly telemetry_loss: TelemetryLoss | null;
  /** Refused credentials since the last success, at most 1 000 000. */
  readonly auth_failure_streak: number;
  /** Broken rules since the last success, at most 1 000 000. */
  readonly protocol_failure_streak: number;
  /** Failed connections since the last success, at most 1 000 000. */
  readonly connection_failure_streak: number;
  /** ISO time, or `null` before the first. */
  readonly last_successful_connect_at: string | null;
  /** Age of the open session, or `null` without one. */
  readonly current_session_age_seconds: number | null;
  /** Events that wait, 0 to 10 000 000. */
  readonly buffer_depth: number;
  /** Age of the oldest waiting event, or `null` when none waits. */
  readonly buffer_oldest_age_seconds: number | null;
  /** As in hello; at most 40 characters. */
  readonly agent_version: string;
  /** As in hello; at most 10 characters. */
  readonly protocol_version: string;
  /** Engine names; at most 32. */
  readonly engines: readonly string[];
  /** Scheduler names; at most 32. */
  readonly schedulers: readonly string[];
}

/** Payload of command (protocol section 17). */
export interface CommandPayload {
  /** Action name (protocol section 18); at most 80 characters. */
  readonly action: string;
  /** What it is about: `type`, `id`, perhaps `engine` and `scheduler`. */
  readonly target: JsonObject;
  /** Inputs of the action. */
  readonly parameters: JsonObject;
  /** How long the brain waits from dispatch, 1 to 3600. */
  readonly timeout_seconds: number;
  /** User UUID, or `null` when the brain itself asks. */
  readonly issued_by: string | null;
  /** To be repeated in both answers; at most 64 characters, or `null`. */
  readonly delivery_claim_token: string | null;
}

/** Payload of command_ack (protocol section 10). */
export interface CommandAckPayload {
  /** The token of the command, repeated. */
  readonly delivery_claim_token: string | null;
}

/** Payload of command_result (protocol sections 10 and 17.6). */
export interface CommandResultPayload {
  /** Whether the action was carried out. */
  readonly status: "success" | "failed";
  /** What it answered; `indeterminate: true` when the effect is unknown. */
  readonly result: JsonObject | null;
  /** Why it failed, at most 8192 characters, or `null`. */
  readonly error: string | null;
  /** The token of the command, repeated. */
  readonly delivery_claim_token: string | null;
}

/** Payload of error (protocol section 16.3). */
export interface ErrorPayload {
  /** Code such as `scheduler_upgrade_required`; at most 80 characters. */
  readonly code: string;
  /** Text for people; at most 8192 characters. */
  readonly message: string;
  /** Whether the receiver shall close and back off. */
  readonly fatal: boolean;
}

/** A verified frame; the payload is checked by whoever uses it. */
export interface SignedFrame {
  /** What the payload is. */
  readonly type: SignedFrameType;
  /** Frame id; for commands and their answers the command UUID. */
  readonly id: string;
  /** Sender's clock at signing, ISO time with an offset. */
  readonly ts: string;
  /** Random text, used once per session. */
  readonly nonce: string;
  /** Number of the frame in its direction and session, from 1 upwards. */
  readonly seq: number;
  /** Members by name; unchecked. */
  readonly payload: Readonly<Record<string, JsonValue>>;
}
