import { type Clock, systemClock, TIMED_OUT, withDeadline } from "../base/clock.ts";
import { errorText } from "../base/errors.ts";
import { frameId } from "../base/ids.ts";
import { describeClose } from "../protocol/close_codes.ts";
import { type HelloPayload, PROTOCOL_VERSION } from "../protocol/frames.ts";
import { encodeHello, type HelloAckOutcome, parseHelloAck } from "../protocol/handshake_frames.ts";
import { describeDialFailure } from "./dial_failure.ts";
import type {
  OpenOutcome,
  SessionEnd,
  SessionHandlers,
  SessionTerms,
  Transport,
  TransportSession,
} from "./port.ts";
import { createSocketLink, type SocketEnd, type SocketLink } from "./socket_link.ts";
import { runtimeWebSocket, type WebSocketFactory } from "./socket_like.ts";
import { agentSocketUrl } from "./url.ts";

// How long dialling may take; the reference agent's library uses the same.
const OPEN_TIMEOUT_MS = 10_000;
// How long the agent waits for hello_ack (protocol section 2.6).
const HELLO_ACK_TIMEOUT_MS = 10_000;

/** What the WebSocket transport needs to know. */
export interface WebSocketTransportOptions {
  /** Base URL of the brain; a path prefix is kept. */
  readonly brainUrl: string;
  /** Bearer token of the agent; travels in a header only. */
  readonly token: string;
  /** Permits unencrypted traffic to other machines. Default `false`. */
  readonly allowInsecure?: boolean;
  /** How to open a socket. Default: the runtime's `WebSocket` with headers. */
  readonly webSocket?: WebSocketFactory;
  /** Time source. Default: the clock of this process. */
  readonly clock?: Clock;
}

/**
 * Reaches the brain over one WebSocket (protocol sections 2 to 4).
 *
 * @throws {Z4jError} `Z4J_SETTINGS_INVALID` when the address is unusable or
 * would send the token unencrypted to another machine.
 *
 * @example Open a session
 * ```ts
 * import type { HelloPayload } from "../protocol/frames.ts";
 * import type { SessionHandlers, TransportSession } from "./port.ts";
 * import { createWebSocketTransport } from "./websocket.ts";
 *
 * const transport = createWebSocketTransport({ brainUrl: "https://z4j.example.com", token: "t" });
 *
 * async function dial(hello: HelloPayload, handlers: SessionHandlers): Promise<TransportSession> {
 *   const outcome = await transport.open(hello, handlers, AbortSignal.timeout(15_000));
 *   if (outcome.kind === "refused") throw new Error(outcome.end.advice);
 *   return outcome.session;
 * }
 * ```
 */
export function createWebSocketTransport(options: WebSocketTransportOptions): Transport {
  const url = agentSocketUrl(options.brainUrl, options.allowInsecure ?? false);
  const clock = options.clock ?? systemClock;
  const dial = (): SocketLink =>
    createSocketLink(
      (options.webSocket ?? runtimeWebSocket)(url, {
        headers: { authorization: `Bearer ${options.token}` },
      }),
      clock,
    );
  return {
    name: "websocket",
    async open(hello, handlers, signal) {
      if (signal.aborted) return refuse(ABORTED);
      let link: SocketLink;
      try {
        link = dial();
      } catch (error) {
        return refuse(describeDialFailure(`${errorName(error)} ${errorText(error)}`));
      }
      return await openOn(link, { hello, handlers, signal, clock });
    },
  };
}

type RefusedAck = Extract<HelloAckOutcome, { readonly ok: false }>;

interface OpenContext {
  readonly hello: HelloPayload;
  readonly handlers: SessionHandlers;
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

const ABORTED: SessionEnd = {
  class: "connection",
  code: null,
  advice: "the attempt was given up because the agent stops",
};

async function openOn(link: SocketLink, context: OpenContext): Promise<OpenOutcome> {
  // Closing wakes every wait below, so an abort needs no checks of its own.
  const abort = (): void => void link.close(1000, "");
  context.signal.addEventListener("abort", abort, { once: true });
  try {
    const outcome = await shakeHands(link, context);
    if (outcome.kind === "refused") void link.close(1000, "");
    return outcome;
  } finally {
    context.signal.removeEventListener("abort", abort);
  }
}

async function shakeHands(link: SocketLink, context: OpenContext): Promise<OpenOutcome> {
  const { clock } = context;
  const opened = await withDeadline(clock, link.opened, OPEN_TIMEOUT_MS);
  if (opened === TIMED_OUT) return refuse(timeout("the connection did not open"));
  if (opened !== "open") return refuse(describeDialFailure(opened.message));
  const sentAt = clock.now();
  link.send(encodeHello(context.hello, frameId("hello"), new Date(sentAt).toISOString()));
  const reply = await withDeadline(clock, link.first(), HELLO_ACK_TIMEOUT_MS);
  if (reply === TIMED_OUT) return refuse(timeout("the brain did not answer the hello"));
  if (context.signal.aborted) return refuse(ABORTED);
  if (isEnd(reply)) return refuse(closeEnd(reply, "handshake"));
  const terms = readTerms(reply, clock.now());
  if ("class" in terms) return refuse(terms);
  return { kind: "open", session: startSession(link, terms, context.handlers) };
}

function readTerms(data: string | Uint8Array, nowMs: number): SessionTerms | SessionEnd {
  const parsed = parseHelloAck(data);
  if (!parsed.ok) return refusedAck(parsed);
  const ack = parsed.payload;
  const brainNow = parsed.ts === null ? NaN : Date.parse(parsed.ts);
  return {
    identity: { agentId: ack.agent_id, projectId: ack.project_id, sessionId: ack.session_id },
    brainVersion: ack.brain_version,
    heartbeatIntervalMs: ack.heartbeat_interval_seconds * 1000,
    maxFrameBytes: ack.max_frame_size_bytes,
    clockOffsetMs: Number.isFinite(brainNow) ? brainNow - nowMs : null,
  };
}

function refusedAck(refusal: RefusedAck): SessionEnd {
  if (refusal.reason === "protocol_version") {
    const advice = `the brain does not speak protocol version ${PROTOCOL_VERSION}; upgrade the ` +
      "older of the two";
    return { class: "incompatible", code: null, advice };
  }
  const fields = refusal.invalidFields.filter((field) => field !== "").join(", ");
  const advice = "what answers at the brain URL sent no valid hello_ack" +
    (fields === "" ? "" : ` (${fields})`);
  return { class: "protocol", code: null, advice };
}

function startSession(
  link: SocketLink,
  terms: SessionTerms,
  handlers: SessionHandlers,
): TransportSession {
  let closing = false;
  link.listen({
    message: (data) => handlers.message(data),
    ended: (end) => handlers.ended(closing ? ENDED_BY_US : closeEnd(end, "session")),
  });
  return {
    terms,
    send: (text) => !closing && link.send(text),
    bufferedBytes: () => link.bufferedBytes(),
    close(code = 1000, reason = "") {
      closing = true;
      return link.close(code, reason);
    },
  };
}

const ENDED_BY_US: SessionEnd = {
  class: "connection",
  code: 1000,
  advice: "the session was closed by this agent",
};

function closeEnd(end: SocketEnd, phase: "handshake" | "session"): SessionEnd {
  // Code 0 is how Deno spells "no close frame"; 1006 is the standard's number.
  const code = end.code === 0 ? 1006 : end.code;
  const { class: of, meaning, advice } = describeClose(code, phase);
  return { class: of, code, advice: `${meaning}; ${advice}` };
}

function isEnd(value: string | Uint8Array | SocketEnd): value is SocketEnd {
  return typeof value === "object" && !(value instanceof Uint8Array);
}

function errorName(error: unknown): string {
  return error instanceof Error ? error.name : "";
}

function timeout(what: string): SessionEnd {
  return { class: "connection", code: null, advice: `${what} within 10 s` };
}

function refuse(end: SessionEnd): OpenOutcome {
  return { kind: "refused", end };
}
