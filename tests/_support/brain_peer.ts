import type { JsonObject, JsonValue } from "../../src/base/json.ts";
import { systemClock } from "../../src/base/clock.ts";
import { openBrainCore } from "../../src/brain/core.ts";
import type { BrainCoreOptions } from "../../src/brain/core.ts";
import type { BrainCore, Gateway } from "../../src/brain/gateway_port.ts";
import type { MintedAgent } from "../../src/brain/operator_port.ts";
import type { ProjectRow } from "../../src/brain/store.ts";
import type { ServerSocket, ServerSocketHandlers } from "../../src/platform/serve_port.ts";
import { encodeCanonical } from "../../src/protocol/canonical_json.ts";
import type { SignedFrame, SignedFrameType } from "../../src/protocol/frames.ts";
import { decodeHmacSecret, importHmacKey } from "../../src/protocol/hmac.ts";
import {
  createFrameSigner,
  createFrameVerifier,
  type FrameSigner,
  type FrameVerifier,
} from "../../src/protocol/signing.ts";

/** Polls until `probe` answers something else than `undefined`, `null` or `false`. */
export async function until<T>(
  probe: () => T,
  what: string,
  deadlineMs = 3000,
): Promise<Exclude<T, undefined | null | false>> {
  const endMs = Date.now() + deadlineMs;
  for (;;) {
    const value = probe();
    if (value !== undefined && value !== null && value !== false) {
      return value as Exclude<T, undefined | null | false>;
    }
    if (Date.now() > endMs) throw new Error(`Timed out waiting for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** The server's end of a socket that records what it is told. */
export class RecordingSocket implements ServerSocket {
  readonly sent: string[] = [];
  closeCode: number | null = null;
  buffered = 0;

  send(data: string | Uint8Array): void {
    if (this.closeCode !== null) return;
    this.sent.push(typeof data === "string" ? data : new TextDecoder().decode(data));
  }

  close(code: number): void {
    this.closeCode ??= code;
  }

  bufferedBytes(): number {
    return this.buffered;
  }
}

/** A hello payload with the given differences. */
export function helloPayload(over: JsonObject = {}): JsonObject {
  return {
    protocol_version: "2",
    agent_version: "1.13.0",
    framework: "bare",
    engines: ["bullmq"],
    schedulers: [],
    capabilities: { bullmq: ["cancel_task", "retry_task", "bulk_retry", "retry_by_reference_v1"] },
    host: { name: "box" },
    ...over,
  };
}

/** An agent that talks to a gateway through its handlers. */
export class PeerAgent {
  readonly socket: RecordingSocket = new RecordingSocket();
  readonly frames: SignedFrame[] = [];
  readonly handlers: ServerSocketHandlers;
  #signer: FrameSigner | undefined;
  #verifier: FrameVerifier | undefined;
  #read = 0;

  constructor(gateway: Gateway, token: string | null, address = "127.0.0.1") {
    const authorization = token === null ? null : `Bearer ${token}`;
    this.handlers = gateway.accept({ authorization, remoteAddress: address });
    this.handlers.open(this.socket);
  }

  /** Says hello and waits for the answer; the payload of hello_ack. */
  async hello(secret: string, over: JsonObject = {}): Promise<JsonObject> {
    this.handlers.message(
      JSON.stringify({ v: 2, type: "hello", id: "h1", payload: helloPayload(over) }),
    );
    const text = await until(() => this.socket.sent[0], "hello_ack");
    this.#read = 1;
    const ack = JSON.parse(text).payload as Record<string, string>;
    const key = await importHmacKey(decodeHmacSecret(secret));
    const identity = {
      agentId: String(ack["agent_id"]),
      projectId: String(ack["project_id"]),
      sessionId: String(ack["session_id"]),
    };
    this.#signer = createFrameSigner({ key, identity, clock: systemClock });
    this.#verifier = createFrameVerifier({
      key,
      identity,
      clock: systemClock,
      direction: "brain_to_agent",
    });
    return ack;
  }

  /** Signs a frame. */
  async sign(type: SignedFrameType, id: string, payload: JsonObject): Promise<string> {
    if (this.#signer === undefined) throw new Error("say hello first");
    return await this.#signer.sign({ type, id, payloadText: encodeCanonical(payload) });
  }

  /** Signs and sends a frame. */
  async send(type: SignedFrameType, id: string, payload: JsonObject): Promise<void> {
    this.handlers.message(await this.sign(type, id, payload));
  }

  /** Sends a batch and waits for its ack. */
  async batch(id: string, events: readonly JsonValue[]): Promise<JsonObject> {
    await this.send("event_batch", id, { events });
    return (await this.frame((one) => one.payload["acked_id"] === id, `ack of ${id}`)).payload;
  }

  /** Waits for a verified frame. */
  async frame(match: (frame: SignedFrame) => boolean, what: string): Promise<SignedFrame> {
    const endMs = Date.now() + 3000;
    for (;;) {
      await this.read();
      const found = this.frames.find(match);
      if (found !== undefined) return found;
      if (Date.now() > endMs) throw new Error(`Timed out waiting for ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  /** Waits for a command with this action. */
  command(action: string): Promise<SignedFrame> {
    return this.frame((one) => one.payload["action"] === action, action);
  }

  /** Verifies what arrived so far. */
  async read(): Promise<void> {
    while (this.#verifier !== undefined && this.#read < this.socket.sent.length) {
      const outcome = await this.#verifier.verify(this.socket.sent[this.#read++] ?? "");
      if (!outcome.ok) throw new Error(`the brain sent a bad frame: ${outcome.message}`);
      this.frames.push(outcome.frame);
    }
  }

  /** The close code, once there is one. */
  async closeCode(): Promise<number> {
    return await until(() => this.socket.closeCode, "a close");
  }

  /** The network ends the connection. */
  drop(): void {
    this.handlers.closed(1006);
  }
}

/** A brain with one project and one agent. */
export interface BrainFixture {
  readonly brain: BrainCore;
  readonly project: ProjectRow;
  readonly minted: MintedAgent;
}

/** Opens a brain in memory, or where the options say. */
export async function openFixture(options: Partial<BrainCoreOptions> = {}): Promise<BrainFixture> {
  const brain = await openBrainCore({ path: ":memory:", ...options });
  const project = brain.operator.createProject("default", "Default");
  const minted = await brain.operator.mintAgent(project.id, "web");
  return { brain, project, minted };
}

/** Connects an agent of a fixture. */
export async function connect(fixture: BrainFixture, over: JsonObject = {}): Promise<PeerAgent> {
  const peer = new PeerAgent(fixture.brain.gateway, fixture.minted.token);
  await peer.hello(fixture.minted.hmacSecret, over);
  await until(
    () => fixture.brain.reader.agents(fixture.project.id).some((one) => one.state === "online"),
    "the agent to be online",
  );
  return peer;
}

/** An event in wire spelling. */
export function wireEvent(over: Record<string, JsonValue> = {}): JsonObject {
  return {
    id: crypto.randomUUID(),
    kind: "task.received",
    engine: "bullmq",
    task_id: "mail:1",
    occurred_at: new Date().toISOString(),
    data: { task_name: "send" },
    ...over,
  };
}
