import { type Clock, systemClock } from "../base/clock.ts";
import { randomUuid } from "../base/ids.ts";
import { type Logger, noopLogger } from "../base/logger.ts";
import type { HelloPayload } from "../protocol/frames.ts";
import { type BodyLimit, createBodyLimit } from "./long_poll_body.ts";
import { end, endOfAnswer } from "./long_poll_end.ts";
import {
  createLongPollHttp,
  type FetchLike,
  type HttpAnswer,
  type LongPollHttp,
} from "./long_poll_http.ts";
import { LONG_POLL_HEARTBEAT_MS, PROBE_TIMEOUT_MS } from "./long_poll_limits.ts";
import { createRequestPace } from "./long_poll_pace.ts";
import { COMMANDS_PATH, startLongPollSession } from "./long_poll_session.ts";
import type { OpenOutcome, SessionEnd, SessionHandlers, SessionTerms, Transport } from "./port.ts";
import { brainHttpUrl } from "./long_poll_url.ts";

export type { FetchLike };

/** What the long-poll transport needs to know. */
export interface LongPollTransportOptions {
  /** Base URL of the brain; a path prefix is kept. */
  readonly brainUrl: string;
  /** Bearer token of the agent; travels in a header only. */
  readonly token: string;
  /** Permits unencrypted traffic to other machines. Default `false`. */
  readonly allowInsecure?: boolean;
  /** How to reach the network. Default: the runtime's `fetch`. */
  readonly fetch?: FetchLike;
  /** Time source. Default: the clock of this process. */
  readonly clock?: Clock;
  /** Where a frame is told that finds no room. Default: nowhere. */
  readonly logger?: Logger;
}

/**
 * Reaches the brain with plain HTTP requests, for networks that let no
 * WebSocket through (protocol section 22).
 *
 * There is no hello here, so the brain shows neither engines nor workers of
 * this agent, and external schedules stay silent. A frame counts as delivered
 * when the brain answers the POST that carried it; `SessionHandlers.delivered`
 * tells.
 *
 * @throws {Z4jError} `Z4J_SETTINGS_INVALID` when the address is unusable or
 * would send the token unencrypted to another machine.
 *
 * @example Reach a brain over plain HTTP
 * ```ts
 * import { createLongPollTransport } from "@z4j/core/transport";
 * import { equal } from "node:assert/strict";
 *
 * const transport = createLongPollTransport({ brainUrl: "https://z4j.example.com", token: "t" });
 * equal(transport.name, "longpoll");
 * ```
 */
export function createLongPollTransport(options: LongPollTransportOptions): Transport {
  const { token } = options;
  const base = brainHttpUrl(options.brainUrl, options.allowInsecure ?? false);
  const clock = options.clock ?? systemClock;
  const fetch = options.fetch ?? runtimeFetch;
  const logger = options.logger ?? noopLogger;
  const limit = createBodyLimit(clock);
  const pace = createRequestPace(clock);
  return {
    name: "longpoll",
    open(hello, handlers, signal) {
      // A fresh nonce for each session; it is the session id of the signatures.
      const nonce = randomUuid();
      const http = createLongPollHttp({ base, token, nonce, fetch, clock, pace });
      return openSession({ http, nonce, hello, handlers, signal, clock, limit, logger });
    },
  };
}

const runtimeFetch: FetchLike = (url, init) => globalThis.fetch(url, init);

interface OpenContext {
  readonly http: LongPollHttp;
  readonly nonce: string;
  readonly hello: HelloPayload;
  readonly handlers: SessionHandlers;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly limit: BodyLimit;
  readonly logger: Logger;
}

async function openSession(context: OpenContext): Promise<OpenOutcome> {
  const { http, handlers, signal, clock, limit } = context;
  const answer = await probe(context);
  if (signal.aborted) return refuse(ABORTED);
  const terms = readTerms(answer, context);
  if ("class" in terms) return refuse(terms);
  await limit.measure(http, signal);
  if (signal.aborted) return refuse(ABORTED);
  const session = startLongPollSession({
    http,
    limit,
    handlers,
    clock,
    logger: context.logger,
    terms: { ...terms, maxFrameBytes: limit.frameBytes },
    pollHeaders: contractHeaders(context.hello),
  });
  return { kind: "open", session };
}

/** Registers the nonce and claims nothing (protocol section 22.3). */
async function probe({ http, hello, signal }: OpenContext): Promise<HttpAnswer> {
  const headers = { ...contractHeaders(hello), ...featureHeaders(hello) };
  const ask = (frames: number): Promise<HttpAnswer> =>
    http.request({
      path: `${COMMANDS_PATH}?wait=0&max_frames=${frames}`,
      headers,
      timeoutMs: PROBE_TIMEOUT_MS,
    }, signal);
  const answer = await ask(0);
  // Brains before 1.7.1 know no poll for nothing.
  return answer.kind === "answer" && answer.status === 422 ? await ask(1) : answer;
}

function readTerms(answer: HttpAnswer, context: OpenContext): SessionTerms | SessionEnd {
  if (answer.kind === "silence" || answer.status !== 200) return endOfAnswer(answer);
  const agentId = answer.headers.get("x-z4j-agent-id");
  const projectId = answer.headers.get("x-z4j-project-id");
  const frames = answer.body["frames"];
  if (agentId === null || projectId === null || !Array.isArray(frames)) {
    const advice =
      "what answers at the brain URL is no long-poll endpoint of a brain, 1.7 or later";
    return end("protocol", null, advice);
  }
  // The one command that a probe of an old brain may claim is still verified.
  for (const frame of frames) if (typeof frame === "string") context.handlers.message(frame);
  return {
    identity: { agentId, projectId, sessionId: context.nonce },
    brainVersion: "unknown",
    heartbeatIntervalMs: LONG_POLL_HEARTBEAT_MS,
    maxFrameBytes: 0,
    clockOffsetMs: clockOffset(answer.headers.get("date"), context.clock.now()),
  };
}

// The header has whole seconds, cut off: half a second more is the best guess.
function clockOffset(date: string | null, nowMs: number): number | null {
  const brainMs = date === null ? NaN : Date.parse(date);
  return Number.isFinite(brainMs) ? brainMs + 500 - nowMs : null;
}

const RETRY_MARKER = "retry_by_reference_v1";
const CONTRACT_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/;

/** Without it no retry is handed out (protocol section 22.1). */
function contractHeaders(hello: HelloPayload): Record<string, string> {
  const engines = hello.engines.filter((engine) =>
    CONTRACT_NAME.test(engine) && (hello.capabilities[engine] ?? []).includes(RETRY_MARKER)
  );
  if (engines.length === 0) return {};
  return { "x-z4j-retry-contracts": engines.map((engine) => `${engine}=1`).join(",") };
}

// Sequenced schedules need a WebSocket (protocol section 22.8).
const SOCKET_ONLY = "external_schedule_protocol_v1";

function featureHeaders(hello: HelloPayload): Record<string, string> {
  const features = (hello.runtime_features ?? []).filter((name) => name !== SOCKET_ONLY);
  return features.length === 0 ? {} : { "x-z4j-runtime-features": features.join(",") };
}

const ABORTED: SessionEnd = end(
  "connection",
  null,
  "the attempt was given up because the agent stops",
);

function refuse(why: SessionEnd): OpenOutcome {
  return { kind: "refused", end: why };
}
