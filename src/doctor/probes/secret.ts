import { CLOSE } from "@z4j/core/protocol";
import type { Answer } from "../brain_http.ts";
import type { DoctorContext } from "../context.ts";
import { fail, type Finding, ok, type Probe } from "../probe.ts";
import { isSkewed } from "./clock.ts";
import { silenced } from "./proxy.ts";

/** The secret, proved by one signed frame that changes nothing. */
export const secretProbe: Probe = {
  id: "secret",
  title: "HMAC secret",
  needs: ["token"],
  async run(context) {
    const left = silenced(context);
    if (left !== null) return left;
    const session = await context.session();
    if (session.identity === null) return await proveOverSocket(session.opening, context);
    // Informative at every brain: nothing is stored for it (protocol section 16).
    const answer = await session.post("registry_delta", {});
    const found = judge(answer);
    if (found !== "signature") return found;
    return await wrongSecretOrClock(context);
  },
};

/** Without long-poll only a whole session proves the secret. */
async function proveOverSocket(opening: Answer, context: DoctorContext): Promise<Finding> {
  if (context.values.transport === "longpoll") return unproved(opening);
  const full = await context.fullSession();
  if (full?.kind === "proved") return ok("the brain accepted a signed frame over a WebSocket");
  if (full?.kind === "ended" && full.wasOpen && full.end.code === CLOSE.forbidden) {
    return fail("Z4J_DOCTOR_SECRET_WRONG", "the brain refused the signature (4403)");
  }
  return unproved(opening);
}

function unproved(answer: Answer): Finding {
  const why = answer.kind === "silence" ? answer.detail : `HTTP ${answer.status}`;
  return fail("Z4J_DOCTOR_SECRET_UNPROVED", `the long-poll path does not answer (${why})`);
}

function judge(answer: Answer): Finding | "signature" {
  if (answer.kind === "silence") return unproved(answer);
  const { status, json } = answer;
  if (status === 200 && json?.["accepted"] === 1) return ok("the brain accepted a signed frame");
  if (status === 409) return "signature";
  if (status === 401 || status === 403) {
    const detail = "the token was good a moment ago and is refused now";
    return fail("Z4J_DOCTOR_TOKEN_REVOKED", detail, { facts: { status } });
  }
  if (status === 200 && json?.["accepted"] === 0) {
    return fail("Z4J_DOCTOR_PROTOCOL_MISMATCH", "the brain takes no frame of protocol version 2");
  }
  return unproved(answer);
}

/** Both end in the same refusal; signing with the brain's time tells them apart. */
async function wrongSecretOrClock(context: DoctorContext): Promise<Finding> {
  if (isSkewed(await context.clockOffsetMs())) {
    const retry = await (await context.shiftedSession()).post("registry_delta", {});
    if (judge(retry) !== "signature") {
      return ok("the brain accepted a frame that was signed by its own time, see clock");
    }
  }
  const detail = "the brain refused the signature (4403 on a WebSocket)";
  return fail("Z4J_DOCTOR_SECRET_WRONG", detail);
}
