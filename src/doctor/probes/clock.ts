import { fail, ok, type Probe, skip, warn } from "../probe.ts";
import { silenced } from "./proxy.ts";

// The brain refuses what is more than 60 s off (protocol section 9).
const LIMIT_MS = 60_000;
const DRIFT_MS = 30_000;

/** Our clock against the brain's. */
export const clockProbe: Probe = {
  id: "clock",
  title: "clock",
  needs: ["http"],
  async run(context) {
    const left = silenced(context);
    if (left !== null) return left;
    const offsetMs = await context.clockOffsetMs();
    if (offsetMs === null) return skip("the brain does not tell the time over HTTP");
    const seconds = Math.round(Math.abs(offsetMs) / 1000);
    const facts = { offset_seconds: Math.round(offsetMs / 1000) };
    // The brain's time minus ours: a positive offset means that we are behind.
    const detail = `this clock is ${seconds} s ${offsetMs > 0 ? "behind" : "ahead of"} the brain's`;
    if (Math.abs(offsetMs) > LIMIT_MS) return fail("Z4J_DOCTOR_CLOCK_SKEW", detail, { facts });
    if (Math.abs(offsetMs) > DRIFT_MS) return warn("Z4J_DOCTOR_CLOCK_DRIFT", detail, { facts });
    return ok(seconds <= 1 ? "agrees with the brain's within a second" : detail, facts);
  },
};

/** Whether frames signed by our clock cannot pass. */
export function isSkewed(offsetMs: number | null): boolean {
  // Half a second is what the header cannot tell.
  return offsetMs !== null && Math.abs(offsetMs) > LIMIT_MS - 500;
}
