import type { Clock } from "../../src/base/clock.ts";
import { decodeHmacSecret, type HmacKey, importHmacKey } from "../../src/protocol/hmac.ts";
import type { SessionIdentity } from "../../src/protocol/identity.ts";
import { parseTimestampMs } from "../../src/protocol/timestamps.ts";
import { textOf, type VectorCase } from "./case.ts";

/** A clock that stands still until it is set. */
export interface StandingClock extends Clock {
  /** Sets the wall clock from an ISO text, the monotonic one from seconds. */
  set(now: string, monotonicSeconds?: number): void;
}

/** Creates a clock at the epoch. */
export function createStandingClock(): StandingClock {
  let now = 0;
  let monotonic = 0;
  return {
    now: () => now,
    monotonic: () => monotonic,
    setTimer: () => () => {},
    set(text, monotonicSeconds = 0) {
      const parsed = parseTimestampMs(text);
      if (parsed === null) throw new TypeError(`case has a bad time ${text}`);
      now = parsed;
      monotonic = monotonicSeconds * 1000;
    },
  };
}

/** The key of a case. */
export function keyOf(vector: VectorCase): Promise<HmacKey> {
  return importHmacKey(decodeHmacSecret(textOf(vector, "secret_b64url")));
}

/** The identities of a case. */
export function identityOf(vector: VectorCase): SessionIdentity {
  return {
    agentId: textOf(vector, "agent_id"),
    projectId: textOf(vector, "project_id"),
    sessionId: textOf(vector, "session_id"),
  };
}
