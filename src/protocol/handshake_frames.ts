import type { JsonObject, JsonValue } from "../base/json.ts";
import { encodeCanonical } from "./canonical_json.ts";
import { type HelloAckPayload, type HelloPayload, PROTOCOL_VERSION } from "./frames.ts";
import { FieldCheck } from "./handshake_rules.ts";
import { type JsonTree, JsonTreeObject, parseJsonBytes, parseJsonTree } from "./json_tree.ts";
import { treeToValue } from "./json_tree.ts";
import {
  DEFAULT_HEARTBEAT_MS,
  DEFAULT_MAX_FRAME_BYTES,
  MAX_FRAME_ID_LENGTH,
  MAX_HELLO_LIST,
  MAX_MAX_FRAME_BYTES,
  MIN_MAX_FRAME_BYTES,
} from "./limits.ts";

/** What a brain finds in the first message of a socket. */
export type HelloOutcome =
  | { readonly ok: true; readonly id: string; readonly payload: HelloPayload }
  | {
    readonly ok: false;
    readonly closeCode: 4400 | 4426;
    /** Dotted places of what is wrong; one empty text when it is no hello at all. */
    readonly invalidFields: readonly string[];
  };

/** What an agent finds in the answer to its hello. */
export type HelloAckOutcome =
  | {
    readonly ok: true;
    readonly id: string;
    /** Brain clock at the answer, as it stands on the wire. */
    readonly ts: string | null;
    readonly payload: HelloAckPayload;
  }
  | {
    readonly ok: false;
    readonly reason: "malformed" | "protocol_version";
    readonly invalidFields: readonly string[];
  };

/** Prints a hello; `ts` is an ISO timestamp (protocol section 4.1). */
export function encodeHello(payload: HelloPayload, id: string, ts: string): string {
  return encodeUnsigned("hello", payload, id, ts);
}

/** Prints a hello_ack; `ts` is an ISO timestamp (protocol section 4.4). */
export function encodeHelloAck(payload: HelloAckPayload, id: string, ts: string): string {
  return encodeUnsigned("hello_ack", payload, id, ts);
}

/**
 * Reads a hello with the strict rules of protocol section 4.1. Absent optional
 * members get their defaults, unknown ones are dropped.
 */
export function parseHello(data: string | Uint8Array): HelloOutcome {
  const found = readUnsigned(data, "hello", checkHello);
  if ("invalid" in found) return { ok: false, closeCode: 4400, invalidFields: found.invalid };
  if (found.payload["protocol_version"] !== PROTOCOL_VERSION) {
    return { ok: false, closeCode: 4426, invalidFields: [] };
  }
  return { ok: true, id: found.id, payload: helloPayload(found.payload) };
}

/** Reads a hello_ack with the strict rules of protocol section 4.4. */
export function parseHelloAck(data: string | Uint8Array): HelloAckOutcome {
  const found = readUnsigned(data, "hello_ack", checkHelloAck);
  if ("invalid" in found) return { ok: false, reason: "malformed", invalidFields: found.invalid };
  const { id, ts, payload } = found;
  if (payload["protocol_version"] !== PROTOCOL_VERSION) {
    return { ok: false, reason: "protocol_version", invalidFields: [] };
  }
  return { ok: true, id, ts, payload: helloAckPayload(payload) };
}

/** Tells whether a parsed frame is a well-formed hello or hello_ack. */
export function isHandshakeFrame(tree: JsonTreeObject, type: "hello" | "hello_ack"): boolean {
  return checkUnsigned(tree, type, type === "hello" ? checkHello : checkHelloAck).length === 0;
}

type PayloadCheck = (check: FieldCheck) => void;

interface UnsignedParts {
  readonly id: string;
  readonly ts: string | null;
  readonly payload: JsonObject;
}

function encodeUnsigned(
  type: "hello" | "hello_ack",
  payload: HelloPayload | HelloAckPayload,
  id: string,
  ts: string,
): string {
  return encodeCanonical({ v: 2, type, id, ts, payload: payload as unknown as JsonObject });
}

function readUnsigned(
  data: string | Uint8Array,
  type: "hello" | "hello_ack",
  checkPayload: PayloadCheck,
): UnsignedParts | { readonly invalid: readonly string[] } {
  const tree = parseOrNull(data);
  if (!(tree instanceof JsonTreeObject) || tree.get("type") !== type) return { invalid: [""] };
  const invalid = checkUnsigned(tree, type, checkPayload);
  if (invalid.length > 0) return { invalid };
  const ts = tree.get("ts");
  return {
    id: tree.get("id") as string,
    ts: typeof ts === "string" ? ts : null,
    payload: treeToValue(tree.get("payload") as JsonTree) as JsonObject,
  };
}

function parseOrNull(data: string | Uint8Array): JsonTree {
  try {
    return typeof data === "string" ? parseJsonTree(data) : parseJsonBytes(data);
  } catch {
    return null;
  }
}

function checkUnsigned(
  tree: JsonTreeObject,
  type: "hello" | "hello_ack",
  checkPayload: PayloadCheck,
): string[] {
  const invalid: string[] = [];
  const envelope = new FieldCheck(tree, type, invalid);
  envelope.version();
  envelope.text("id", 1, MAX_FRAME_ID_LENGTH, "required");
  envelope.timestamp("ts");
  const payload = tree.get("payload");
  if (payload instanceof JsonTreeObject) {
    checkPayload(new FieldCheck(payload, `${type}.payload`, invalid));
  } else {
    invalid.push(`${type}.payload`);
  }
  return invalid;
}

function checkHello(check: FieldCheck): void {
  check.text("protocol_version", 0, 40, "required");
  check.text("agent_version", 0, 40, "required");
  check.text("framework", 0, 40, "required");
  check.texts("engines", MAX_HELLO_LIST);
  check.texts("schedulers", MAX_HELLO_LIST);
  check.textLists("capabilities");
  check.object("host");
  check.text("worker_id", 0, 128, "nullable");
  check.text("worker_role", 0, 32, "nullable");
  check.integer("worker_pid", 0, 2_147_483_647, "nullable");
  check.timestamp("worker_started_at");
  check.texts("runtime_features", MAX_HELLO_LIST);
}

function checkHelloAck(check: FieldCheck): void {
  check.text("protocol_version", 0, 40, "required");
  check.text("brain_version", 0, 40, "required");
  check.text("agent_id", 0, 64, "required");
  check.text("project_id", 0, 64, "required");
  check.text("session_id", 0, 64, "required");
  check.integer("heartbeat_interval_seconds", 1, 3600, "optional");
  check.integer("max_frame_size_bytes", MIN_MAX_FRAME_BYTES, MAX_MAX_FRAME_BYTES, "optional");
}

function helloPayload(payload: JsonObject): HelloPayload {
  const member = <T extends JsonValue>(key: string, fallback: T): T =>
    (Object.hasOwn(payload, key) ? payload[key] : fallback) as T;
  return {
    protocol_version: member("protocol_version", ""),
    agent_version: member("agent_version", ""),
    framework: member("framework", ""),
    engines: member<readonly string[]>("engines", []),
    schedulers: member<readonly string[]>("schedulers", []),
    capabilities: member<Readonly<Record<string, readonly string[]>>>("capabilities", {}),
    host: member<JsonObject>("host", {}),
    worker_id: member<string | null>("worker_id", null),
    worker_role: member<string | null>("worker_role", null),
    worker_pid: member<number | null>("worker_pid", null),
    worker_started_at: member<string | null>("worker_started_at", null),
    runtime_features: member<readonly string[]>("runtime_features", []),
  };
}

function helloAckPayload(payload: JsonObject): HelloAckPayload {
  const text = (key: string): string => payload[key] as string;
  const number = (key: string, fallback: number): number =>
    (payload[key] as number | undefined) ?? fallback;
  return {
    protocol_version: text("protocol_version"),
    brain_version: text("brain_version"),
    agent_id: text("agent_id"),
    project_id: text("project_id"),
    session_id: text("session_id"),
    heartbeat_interval_seconds: number("heartbeat_interval_seconds", DEFAULT_HEARTBEAT_MS / 1000),
    max_frame_size_bytes: number("max_frame_size_bytes", DEFAULT_MAX_FRAME_BYTES),
  };
}
