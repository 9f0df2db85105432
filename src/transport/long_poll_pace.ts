import { type Clock, sleep } from "../base/clock.ts";
import { REQUEST_BURST, REQUESTS_PER_MINUTE } from "./long_poll_limits.ts";

/** Keeps requests below the rate that a brain refuses. */
export interface RequestPace {
  /** Resolves when the next request may go, or when the signal aborts. */
  turn(signal: AbortSignal): Promise<void>;
}

const EACH_MS = 60_000 / REQUESTS_PER_MINUTE;

/** Creates a pace with a full burst; it outlives sessions, as the count of the brain does. */
export function createRequestPace(clock: Clock): RequestPace {
  let atMs = clock.monotonic() - REQUEST_BURST * EACH_MS;
  return {
    async turn(signal) {
      const now = clock.monotonic();
      atMs = Math.max(atMs, now - REQUEST_BURST * EACH_MS) + EACH_MS;
      if (atMs > now) await sleep(clock, atMs - now, signal);
    },
  };
}
