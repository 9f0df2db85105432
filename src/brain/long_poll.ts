import { errorText } from "../base/errors.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../base/json.ts";
import type { RequestFacts } from "../platform/serve_port.ts";
import type { AgentIdentity, TokenRefusal } from "./agents.ts";
import type { ConnectRate } from "./connect_rate.ts";
import { bearerToken } from "./gateway.ts";
import type { GatewayParts } from "./gateway_parts.ts";
import type { AgentHttp } from "./gateway_port.ts";
import {
  MAX_POLL_FRAMES,
  MAX_POST_FRAMES,
  MAX_WAIT_SECONDS,
  NONCE_CHARS,
  POLL_FRAMES,
  WAIT_SECONDS,
} from "./long_poll_limits.ts";
import type { RefusedBody } from "./body_text.ts";
import { readBody } from "./long_poll_request.ts";
import { LongPollSession, type UploadOutcome } from "./long_poll_session.ts";
import { LongPollTable } from "./long_poll_table.ts";

/** Long-poll endpoints that can be shut down. */
export interface ClosableAgentHttp extends AgentHttp {
  /** Ends every session and poll. */
  close(): void;
}

/**
 * The door for agents whose network lets no socket through (protocol 22): the
 * same token, signatures, sequence and limits as at the socket.
 *
 * @param parts What the gateway works with.
 * @param rate The count that connects and these requests share.
 */
export function createLongPoll(parts: GatewayParts, rate: ConnectRate): ClosableAgentHttp {
  return new LongPollDoor(parts, rate);
}

interface Caller {
  readonly identity: AgentIdentity;
  readonly nonce: string;
}

// The worker header tells which process holds the session; here is only one.
const WORKER = "1";
const INVALIDATED = "this long-poll session is over; probe with a fresh session nonce";

class LongPollDoor implements ClosableAgentHttp {
  readonly #parts: GatewayParts;
  readonly #rate: ConnectRate;
  readonly #table = new LongPollTable();
  #isOpen = true;

  constructor(parts: GatewayParts, rate: ConnectRate) {
    this.#parts = parts;
    this.#rate = rate;
  }

  close(): void {
    this.#isOpen = false;
    this.#table.clear();
  }

  async handle(request: Request, facts: RequestFacts): Promise<Response> {
    try {
      return await this.#route(request, facts);
    } catch (error) {
      this.#parts.logger.error({ error: errorText(error) }, "A long-poll request failed");
      return refuse(503, "the brain failed to answer; its log says why", { "retry-after": "1" });
    }
  }

  async #route(request: Request, facts: RequestFacts): Promise<Response> {
    if (!this.#isOpen) return refuse(503, "the brain is closing", { "retry-after": "1" });
    if (!this.#rate.admit(facts.remoteAddress)) {
      return refuse(429, "too many requests from this address", { "retry-after": "10" });
    }
    const endpoint = new URL(request.url).pathname;
    const isPoll = endpoint === "/api/v1/agent/commands";
    if (!isPoll && endpoint !== "/api/v1/agent/events") return refuse(404, "nothing is here");
    if (request.method !== (isPoll ? "GET" : "POST")) {
      return refuse(405, "this method is not allowed", { allow: isPoll ? "GET" : "POST" });
    }
    const { limits, clock } = this.#parts.context;
    const body = isPoll ? null : await readBody(request, limits, clock);
    // The size is judged before anybody looks who asks, as at the stock brain.
    if (body !== null && "status" in body) return refuseBody(body);
    const caller = await this.#identify(request);
    if ("status" in caller) return caller;
    return body === null
      ? await this.#poll(request, caller)
      : await this.#upload(body.value, caller);
  }

  async #identify(request: Request): Promise<Caller | Response> {
    const token = bearerToken(request.headers.get("authorization"));
    const identity = token === null ? null : await this.#parts.identify(token);
    if (identity === null) return refuseToken(token && await this.#parts.whyRefused(token));
    const nonce = request.headers.get("x-z4j-session-nonce") ?? "";
    if (nonce === "" || nonce.length > NONCE_CHARS) {
      return refuse(400, `X-Z4J-Session-Nonce must have 1 to ${NONCE_CHARS} characters`);
    }
    return { identity, nonce };
  }

  async #poll(request: Request, caller: Caller): Promise<Response> {
    const query = new URL(request.url).searchParams;
    const wait = integerOf(query.get("wait"), WAIT_SECONDS, MAX_WAIT_SECONDS);
    const frames = integerOf(query.get("max_frames"), POLL_FRAMES, MAX_POLL_FRAMES);
    if (wait === null || frames === null) {
      return refuse(422, `wait is 0 to ${MAX_WAIT_SECONDS}, max_frames 0 to ${MAX_POLL_FRAMES}`);
    }
    if (frames === 0) return await this.#probe(caller);
    const session = this.#table.find(caller.identity, caller.nonce);
    if (session === null) return refuse(409, INVALIDATED);
    const engines = contractEngines(request.headers.get("x-z4j-retry-contracts"));
    return waitingAnswer(
      caller.identity,
      (gone) => session.poll(engines, frames, wait * 1000, gone),
    );
  }

  /** Registers the nonce and claims nothing (protocol 22.3). */
  async #probe({ identity, nonce }: Caller): Promise<Response> {
    const { context, projectKey } = this.#parts;
    const empty = (): Response => answer(identity, { frames: [] });
    if (this.#table.find(identity, nonce) !== null) return empty();
    if (this.#table.isBurnt(identity, nonce)) return refuse(409, INVALIDATED);
    const key = await projectKey(identity.projectId);
    if (this.#table.find(identity, nonce) !== null) return empty();
    if (!this.#table.hasRoom(identity, context.clock.monotonic())) {
      return refuse(503, "too many long-poll sessions", { "retry-after": "1" });
    }
    this.#table.add(new LongPollSession(this.#parts, identity, nonce, key));
    return empty();
  }

  async #upload(body: JsonValue, { identity, nonce }: Caller): Promise<Response> {
    const frames = framesOf(body);
    if (frames === null) {
      return refuse(422, `frames must be a list of 1 to ${MAX_POST_FRAMES} texts`);
    }
    const session = this.#table.find(identity, nonce);
    if (session === null) return refuse(409, INVALIDATED);
    const outcome: UploadOutcome = await session.upload(frames);
    if (outcome.kind === "taken") return answer(identity, outcome.answer);
    if (outcome.kind === "revoked") return refuseToken("revoked");
    this.#table.invalidate(session);
    if (outcome.kind === "invalidated") return refuse(409, INVALIDATED);
    return refuse(503, "the frames could not be stored", { "retry-after": "1" });
  }
}

function answer(identity: AgentIdentity, body: JsonObject): Response {
  return Response.json(body, { headers: headersFor(identity) });
}

/**
 * Answers at once and lets the body wait. A body whose reader went away is
 * cancelled on every runtime, while the signal of a request also aborts after
 * good answers on some.
 */
function waitingAnswer(
  identity: AgentIdentity,
  poll: (gone: AbortSignal) => Promise<readonly string[]>,
): Response {
  const gone = new AbortController();
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async start(controller) {
      const frames = await poll(gone.signal);
      if (gone.signal.aborted) return;
      controller.enqueue(new TextEncoder().encode(JSON.stringify({ frames })));
      controller.close();
    },
    cancel: () => gone.abort(),
  });
  return new Response(body, {
    headers: { ...headersFor(identity), "content-type": "application/json" },
  });
}

function headersFor(identity: AgentIdentity): Record<string, string> {
  return {
    "x-z4j-agent-id": identity.agentId,
    "x-z4j-project-id": identity.projectId,
    // Ours alone; the stock brain tells no slug.
    "x-z4j-project-slug": identity.projectSlug,
    "x-z4j-longpoll-worker": WORKER,
    // The peer judges its clock by it, and not every server sends one.
    date: new Date().toUTCString(),
  };
}

function refuse(
  status: number,
  detail: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return Response.json({ detail }, { status, headers });
}

/** The stock brain's words for an archived project; that a token was revoked is ours. */
function refuseToken(why: TokenRefusal | "" | null): Response {
  if (why === "archived") {
    const detail = "the project of this agent is archived";
    return Response.json({ error: "project_inactive", detail }, { status: 403 });
  }
  const detail = "the agent token is missing, unknown or revoked";
  return Response.json(why === "revoked" ? { error: "agent_revoked", detail } : { detail }, {
    status: 401,
  });
}

function refuseBody({ status, detail }: RefusedBody): Response {
  return Response.json({ error: status === 413 ? "payload_too_large" : "bad_body", detail }, {
    status,
  });
}

/** A number of a query: 0 to `most`; `null` when it is none. */
function integerOf(text: string | null, fallback: number, most: number): number | null {
  if (text === null) return fallback;
  const value = /^\d{1,4}$/.test(text) ? Number(text) : NaN;
  return value <= most ? value : null;
}

function framesOf(body: JsonValue): readonly string[] | null {
  const frames = isJsonObject(body) ? body["frames"] : undefined;
  if (!Array.isArray(frames) || frames.length === 0 || frames.length > MAX_POST_FRAMES) return null;
  return frames.every((frame) => typeof frame === "string") ? frames : null;
}

// `engine=1,engine2=1`; one malformed element voids the whole (protocol 22.1).
function contractEngines(header: string | null): readonly string[] {
  if (header === null) return [];
  const parts = header.split(",").map((part) =>
    /^\s*([A-Za-z0-9][A-Za-z0-9._-]{0,39})=1\s*$/.exec(part)?.[1]
  );
  return parts.every((part) => part !== undefined) ? parts : [];
}
