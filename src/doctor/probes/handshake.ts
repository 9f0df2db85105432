import { CLOSE, PROTOCOL_VERSION } from "@z4j/core/protocol";
import type { SessionEnd } from "@z4j/core/transport";
import { fail, type Finding, ok, type Probe, skip } from "../probe.ts";
import { silenced } from "./proxy.ts";

/**
 * A whole session. The last hello wins at the stock brain, so it is sent only
 * when live agents tell what they announce, or on demand.
 */
export const handshakeProbe: Probe = {
  id: "handshake",
  title: "full session",
  needs: ["websocket", "token", "clock"],
  async run(context) {
    const left = silenced(context);
    if (left !== null) return left;
    if (context.values.transport === "longpoll") return skip("Z4J_TRANSPORT is longpoll");
    const session = await context.fullSession();
    if (session === null) {
      return skip(
        "no hello is sent, as no live agent tells what to announce (--handshake sends one)",
      );
    }
    if (session.kind === "ended") return ended(session.end, session.wasOpen);
    const { brainVersion, heartbeatIntervalMs } = session.terms;
    if (session.kind === "unanswered") {
      const detail = `the brain ${brainVersion} took the session and acknowledged nothing`;
      return fail("Z4J_DOCTOR_HANDSHAKE_FAILED", detail);
    }
    const facts = { brain_version: brainVersion, heartbeat_seconds: heartbeatIntervalMs / 1000 };
    const detail = `the brain ${brainVersion} took a session of protocol ${PROTOCOL_VERSION} and ` +
      "acknowledged a batch";
    return ok(detail, facts);
  },
};

function ended({ code, class: kind, advice }: SessionEnd, wasOpen: boolean): Finding {
  const facts = { code, class: kind };
  if (kind === "incompatible") return fail("Z4J_DOCTOR_PROTOCOL_MISMATCH", advice, { facts });
  if (code === CLOSE.tooMany) return fail("Z4J_DOCTOR_WORKER_CAP", advice, { facts });
  if (code === CLOSE.revoked) return fail("Z4J_DOCTOR_TOKEN_REVOKED", advice, { facts });
  if (code === CLOSE.forbidden && wasOpen) {
    return fail("Z4J_DOCTOR_SECRET_WRONG", "the brain refused the signature (4403)", { facts });
  }
  return fail("Z4J_DOCTOR_HANDSHAKE_FAILED", advice, { facts });
}
