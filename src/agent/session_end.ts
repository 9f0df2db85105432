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

/** Corrects the class of an end with what is known about the session. */
export function sessionEnd(end: SessionEnd, clockOffsetMs: number | null): SessionEnd {
  return end.code === SIGNATURE_CODE ? signatureEnd(clockOffsetMs) : end;
}

/**
 * Why signatures fail. The handshake is not signed, so a wrong secret and a
 * wrong clock both show only now; both need a person, hence the long wait.
 */
export function signatureEnd(clockOffsetMs: number | null): SessionEnd {
  const offset = clockOffsetMs ?? 0;
  if (Math.abs(offset) <= MAX_CLOCK_OFFSET_MS) {
    const advice = "signatures do not match: the HMAC secret is not that of the project; " +
      "copy it again from the brain";
    return { class: "auth", code: SIGNATURE_CODE, advice };
  }
  const seconds = Math.round(Math.abs(offset) / 1000);
  const side = offset > 0 ? "behind" : "ahead of";
  const advice = `the clock of this machine is ${seconds} s ${side} the brain's, more than the ` +
    "60 s that signatures allow; set the clock";
  return { class: "auth", code: SIGNATURE_CODE, advice };
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
