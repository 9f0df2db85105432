/** The kind of trouble, which decides how long to wait (protocol 3.1). */
export type CloseClass = "auth" | "incompatible" | "protocol" | "connection";

/** What a close code means and what helps. */
export interface CloseDescription {
  /** Decides the wait before the next attempt. */
  readonly class: CloseClass;
  /** What happened. */
  readonly meaning: string;
  /** What to do about it. */
  readonly advice: string;
}

/** Close codes that carry a meaning of their own (protocol section 3). */
export const CLOSE = {
  normal: 1000,
  goingAway: 1001,
  tooBig: 1009,
  internal: 1011,
  restart: 1012,
  displaced: 4002,
  revoked: 4003,
  malformed: 4400,
  unauthenticated: 4401,
  forbidden: 4403,
  idle: 4408,
  protocolVersion: 4426,
  agentVersion: 4427,
  tooMany: 4429,
} as const;

const RECONNECT = "nothing to do, the agent reconnects";

const TABLE: Readonly<Record<number, CloseDescription>> = {
  [CLOSE.normal]: connection("the brain ended the session", RECONNECT),
  [CLOSE.goingAway]: connection("the brain is shutting down", RECONNECT),
  [CLOSE.restart]: connection("the brain is restarting", RECONNECT),
  [CLOSE.tooBig]: connection(
    "a message was beyond the limit of the server library",
    "lower the batch size or raise the limit of the brain",
  ),
  [CLOSE.internal]: connection(
    "the brain could not process a frame, or failed itself",
    "look into the log of the brain; a frame that fails repeatedly is dropped",
  ),
  [CLOSE.displaced]: connection(
    "another connection took this worker's place",
    "if it recurs, two processes use the same worker id: give each its own",
  ),
  [CLOSE.revoked]: {
    class: "auth",
    meaning: "the agent was revoked or its project archived",
    advice: "mint a new agent on the brain and configure its token and secret",
  },
  [CLOSE.malformed]: connection(
    "the brain found a message too large or a handshake frame malformed",
    "check that agent and brain speak the same protocol version",
  ),
  [CLOSE.unauthenticated]: {
    class: "auth",
    meaning: "the token is missing, unknown or revoked, or the project is archived",
    advice: "check Z4J_TOKEN against the agent on the brain",
  },
  [CLOSE.idle]: connection("the brain heard nothing for too long", RECONNECT),
  [CLOSE.protocolVersion]: {
    class: "incompatible",
    meaning: "the brain does not support protocol version 2",
    advice: "upgrade the brain or this package",
  },
  [CLOSE.agentVersion]: {
    class: "incompatible",
    meaning: "the brain does not accept this agent version",
    advice: "upgrade this package or the brain",
  },
  [CLOSE.tooMany]: connection(
    "too many connects from this address, or too many workers on this agent",
    "lower the number of processes per token or raise the limits of the brain",
  ),
};

/**
 * Explains a close code (protocol sections 3 and 3.1).
 *
 * @param code The WebSocket close code; `null` or 0 when there was none.
 * @param phase Whether hello_ack had arrived.
 */
export function describeClose(
  code: number | null,
  phase: "handshake" | "session",
): CloseDescription {
  if (code === CLOSE.forbidden) return forbidden(phase);
  if (code === null || code === 0 || code === 1006) {
    return connection("the connection broke", "check that the brain is reachable");
  }
  return TABLE[code] ??
    connection(`the connection was closed with code ${code}`, RECONNECT);
}

// A session that ends with 4403 had its signature, replay state or clock
// refused. Only a person can mend that, hence the long waits of `auth`.
function forbidden(phase: "handshake" | "session"): CloseDescription {
  return phase === "handshake"
    ? {
      class: "auth",
      meaning: "the brain does not admit this network address",
      advice: "add the address to the allow-list of the brain",
    }
    : {
      class: "auth",
      meaning: "the brain refused the signature, the sequence or the time of a frame",
      advice: "check that the clocks agree within 60 s and that Z4J_HMAC_SECRET is current",
    };
}

function connection(meaning: string, advice: string): CloseDescription {
  return { class: "connection", meaning, advice };
}
