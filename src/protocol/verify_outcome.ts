import type { SignedFrame } from "./frames.ts";
import type { JsonTree } from "./json_nodes.ts";
import type { PayloadProblem } from "./payload_rules.ts";
import type { ReplayProblem } from "./replay_guard.ts";

/** Why a frame was not accepted, in the order of the checks (protocol section 8). */
export type VerifyReason =
  | "not_json"
  | "not_object"
  | "bad_version"
  | "unsupported_version"
  | "bad_type"
  | "handshake_frame"
  | "malformed_handshake"
  | "unknown_type"
  | "bad_payload"
  | "unprintable"
  | "bad_hmac"
  | "bad_signature"
  | PayloadProblem
  | "wrong_direction"
  | ReplayProblem
  | "internal";

/** The code a brain closes with; `null` keeps the session open. */
export type VerifyCloseCode = 1011 | 4403 | 4400 | null;

/** A frame that was not accepted. */
export interface VerifyRefusal {
  /** Tells it from an accepted frame. */
  readonly ok: false;
  /** The first rule that the frame broke. */
  readonly reason: VerifyReason;
  /** What a brain does with the session. */
  readonly closeCode: VerifyCloseCode;
  /** One line for logs, without content of the frame. */
  readonly message: string;
}

/** The verdict on one message. */
export type VerifyOutcome =
  | {
    readonly ok: true;
    readonly frame: SignedFrame;
    /** The payload with numbers as written. */
    readonly tree: JsonTree;
  }
  | VerifyRefusal;

const CLOSE_4403: ReadonlySet<VerifyReason> = new Set<VerifyReason>([
  "bad_signature",
  "bad_seq",
  "bad_nonce",
  "bad_ts",
  "clock_skew",
  "stale_seq",
  "reused_nonce",
]);

const MESSAGES: Readonly<Record<VerifyReason, string>> = {
  not_json: "the message is no strict JSON",
  not_object: "the message is no JSON object",
  bad_version: "v is missing or no integer",
  unsupported_version: "v is not 2",
  bad_type: "type is missing or no text",
  handshake_frame: "a handshake frame arrived in an established session",
  malformed_handshake: "a malformed handshake frame arrived in an established session",
  unknown_type: "type is unknown",
  bad_payload: "payload is no object",
  unprintable: "the frame holds a number or text that cannot be signed",
  bad_hmac: "hmac is no ASCII text",
  bad_signature: "the signature does not match; secrets or session differ",
  bad_status: "status of command_result is neither success nor failed",
  bad_telemetry_loss: "telemetry_loss breaks its rules",
  wrong_direction: "the frame type does not belong to this direction",
  bad_seq: "seq is no integer of at least 1",
  bad_nonce: "nonce is missing or empty",
  bad_ts: "ts is no timestamp with an offset",
  clock_skew: "ts is more than 60 s off; check both clocks",
  stale_seq: "seq does not increase",
  reused_nonce: "nonce was used before",
  internal: "the frame could not be checked",
};

/** Builds the refusal of a reason with its close code (protocol section 8). */
export function refuse(reason: VerifyReason): VerifyRefusal {
  return { ok: false, reason, closeCode: closeCodeOf(reason), message: MESSAGES[reason] };
}

/** What the HTTP upload does with a frame (protocol sections 22.4 and 22.5). */
export type UploadEffect = "dispatched" | "dropped" | "rejected" | "session_invalidated";

/**
 * Maps a verdict to the effect on an HTTP upload: `dropped` frames count as
 * accepted, `rejected` ones are to be sent again, `session_invalidated`
 * answers 409 and forgets the session nonce.
 */
export function uploadEffect(outcome: VerifyOutcome): UploadEffect {
  if (outcome.ok || outcome.reason === "wrong_direction") return "dispatched";
  if (outcome.reason === "unsupported_version") return "rejected";
  return outcome.closeCode === 4403 ? "session_invalidated" : "dropped";
}

function closeCodeOf(reason: VerifyReason): VerifyCloseCode {
  if (CLOSE_4403.has(reason)) return 4403;
  if (reason === "malformed_handshake") return 4400;
  return reason === "handshake_frame" || reason === "wrong_direction" ? null : 1011;
}
