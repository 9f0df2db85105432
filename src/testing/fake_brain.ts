import { type Clock, systemClock } from "../base/clock.ts";
import { frameId, randomUuid } from "../base/ids.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../base/json.ts";
import { startServer } from "../platform/serve.ts";
import type { Server, ServerSocket, StartServer } from "../platform/serve_port.ts";
import { encodeCanonical } from "../protocol/canonical_json.ts";
import type { HelloPayload, SignedFrame, SignedFrameType } from "../protocol/frames.ts";
import { encodeHelloAck, parseHello } from "../protocol/handshake_frames.ts";
import { type HmacKey, importHmacKey } from "../protocol/hmac.ts";
import { type AckFault, type AckSender, createAckSender } from "./fake_brain_acks.ts";
import { createFrameSigner, createFrameVerifier } from "../protocol/signing.ts";

/** How the brain misbehaves; change the members while it runs. */
export interface BrainFaults {
  /** Closes with this code instead of answering a hello. */
  refuseWith: number | null;
  /** Closes with this code before the ack of a batch that the function picks. */
  closeOnBatch: ((events: readonly JsonObject[], frame: SignedFrame) => number | null) | null;
  /** How many acks go out for each batch. */
  acksPerBatch: 0 | 1 | 2;
  /** What is wrong with the acks of batches. */
  ackFault: AckFault | null;
  /** Waits this long before each ack. */
  ackDelayMs: number;
  /** Added to the time that the brain tells. */
  clockOffsetMs: number;
  /** Never answers a hello. */
  silent: boolean;
  /** Answers upgrade requests with this HTTP status. */
  refuseHttp: number | null;
  /** Closes the older of two sessions with one worker id with 4002, as brains do. */
  displace: boolean;
}

/** What to start. */
export interface FakeBrainOptions {
  /** Starts the server. Default: the server of this runtime. */
  readonly startServer?: StartServer;
  /** Project secret. */
  readonly secret: Uint8Array;
  /** Bearer token that is taken. */
  readonly token: string;
  /** Heartbeat interval it asks for. Default 10 s. */
  readonly heartbeatSeconds?: number;
  /** Frame limit it announces. Default 1 MiB. */
  readonly maxFrameBytes?: number;
}

/** A frame that arrived and was verified. */
export interface ReceivedFrame {
  /** Index of the session, 0 for the first. */
  readonly session: number;
  /** The frame. */
  readonly frame: SignedFrame;
}

/** A small brain over real sockets that keeps everything it gets, for tests. */
export interface FakeBrain {
  /** Base URL for agents. */
  readonly url: string;
  /** Misbehaviour. */
  readonly faults: BrainFaults;
  /** Every hello, refused ones included. */
  readonly hellos: readonly HelloPayload[];
  /** Every verified frame in the order of arrival. */
  readonly frames: readonly ReceivedFrame[];
  /** How often each event id arrived in a batch that was stored. */
  readonly stored: ReadonlyMap<string, number>;
  /** Stored events by id. */
  readonly events: ReadonlyMap<string, JsonObject>;
  /** Ids that arrived again with another content. */
  readonly altered: ReadonlySet<string>;
  /** Upgrade requests, refused ones included. */
  readonly dials: number;
  /** When each of them came, in monotonic milliseconds. */
  readonly dialTimes: readonly number[];
  /** Sockets that are open now. */
  readonly openSockets: number;
  /** Reasons for which frames were refused. */
  readonly refusals: readonly string[];
  /** Sends a command on the newest session; answers its id. */
  command(action: string, more?: CommandInput): Promise<string>;
  /** Sends any signed frame on the newest session. */
  send(type: SignedFrameType, payload: JsonObject, id?: string): Promise<void>;
  /** Sends raw text on the newest session. */
  sendRaw(text: string): void;
  /** Closes the newest session. */
  kick(code: number): void;
  /** Stops listening and drops every connection. */
  close(): Promise<void>;
}

/** Members of a command besides its action. */
export interface CommandInput {
  /** Command UUID. Default: a new one. */
  readonly id?: string;
  /** What it is about. */
  readonly target?: JsonObject;
  /** Inputs. */
  readonly parameters?: JsonObject;
  /** Seconds until the brain gives up. Default 60. */
  readonly timeoutSeconds?: number;
  /** Token to be echoed. */
  readonly claimToken?: string;
}

/**
 * Starts a brain for tests on a free port of the loopback. It speaks protocol
 * version 2 over real sockets, keeps every event, and misbehaves as `faults`
 * says, also while agents are connected.
 *
 * @example A brain that loses every ack
 * ```ts
 * import { startFakeBrain } from "@z4j/core/testing";
 * import { equal } from "node:assert/strict";
 *
 * const brain = await startFakeBrain({ secret: new Uint8Array(32), token: "t" });
 * brain.faults.acksPerBatch = 0;
 * equal(brain.dials, 0);
 * await brain.close();
 * ```
 */
export async function startFakeBrain(options: FakeBrainOptions): Promise<FakeBrain> {
  const brain = new TestBrain(options, await importHmacKey(options.secret));
  await brain.listen();
  return brain;
}

const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

interface Peer {
  readonly socket: ServerSocket;
  readonly index: number;
  readonly sign: (type: SignedFrameType, id: string, payload: JsonObject) => Promise<void>;
  readonly acks: AckSender;
  readonly verify: (data: string | Uint8Array) => Promise<SignedFrame | number>;
}

class TestBrain implements FakeBrain {
  readonly faults: BrainFaults = {
    refuseWith: null,
    closeOnBatch: null,
    acksPerBatch: 1,
    ackDelayMs: 0,
    clockOffsetMs: 0,
    silent: false,
    ackFault: null,
    refuseHttp: null,
    displace: false,
  };
  readonly hellos: HelloPayload[] = [];
  readonly frames: ReceivedFrame[] = [];
  readonly stored: Map<string, number> = new Map();
  readonly events: Map<string, JsonObject> = new Map();
  readonly altered: Set<string> = new Set();
  readonly refusals: string[] = [];
  readonly dialTimes: number[] = [];
  readonly #workers = new Map<string, ServerSocket>();
  readonly #options: FakeBrainOptions;
  readonly #key: HmacKey;
  readonly #clock: Clock;
  readonly #sockets = new Set<ServerSocket>();
  #server: Server | undefined;
  #peer: Peer | undefined;
  #sessions = 0;

  constructor(options: FakeBrainOptions, key: HmacKey) {
    this.#options = options;
    this.#key = key;
    this.#clock = { ...systemClock, now: () => Date.now() + this.faults.clockOffsetMs };
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server?.port ?? 0}`;
  }

  get dials(): number {
    return this.dialTimes.length;
  }

  get openSockets(): number {
    return this.#sockets.size;
  }

  async listen(): Promise<void> {
    this.#server = await (this.#options.startServer ?? startServer)({
      hostname: "127.0.0.1",
      port: 0,
      maxMessageBytes: MAX_MESSAGE_BYTES,
      fetch: () => new Response("no page here", { status: this.faults.refuseHttp ?? 404 }),
      upgrade: (request) => {
        if (new URL(request.url).pathname !== "/ws/agent") return null;
        this.dialTimes.push(performance.now());
        if (this.faults.refuseHttp !== null) return null;
        return this.#accept(request.headers.get("authorization"));
      },
    });
  }

  async close(): Promise<void> {
    await this.#server?.close();
  }

  async command(action: string, more: CommandInput = {}): Promise<string> {
    const id = more.id ?? randomUuid();
    await this.send("command", {
      action,
      target: more.target ?? {},
      parameters: more.parameters ?? {},
      timeout_seconds: more.timeoutSeconds ?? 60,
      issued_by: null,
      delivery_claim_token: more.claimToken ?? null,
    }, id);
    return id;
  }

  async send(type: SignedFrameType, payload: JsonObject, id = randomUuid()): Promise<void> {
    if (this.#peer === undefined) throw new Error("no agent is connected");
    await this.#peer.sign(type, id, payload);
  }

  sendRaw(text: string): void {
    this.#peer?.socket.send(text);
  }

  kick(code: number): void {
    this.#peer?.socket.close(code, "");
  }

  #accept(authorization: string | null) {
    let socket: ServerSocket | undefined;
    let peer: Peer | undefined;
    let work: Promise<void> = Promise.resolve();
    const handle = async (data: string | Uint8Array): Promise<void> => {
      if (socket === undefined) return;
      if (peer === undefined) peer = this.#hello(socket, authorization, data);
      else await this.#frame(peer, data);
    };
    return {
      open: (opened: ServerSocket) => {
        socket = opened;
        this.#sockets.add(opened);
      },
      // One after the other, as the real brain does for each connection.
      message: (data: string | Uint8Array) => {
        work = work.then(() => handle(data)).catch((error) => {
          this.refusals.push(String(error));
        });
      },
      closed: () => {
        if (socket !== undefined) this.#sockets.delete(socket);
        if (this.#peer === peer) this.#peer = undefined;
      },
    };
  }

  #hello(
    socket: ServerSocket,
    authorization: string | null,
    data: string | Uint8Array,
  ): Peer | undefined {
    const hello = parseHello(data);
    if (hello.ok) this.hellos.push(hello.payload);
    const refusal = this.faults.refuseWith ??
      (authorization === `Bearer ${this.#options.token}` ? null : 4401) ??
      (hello.ok ? null : hello.closeCode);
    if (refusal !== null) {
      socket.close(refusal, "");
      return undefined;
    }
    if (this.faults.silent) return undefined;
    const identity = {
      agentId: "6f1c3b1e-0000-4000-8000-000000000001",
      projectId: "6f1c3b1e-0000-4000-8000-000000000002",
      sessionId: randomUuid(),
    };
    socket.send(encodeHelloAck(
      {
        protocol_version: "2",
        brain_version: "0.0.0-test",
        agent_id: identity.agentId,
        project_id: identity.projectId,
        session_id: identity.sessionId,
        heartbeat_interval_seconds: this.#options.heartbeatSeconds ?? 10,
        max_frame_size_bytes: this.#options.maxFrameBytes ?? 1_048_576,
      },
      frameId("hack").slice(0, 17),
      new Date(this.#clock.now()).toISOString(),
    ));
    if (hello.ok && this.faults.displace) this.#displace(hello.payload.worker_id ?? "", socket);
    return this.#peer = this.#createPeer(socket, identity);
  }

  #displace(workerId: string, socket: ServerSocket): void {
    const before = this.#workers.get(workerId);
    this.#workers.set(workerId, socket);
    if (before !== undefined && this.#sockets.has(before)) before.close(4002, "");
  }

  #createPeer(
    socket: ServerSocket,
    identity: { agentId: string; projectId: string; sessionId: string },
  ): Peer {
    const shared = { key: this.#key, identity, clock: this.#clock };
    const signer = createFrameSigner(shared);
    const verifier = createFrameVerifier({ ...shared, direction: "agent_to_brain" });
    const sign: Peer["sign"] = async (type, id, payload) =>
      socket.send(await signer.sign({ type, id, payloadText: encodeCanonical(payload) }));
    return {
      socket,
      index: this.#sessions++,
      sign,
      acks: createAckSender(signer, (text) => socket.send(text)),
      verify: async (data) => {
        const verdict = await verifier.verify(data);
        if (verdict.ok) return verdict.frame;
        this.refusals.push(verdict.reason);
        return verdict.closeCode ?? 1011;
      },
    };
  }

  async #frame(peer: Peer, data: string | Uint8Array): Promise<void> {
    const frame = await peer.verify(data);
    if (typeof frame === "number") return peer.socket.close(frame, "");
    this.frames.push({ session: peer.index, frame });
    if (frame.type === "event_batch") await this.#batch(peer, frame);
  }

  async #batch(peer: Peer, frame: SignedFrame): Promise<void> {
    const listed: JsonValue = frame.payload["events"] ?? [];
    const events = (Array.isArray(listed) ? listed : []).filter(isJsonObject);
    const code = this.faults.closeOnBatch?.(events, frame) ?? null;
    if (code !== null) return peer.socket.close(code, "");
    let accepted = 0;
    for (const event of events) {
      const id = String(event["id"]);
      const before = this.stored.get(id) ?? 0;
      if (before === 0) accepted++;
      this.stored.set(id, before + 1);
      const known = this.events.get(id);
      if (known === undefined) this.events.set(id, event);
      else if (encodeCanonical(known) !== encodeCanonical(event)) this.altered.add(id);
    }
    if (this.faults.ackDelayMs > 0) {
      await new Promise((resolve) => setTimeout(resolve, this.faults.ackDelayMs));
    }
    for (let acks = 0; acks < this.faults.acksPerBatch; acks++) {
      await peer.acks.send(this.faults.ackFault, {
        acked_id: frame.id,
        received: events.length,
        accepted,
        rejected: events.length - accepted,
      });
    }
  }
}
