import type { Clock } from "../base/clock.ts";
import { isZ4jError } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { isObject, type ParsedFrame, parseFrame, signedText } from "./frame_text.ts";
import {
  AGENT_TO_BRAIN,
  BRAIN_TO_AGENT,
  type FrameDirection,
  type SignedFrameType,
} from "./frames.ts";
import { isHandshakeFrame } from "./handshake_frames.ts";
import type { HmacKey } from "./hmac.ts";
import type { SessionIdentity } from "./identity.ts";
import { JsonFloat, type JsonTree, JsonTreeObject, treeToValue } from "./json_tree.ts";
import { payloadProblem } from "./payload_rules.ts";
import { createReplayGuard } from "./replay_guard.ts";
import { refuse, type VerifyOutcome, type VerifyReason } from "./verify_outcome.ts";

/** What a verifier needs; one verifier serves one session and direction. */
export interface FrameVerifierOptions {
  /** The imported project secret. */
  readonly key: HmacKey;
  /** The identities of the session. */
  readonly identity: SessionIdentity;
  /** Which frames arrive here. */
  readonly direction: FrameDirection;
  /** Our time. */
  readonly clock: Clock;
  /**
   * Whether authentic frames of the other direction are refused. Default
   * `true`; the reference receiver takes them.
   */
  readonly enforceDirection?: boolean;
}

/** Verifies the frames of one session in one direction. */
export interface FrameVerifier {
  /** Judges a message. Never rejects; calls are judged in their order. */
  verify(data: string | Uint8Array): Promise<VerifyOutcome>;
}

const SIGNED_TYPES: ReadonlySet<string> = new Set<string>([...AGENT_TO_BRAIN, ...BRAIN_TO_AGENT]);
const HMAC_HEX_LENGTH = 64;
const EMPTY_PAYLOAD = new JsonTreeObject([], []);

/**
 * Creates a verifier with the checks of protocol section 8 in their order; the
 * replay guard comes last, so that a forged frame cannot advance it.
 */
export function createFrameVerifier(options: FrameVerifierOptions): FrameVerifier {
  const { key, identity, clock } = options;
  const guard = createReplayGuard(clock);
  const admitted = options.direction === "agent_to_brain" ? AGENT_TO_BRAIN : BRAIN_TO_AGENT;
  const anyDirection = options.enforceDirection === false;
  let tail: Promise<unknown> = Promise.resolve();

  const finish = (candidate: Candidate): VerifyOutcome => {
    const { type, tree, payload } = candidate;
    const problem = payloadProblem(type, payload);
    if (problem !== null) return refuse(problem);
    if (!anyDirection && !admitted.has(type)) return refuse("wrong_direction");
    const replay = guard.admit({
      seq: tree.get("seq"),
      nonce: tree.get("nonce"),
      ts: tree.get("ts"),
    });
    return replay === null ? accept(candidate) : refuse(replay);
  };

  const judge = async (
    data: string | Uint8Array,
    earlier: Promise<unknown>,
  ): Promise<VerifyOutcome> => {
    const candidate = examine(data, identity);
    const signed = typeof candidate === "string"
      ? false
      : await key.verify(candidate.text, candidate.hmac);
    await earlier;
    if (typeof candidate === "string") return refuse(candidate);
    return signed ? finish(candidate) : refuse("bad_signature");
  };

  return {
    verify(data) {
      const outcome = judge(data, tail).catch(() => refuse("internal"));
      tail = outcome;
      return outcome;
    },
  };
}

interface Candidate {
  readonly type: SignedFrameType;
  readonly tree: JsonTreeObject;
  readonly payload: JsonTreeObject;
  readonly text: string;
  readonly hmac: string;
}

// Steps 1 to 7, except for the comparison of the digest.
function examine(data: string | Uint8Array, identity: SessionIdentity): Candidate | VerifyReason {
  const parsed = attempt(() => parseFrame(data));
  if (parsed === null) return "not_json";
  if (!isObject(parsed)) return "not_object";
  const { tree } = parsed;
  const problem = envelopeProblem(tree);
  if (problem !== null) return problem;
  const text = attempt(() => signedText(parsed, identity));
  if (text === null) return "unprintable";
  const hmac = tree.get("hmac");
  const form = hmacProblem(hmac);
  if (form !== null) return form;
  return {
    type: tree.get("type") as SignedFrameType,
    tree,
    payload: (tree.get("payload") ?? EMPTY_PAYLOAD) as JsonTreeObject,
    text,
    hmac: hmac as string,
  };
}

function envelopeProblem(tree: JsonTreeObject): VerifyReason | null {
  const version = tree.get("v") ?? null;
  if (version !== null) {
    if (typeof version !== "number" && typeof version !== "bigint") return "bad_version";
    if (version !== 2) return "unsupported_version";
  }
  const type = tree.get("type");
  if (typeof type !== "string") return "bad_type";
  if (type === "hello" || type === "hello_ack") {
    return isHandshakeFrame(tree, type) ? "handshake_frame" : "malformed_handshake";
  }
  if (!SIGNED_TYPES.has(type)) return "unknown_type";
  if (version === null) return "bad_version";
  const payload = tree.get("payload") ?? null;
  return payload === null || payload instanceof JsonTreeObject ? null : "bad_payload";
}

// A missing or short hmac is a signature error; one that no digest comparison
// takes is a protocol error (protocol sections 3 and 8).
function hmacProblem(hmac: JsonTree | undefined): VerifyReason | null {
  if (typeof hmac !== "string") {
    const number = hmac instanceof JsonFloat ? hmac.value : hmac;
    const unsized = number === true || typeof number === "bigint" ||
      (typeof number === "number" && number !== 0);
    return unsized ? "bad_hmac" : "bad_signature";
  }
  if (hmac.length < HMAC_HEX_LENGTH || [...hmac].length !== HMAC_HEX_LENGTH) return "bad_signature";
  // deno-lint-ignore no-control-regex
  return /^[\x00-\x7f]*$/.test(hmac) ? null : "bad_hmac";
}

function accept({ type, tree, payload }: Candidate): VerifyOutcome {
  const id = tree.get("id");
  const frame = {
    type,
    id: typeof id === "string" ? id : "",
    ts: tree.get("ts") as string,
    nonce: tree.get("nonce") as string,
    seq: Number(tree.get("seq")),
    payload: treeToValue(payload) as JsonObject,
  };
  return { ok: true, frame, tree: payload };
}

function attempt<T extends ParsedFrame | string>(action: () => T): T | null {
  try {
    return action();
  } catch (error) {
    if (isZ4jError(error)) return null;
    throw error;
  }
}
