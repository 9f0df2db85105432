import type { VerifyReason } from "../protocol/verify_outcome.ts";
import type { SessionEnd } from "../transport/port.ts";
import { MAX_CLOCK_OFFSET_MS } from "./limits.ts";

// Fatal error codes that mean "one of us is too old" (protocol section 3.1).
const INCOMPATIBLE: ReadonlySet<string> = new Set([
  "scheduler_upgrade_required",
  "agent_incompatible",
  "protocol_incompatible",
]);

// "Bad signature, replay or clock skew" in a session (protocol section 3).
const SIGNATURE_CODE = 4403;

/** What is known about a session whose signatures fail. */
export interface SignatureFacts {
  /** Brain clock minus our clock in milliseconds, or `null` if unknown. */
  readonly clockOffsetMs: number | null;
  /** Whether the brain has acknowledged a frame of this session. */
  readonly verified: boolean;
}

/** Corrects the class of an end with what is known about the session. */
export function sessionEnd(end: SessionEnd, facts: SignatureFacts): SessionEnd {
  return end.code === SIGNATURE_CODE ? signatureEnd(facts) : end;
}

/**
 * Why signatures fail. The handshake is not signed, so a wrong secret and a
 * wrong clock both show only now; both need a person, hence the long wait.
 */
export function signatureEnd({ clockOffsetMs, verified }: SignatureFacts): SessionEnd {
  const offset = clockOffsetMs ?? 0;
  if (Math.abs(offset) > MAX_CLOCK_OFFSET_MS) return clockEnd(offset);
  const advice = verified
    ? "signatures no longer match although they did: the HMAC secret of the project was changed " +
      "or something on the way alters or repeats frames; copy the secret again from the brain"
    : "signatures do not match: the HMAC secret is not that of the project; " +
      "copy it again from the brain";
  return { class: "auth", code: SIGNATURE_CODE, advice };
}

/**
 * The end that an inbound message asks for which failed the checks of protocol
 * sections 8 and 9 behind the parsing. A repeated frame says nothing about our
 * secret: it was signed with it.
 */
export function refusedMessageEnd(reason: VerifyReason, facts: SignatureFacts): SessionEnd {
  if (reason === "clock_skew") return clockEnd(facts.clockOffsetMs ?? 0);
  if (reason === "bad_signature") {
    if (!facts.verified) return signatureEnd(facts);
    const advice = "a message was not signed with the secret of the project; something between " +
      "the brain and this agent alters or forges messages";
    return { class: "protocol", code: null, advice };
  }
  const advice = `a message of the brain was repeated or out of sequence (${reason}); something ` +
    "between the brain and this agent repeats messages";
  return { class: "protocol", code: null, advice };
}

function clockEnd(offset: number): SessionEnd {
  const code = SIGNATURE_CODE;
  if (Math.abs(offset) <= MAX_CLOCK_OFFSET_MS) {
    const advice = "the clocks of this machine and of the brain differ by more than the 60 s " +
      "that signatures allow; set them";
    return { class: "auth", code, advice };
  }
  const seconds = Math.round(Math.abs(offset) / 1000);
  const side = offset > 0 ? "behind" : "ahead of";
  const advice = `the clock of this machine is ${seconds} s ${side} the brain's, more than the ` +
    "60 s that signatures allow; set the clock";
  return { class: "auth", code, advice };
}

/** The end that a fatal error frame of the brain asks for. */
export function fatalErrorEnd(code: string): SessionEnd {
  const isOld = INCOMPATIBLE.has(code);
  return {
    class: isOld ? "incompatible" : "protocol",
    code: null,
    advice: `the brain ended the session with the error ${code}` +
      (isOld ? "; upgrade this agent or the brain" : ""),
  };
}
