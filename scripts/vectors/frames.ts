import { isZ4jError } from "../../src/base/errors.ts";
import type { FrameDirection } from "../../src/protocol/frames.ts";
import { isObject, parseFrame, signedText } from "../../src/protocol/frame_text.ts";
import {
  type HelloOutcome,
  isHandshakeFrame,
  parseHello,
  parseHelloAck,
} from "../../src/protocol/handshake_frames.ts";
import type { HmacKey } from "../../src/protocol/hmac.ts";
import { JsonTreeObject } from "../../src/protocol/json_tree.ts";
import {
  createFrameVerifier,
  uploadEffect,
  type VerifyOutcome,
} from "../../src/protocol/signing.ts";
import { differs, firstOf, textOf, type VectorCase } from "./case.ts";
import { createStandingClock, identityOf, keyOf } from "./session.ts";

// What the reference calls the effects of an upload.
const UPLOAD_EFFECTS = {
  dispatched: "dispatched",
  dropped: "counted accepted (dropped)",
  rejected: "counted rejected (retry)",
  session_invalidated: "http 409, session nonce invalidated",
} as const;

/** Checks the verdict, the digest, the canonical text and the close code. */
export async function check(vector: VectorCase): Promise<string | null> {
  if (vector["signed"] === false) return checkHandshake(vector);
  const key = await keyOf(vector);
  const plain = await verify(vector, key, false);
  const gateway = await verify(vector, key, true);
  return firstOf(
    differs("valid", plain.ok, vector["valid"]),
    differs("canonical", canonicalOf(vector), vector["canonical"]),
    await digestDiffers(vector, key),
    errorDiffers(vector, plain),
    "brain_ws_close" in vector
      ? differs("brain_ws_close", closeCode(gateway), vector["brain_ws_close"])
      : null,
    "brain_longpoll" in vector
      ? differs("brain_longpoll", UPLOAD_EFFECTS[uploadEffect(gateway)], vector["brain_longpoll"])
      : null,
  );
}

function verify(
  vector: VectorCase,
  key: HmacKey,
  enforceDirection: boolean,
): Promise<VerifyOutcome> {
  const clock = createStandingClock();
  clock.set(textOf(vector, "now"));
  const identity = identityOf(vector);
  const direction = directionOf(vector);
  return createFrameVerifier({ key, identity, direction, clock, enforceDirection })
    .verify(textOf(vector, "frame_text"));
}

function directionOf(vector: VectorCase): FrameDirection {
  const direction = textOf(vector, "direction");
  if (direction === "agent->brain") return "agent_to_brain";
  if (direction === "brain->agent") return "brain_to_agent";
  throw new TypeError(`unknown direction ${direction}`);
}

function closeCode(outcome: VerifyOutcome): number | null {
  return outcome.ok ? null : outcome.closeCode;
}

function canonicalOf(vector: VectorCase): string | null {
  try {
    const parsed = parseFrame(textOf(vector, "frame_text"));
    if (!isObject(parsed)) return null;
    return signedText(parsed, identityOf(vector));
  } catch (error) {
    if (isZ4jError(error)) return null;
    throw error;
  }
}

// `hmac` is the digest that the frame carries. A frame that is refused for
// other reasons than its signature still proves the computation.
async function digestDiffers(vector: VectorCase, key: HmacKey): Promise<string | null> {
  const canonical = vector["canonical"];
  const proven = vector["valid"] === true || vector["correctly_signed"] === true;
  if (!proven || typeof canonical !== "string") return null;
  return differs("hmac", await key.sign(canonical), vector["hmac"]);
}

const ERROR_CLASSES: Readonly<Record<string, readonly string[]>> = {
  ProtocolVersionError: ["unsupported_version"],
  SignatureError: [
    "bad_signature",
    "bad_seq",
    "bad_nonce",
    "bad_ts",
    "clock_skew",
    "stale_seq",
    "reused_nonce",
  ],
  TypeError: ["bad_hmac"],
  UnicodeEncodeError: ["unprintable"],
  ProtocolError: [
    "not_json",
    "not_object",
    "bad_version",
    "bad_type",
    "unknown_type",
    "bad_payload",
    "bad_status",
    "bad_telemetry_loss",
  ],
  // Numbers that are not finite do not print, integers too long do not parse.
  ValueError: ["unprintable", "not_json"],
  UnicodeDecodeError: ["not_json"],
  RecursionError: ["not_json", "unprintable"],
  JSONDecodeError: ["not_json"],
  ValidationError: ["malformed_handshake"],
};

function errorDiffers(vector: VectorCase, outcome: VerifyOutcome): string | null {
  const name = vector["error_class"];
  if (typeof name !== "string") return null;
  const reasons = ERROR_CLASSES[name];
  if (reasons === undefined) return `unknown error class ${name}`;
  if (outcome.ok) return `accepted, expected ${name}`;
  return reasons.includes(outcome.reason)
    ? null
    : `reason: got ${outcome.reason}, expected ${name}`;
}

// The model cases say whether a frame is well-formed; the version of the
// protocol is judged after that.
function checkHandshake(vector: VectorCase): string | null {
  const text = textOf(vector, "frame_text");
  const hello = parseHello(text);
  const expected = { valid: vector["valid"], fields: vector["invalid_fields"] ?? [] };
  if (!isAck(vector, text)) {
    const valid = hello.ok || hello.closeCode === 4426;
    const fields = hello.ok ? [] : hello.invalidFields;
    return firstOf(
      differs("hello", { valid, fields }, expected),
      parsedDiffers(vector, hello),
    );
  }
  const ack = parseHelloAck(text);
  const valid = ack.ok || ack.reason === "protocol_version";
  const fields = ack.ok ? [] : ack.invalidFields;
  return firstOf(
    differs("hello_ack", { valid, fields }, expected),
    ack.ok ? differs("payload", ack.payload, payloadOf(vector) ?? ack.payload) : null,
  );
}

function parsedDiffers(vector: VectorCase, hello: HelloOutcome): string | null {
  const expected = payloadOf(vector);
  if (!hello.ok || expected === undefined) return null;
  // The reference prints times anew; only the instant can be compared.
  return differs("payload", withoutTime(hello.payload), withoutTime(expected));
}

function withoutTime(payload: object): object {
  return { ...payload, worker_started_at: null };
}

function payloadOf(vector: VectorCase): object | undefined {
  return (vector["parsed"] as { readonly payload?: object } | undefined)?.payload;
}

function isAck(vector: VectorCase, text: string): boolean {
  if (vector["type"] === "hello_ack") return true;
  try {
    const { tree } = parseFrame(text);
    return tree instanceof JsonTreeObject && tree.get("type") === "hello_ack" &&
      (vector["valid"] === true) === isHandshakeFrame(tree, "hello_ack");
  } catch {
    return false;
  }
}
