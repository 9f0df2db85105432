import { fail, ok, type Probe, skip } from "../probe.ts";
import { probeEvent } from "../probe_event.ts";
import { silenced } from "./proxy.ts";

/** One probe event, acknowledged by the brain. */
export const roundTripProbe: Probe = {
  id: "round_trip",
  title: "probe event",
  needs: ["secret", "clock"],
  async run(context) {
    const left = silenced(context);
    if (left !== null) return left;
    if (context.options.roundTrip === false) return skip("left out (--no-round-trip)");
    const session = await context.session();
    if (session.identity === null) {
      const full = await context.fullSession();
      return full?.kind === "proved"
        ? ok(`an event was acknowledged after ${full.ms} ms, over a WebSocket`, { ms: full.ms })
        : skip("needs the long-poll path, see secret");
    }
    const startedAt = performance.now();
    const answer = await session.post("event_batch", { events: [probeEvent()] });
    const ms = Math.round(performance.now() - startedAt);
    if (answer.kind === "answer" && answer.status === 200 && answer.json?.["accepted"] === 1) {
      return ok(`an event was acknowledged after ${ms} ms`, { ms });
    }
    if (answer.kind === "silence") return fail("Z4J_DOCTOR_EVENT_REFUSED", answer.detail);
    if (answer.status === 401 || answer.status === 403) {
      return fail("Z4J_DOCTOR_TOKEN_REVOKED", "the token is refused now");
    }
    return fail("Z4J_DOCTOR_EVENT_REFUSED", `the brain answered HTTP ${answer.status}`);
  },
};
