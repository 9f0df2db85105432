import type { CancelTimer } from "../base/clock.ts";
import { errorText } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { VERSION } from "../base/version.ts";
import type { ServerSocket, ServerSocketHandlers } from "../platform/serve_port.ts";
import type { HelloPayload, SignedFrameType } from "../protocol/frames.ts";
import { encodeCanonical } from "../protocol/canonical_json.ts";
import { encodeHelloAck, parseHello } from "../protocol/handshake_frames.ts";
import { createFrameSigner, createFrameVerifier, type FrameVerifier } from "../protocol/signing.ts";
import {
  type AgentIdentity,
  markAgentWorker,
  storeHello,
  touchAgent,
  workerSlot,
} from "./agents.ts";
import { FrameRouter } from "./frame_router.ts";
import type { GatewayParts } from "./gateway_parts.ts";
import { Outbox } from "./outbox.ts";
import type { LiveSession } from "./sessions.ts";

/** What a connection asks of its gateway. */
export interface ConnectionHooks {
  /** Counts the connect; false when its address has too many. */
  readonly isAdmitted: () => boolean;
  /** The connection is over. */
  readonly onEnd: () => void;
}

const HEARTBEAT_SECONDS = 10;
// "Try again later": the peer sends faster than the disk takes, or reads too slowly.
const OVERLOADED = 1013;
const GOING_AWAY = 1001;
const encoder = new TextEncoder();

interface Established {
  readonly session: LiveSession;
  readonly verifier: FrameVerifier;
  readonly router: FrameRouter;
}

/**
 * One agent socket: the checks of protocol 2.5 in their order, then frames
 * strictly one after another.
 */
export class GatewayConnection implements ServerSocketHandlers {
  readonly #parts: GatewayParts;
  readonly #token: string | null;
  readonly #hooks: ConnectionHooks;
  #socket: ServerSocket | undefined;
  #identity: AgentIdentity | undefined;
  #established: Established | undefined;
  #inbox: (string | Uint8Array)[] = [];
  #inboxBytes = 0;
  #isPumping = false;
  #isOver = false;
  #lastFrameMs = 0;
  #cancelTimer: CancelTimer | undefined;

  /** Takes the token of the upgrade request; nothing happens before `open`. */
  constructor(parts: GatewayParts, token: string | null, hooks: ConnectionHooks) {
    this.#parts = parts;
    this.#token = token;
    this.#hooks = hooks;
  }

  /** See `ServerSocketHandlers`. */
  open(socket: ServerSocket): void {
    if (this.#isOver) return socket.close(GOING_AWAY, "");
    this.#socket = socket;
    if (!this.#hooks.isAdmitted()) return this.close(4429);
    const { clock, limits } = this.#parts.context;
    this.#cancelTimer = clock.setTimer(() => this.close(4408), limits.helloTimeoutMs);
    void this.#pump();
  }

  /** See `ServerSocketHandlers`. */
  message(data: string | Uint8Array): void {
    if (this.#isOver) return;
    const { limits, clock } = this.#parts.context;
    if (byteLength(data, limits.maxFrameBytes) > limits.maxFrameBytes) return this.close(4400);
    this.#lastFrameMs = clock.monotonic();
    this.#inbox.push(data);
    this.#inboxBytes += data.length;
    if (this.#inbox.length > limits.inboxFrames || this.#inboxBytes > limits.inboxBytes) {
      return this.close(OVERLOADED);
    }
    if (this.#socket !== undefined) void this.#pump();
  }

  /** See `ServerSocketHandlers`. */
  closed(code: number): void {
    this.#end(code);
  }

  /** Ends the connection with a code; reasons stay empty, as at the stock brain. */
  close(code: number): void {
    if (this.#isOver) return;
    this.#end(code);
    this.#socket?.close(code, "");
  }

  /** Handles what is in the inbox, one message after another. */
  async #pump(): Promise<void> {
    if (this.#isPumping) return;
    this.#isPumping = true;
    try {
      if (this.#identity === undefined && !await this.#authenticate()) return;
      while (!this.#isOver) {
        const data = this.#inbox.shift();
        if (data === undefined) break;
        await this.#handle(data);
        this.#inboxBytes -= data.length;
      }
    } catch (error) {
      this.#parts.logger.error({ error: errorText(error) }, "An agent connection failed");
      this.close(1011);
    } finally {
      this.#isPumping = false;
    }
  }

  async #authenticate(): Promise<boolean> {
    const identity = this.#token === null ? null : await this.#parts.identify(this.#token);
    if (identity === null) this.close(4401);
    else this.#identity = identity;
    return identity !== null && !this.#isOver;
  }

  async #handle(data: string | Uint8Array): Promise<void> {
    if (this.#established === undefined) return await this.#hello(data);
    const { verifier, router } = this.#established;
    const outcome = await verifier.verify(data);
    if (this.#isOver) return;
    if (!outcome.ok) {
      if (outcome.closeCode === null) return;
      this.#parts.logger.warn(
        { agentId: this.#identity?.agentId, reason: outcome.reason, code: outcome.closeCode },
        "A frame was refused: " + outcome.message,
      );
      return this.close(outcome.closeCode);
    }
    await router.handle(outcome.frame, outcome.tree);
  }

  async #hello(data: string | Uint8Array): Promise<void> {
    const identity = this.#identity;
    if (identity === undefined) return;
    const hello = parseHello(data);
    if (!hello.ok) return this.close(hello.closeCode);
    const key = await this.#parts.projectKey(identity.projectId);
    if (this.#isOver) return;
    const { context } = this.#parts;
    if (!storeHello(context, identity.agent, hello.payload)) return this.close(4401);
    this.#parts.onOnline();
    const sessionId = context.random.uuid();
    this.#acknowledge(identity, sessionId);
    const ids = { agentId: identity.agentId, projectId: identity.projectId, sessionId };
    const signer = createFrameSigner({ key, identity: ids, clock: context.clock });
    const outbox = new Outbox(signer, {
      send: (text) => this.#transmit(text),
      overflow: () => this.close(OVERLOADED),
    });
    const session = this.#createSession(identity, sessionId, hello.payload, outbox);
    const verifier = createFrameVerifier({
      key,
      identity: ids,
      clock: context.clock,
      direction: "agent_to_brain",
    });
    this.#start({ session, verifier, router: this.#createRouter(session) });
  }

  #createSession(
    identity: AgentIdentity,
    generation: string,
    hello: HelloPayload,
    outbox: Outbox,
  ): LiveSession {
    return {
      ...identity,
      generation,
      slot: workerSlot(hello.worker_id),
      schedulers: hello.schedulers,
      capabilities: hello.capabilities,
      runtimeFeatures: hello.runtime_features ?? [],
      send: (type: SignedFrameType, id: string, payload: JsonObject) =>
        outbox.send({ type, id, payloadText: encodeCanonical(payload) }),
      close: (code: number) => this.close(code),
    };
  }

  #createRouter(session: LiveSession): FrameRouter {
    return new FrameRouter(this.#parts, session);
  }

  /** Steps 10 to 12 of protocol 2.5. */
  #start(established: Established): void {
    const { context, sessions, externals, dispatcher } = this.#parts;
    const { session } = established;
    if (this.#isOver) return;
    if (!sessions.register(session)) return this.close(4429);
    this.#established = established;
    if (!touchAgent(context.db, session.agent, context.clock.now())) return this.close(4003);
    this.#watchIdle();
    context.changes.changed("agents");
    const isLive = (generation: string): boolean => sessions.byGeneration(generation) !== null;
    for (const command of externals.activate(session, isLive)) dispatcher.deliver(command);
    dispatcher.deliverPending(session);
  }

  #acknowledge(identity: AgentIdentity, sessionId: string): void {
    const { clock, limits, random } = this.#parts.context;
    const payload = {
      protocol_version: "2",
      brain_version: `z4j-js ${VERSION}`,
      agent_id: identity.agentId,
      project_id: identity.projectId,
      session_id: sessionId,
      heartbeat_interval_seconds: HEARTBEAT_SECONDS,
      max_frame_size_bytes: limits.maxFrameBytes,
    };
    const id = `hack_${random.uuid().replaceAll("-", "").slice(0, 12)}`;
    this.#transmit(encodeHelloAck(payload, id, new Date(clock.now()).toISOString()));
  }

  /** The brain always sends binary messages (protocol 2.4). */
  #transmit(text: string): boolean {
    const socket = this.#socket;
    if (this.#isOver || socket === undefined) return false;
    if (socket.bufferedBytes() > this.#parts.context.limits.outboundBytes) {
      this.close(OVERLOADED);
      return false;
    }
    socket.send(encoder.encode(text));
    return true;
  }

  /** One timer per session that looks again when the last frame was later. */
  #watchIdle(): void {
    this.#cancelTimer?.();
    const { clock, limits } = this.#parts.context;
    const leftMs = this.#lastFrameMs + limits.idleTimeoutMs - clock.monotonic();
    if (leftMs <= 0) return this.close(4408);
    this.#cancelTimer = clock.setTimer(() => this.#watchIdle(), leftMs);
  }

  #end(code: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelTimer?.();
    this.#inbox = [];
    this.#inboxBytes = 0;
    this.#hooks.onEnd();
    const session = this.#established?.session;
    if (session === undefined || !this.#parts.sessions.remove(session)) return;
    if (this.#parts.context.db.closed) return;
    try {
      markAgentWorker(this.#parts.context, session.agent, session.slot, "offline");
      this.#parts.context.changes.changed("agents");
      // At our own shutdown every other session is about to end as well.
      if (code !== GOING_AWAY) this.#handOver(session);
    } catch (error) {
      this.#parts.logger.warn({ error: errorText(error) }, "A session's end could not be stored");
    }
  }

  /** Another process of the project may take over the schedule streams. */
  #handOver(session: LiveSession): void {
    const { sessions, externals, dispatcher } = this.#parts;
    if (externals.heldBy(session).length === 0) return;
    const isLive = (generation: string): boolean => sessions.byGeneration(generation) !== null;
    for (const other of sessions.all()) {
      if (other.project !== session.project) continue;
      for (const command of externals.takeOver(other, session, isLive)) dispatcher.deliver(command);
    }
  }
}

/** UTF-8 bytes of a message; counts exactly only where the limit is near. */
function byteLength(data: string | Uint8Array, limit: number): number {
  if (typeof data !== "string") return data.byteLength;
  return data.length * 3 <= limit || data.length > limit
    ? data.length
    : encoder.encode(data).byteLength;
}
