import { Buffer } from "node:buffer";
import { ok } from "node:assert/strict";
import { encodeCanonical } from "../../../src/protocol/canonical_json.ts";
import { decodeHmacSecret } from "../../../src/protocol/hmac.ts";
import type { JsonObject } from "../../../src/base/json.ts";
import { helloPayload, PeerAgent, wireEvent } from "../../_support/brain_peer.ts";
import {
  batchText,
  changedText,
  type FrameSource,
  frameText,
  mutationText,
  saysTheSame,
  signedText,
} from "../frame_grammar.ts";
import { objectText } from "../grammar.ts";
import type { Random } from "../random.ts";
import type { FuzzBed, FuzzTarget } from "../target.ts";
import { BrainBed, HELLO, turns } from "./brain_bed.ts";

/** What arrives: `signed` gets a digest that fits it, `mutated` is an honest batch that does not. */
interface GatewayCase {
  readonly kind: "signed" | "mutated" | "hello" | "bytes";
  readonly text: string;
}

// Close codes of the protocol (section 9) that a peer's own doing may earn.
const CODES: ReadonlySet<number> = new Set([4400, 4401, 4403, 4426, 1011]);
const HELLO_TEXT = JSON.stringify({
  ...{ v: 2, type: "hello", id: "h1", payload: helloPayload(HELLO) },
});

/** Frames at the gateway of the embedded brain, signed and not. */
export const gatewayTarget: FuzzTarget = {
  name: "gateway",
  perBed: 1_000,
  make: (random) => JSON.stringify(makeCase(random)),
  open: () => GatewayBed.open(),
};

function makeCase(random: Random): GatewayCase {
  const shape = random.below(10);
  if (shape < 6) return { kind: "signed", text: frameText(random) };
  // "@C@" is where the honest batch goes in.
  if (shape < 8) return { kind: "mutated", text: mutationText(random) };
  if (shape === 8) return { kind: "hello", text: helloText(random) };
  const bytes = Array.from({ length: random.below(60) }, () => random.below(256));
  return { kind: "bytes", text: String.fromCharCode(...bytes) };
}

function helloText(random: Random): string {
  const payload = objectText(random, {
    protocol_version: '"2"',
    agent_version: '"1.13.0"',
    framework: '"bare"',
    engines: '["bullmq"]',
    schedulers: '["croner"]',
    capabilities: '{"bullmq":["cancel_task"]}',
    host: '{"name":"box"}',
    worker_id: '"odd"',
    worker_role: '"task"',
    worker_pid: "1",
    worker_started_at: '"2026-01-02T03:04:05Z"',
    runtime_features: "[]",
  }, 10);
  return objectText(random, { v: "2", type: '"hello"', id: '"h"', payload }, 16);
}

class GatewayBed implements FuzzBed {
  readonly #bed: BrainBed;
  #peer: PeerAgent | undefined;
  #source: FrameSource;
  #seq = 0;
  #probes = 0;

  private constructor(bed: BrainBed) {
    this.#bed = bed;
    const secret = decodeHmacSecret(bed.minted.hmacSecret);
    this.#source = { agentId: "", projectId: "", sessionId: "", secret };
  }

  static async open(): Promise<GatewayBed> {
    return new GatewayBed(await BrainBed.open());
  }

  async check(text: string): Promise<string> {
    const one = JSON.parse(text) as GatewayCase;
    const outcome = one.kind === "hello" ? await this.#hello(one.text) : await this.#frame(one);
    this.#bed.requireQuiet();
    return `${one.kind} ${outcome}`;
  }

  async finish(): Promise<void> {
    try {
      await this.#bed.requireReadable();
    } finally {
      await this.#bed.close();
    }
  }

  async #hello(text: string): Promise<string> {
    const peer = new PeerAgent(this.#bed.core.gateway, this.#bed.minted.token);
    peer.handlers.message(text);
    const { socket } = peer;
    await turns("an answer to a hello", () => socket.closeCode !== null || socket.sent.length > 0);
    const code = socket.closeCode;
    ok(code === null || CODES.has(code), `a hello was answered with ${code}`);
    peer.drop();
    return code === null ? "taken" : String(code);
  }

  async #frame({ kind, text }: GatewayCase): Promise<string> {
    const peer = this.#peer ?? await this.#connect();
    const before = peer.socket.sent.length;
    if (kind === "signed") peer.handlers.message(this.#signed(text));
    else if (kind === "bytes") peer.handlers.message(Buffer.from(text, "latin1"));
    else await this.#mutated(peer, text);
    const code = await this.#settled(peer);
    if (code === null) {
      if (kind !== "signed") ok(kind === "mutated", "bytes without a digest were taken");
      requireSaneAnswers(peer.socket.sent.slice(before));
      return "taken";
    }
    ok(CODES.has(code), `closed with ${code}`);
    return String(code);
  }

  async #connect(): Promise<PeerAgent> {
    const peer = new PeerAgent(this.#bed.core.gateway, this.#bed.minted.token);
    // The bed signs for itself, and waits by turns: a timer would cost each refusal 2 ms.
    peer.handlers.message(HELLO_TEXT);
    await turns("an answer to the hello", () => peer.socket.sent.length > 0);
    const ack = JSON.parse(peer.socket.sent[0] ?? "").payload as JsonObject;
    this.#source = {
      ...this.#source,
      agentId: String(ack["agent_id"]),
      projectId: String(ack["project_id"]),
      sessionId: String(ack["session_id"]),
    };
    this.#seq = 0;
    this.#peer = peer;
    return peer;
  }

  /** An honest batch with one change. What says something else must not be taken. */
  async #mutated(peer: PeerAgent, text: string): Promise<void> {
    const id = `c${this.#probes++}`;
    const honest = this.#signed(batchText(id, [encodeCanonical(wireEvent())]));
    const changed = changedText(honest, text);
    peer.handlers.message(changed);
    const code = await this.#settled(peer);
    const isAcked = peer.socket.sent.some((sent) => sent.includes(`"acked_id":"${id}"`));
    if (isAcked) ok(saysTheSame(changed, honest), `taken: ${changed.slice(0, 500)}`);
    if (code !== null) this.#seq = 0;
  }

  /** Waits until everything sent before was handled; the close code, `null` while it lives. */
  async #settled(peer: PeerAgent): Promise<number | null> {
    const { socket } = peer;
    if (socket.closeCode === null) {
      const id = `p${this.#probes++}`;
      // What was not counted leaves a gap, which is refused; what was, is followed.
      peer.handlers.message(this.#signed(batchText(id, [])));
      const isAcked = (): boolean =>
        socket.sent.at(-1)?.includes(`"acked_id":"${id}"`) === true ||
        socket.sent.some((sent) => sent.includes(`"acked_id":"${id}"`));
      await turns("the end of a case", () => socket.closeCode !== null || isAcked());
    }
    if (socket.closeCode === null) {
      if (socket.sent.length > 50) socket.sent.length = 0;
      return null;
    }
    this.#peer = undefined;
    peer.drop();
    return socket.closeCode;
  }

  #signed(text: string): string {
    return signedText(text, this.#source, () => ++this.#seq);
  }
}

/** Acks count what was in the batch, and say so in whole numbers. */
function requireSaneAnswers(sent: readonly string[]): void {
  for (const text of sent) {
    const { type, payload } = JSON.parse(text);
    if (type !== "event_batch_ack") continue;
    const { received, accepted, rejected } = payload;
    const isSane = [received, accepted, rejected].every((n) => Number.isInteger(n) && n >= 0) &&
      accepted + rejected === received;
    ok(isSane, `an ack says ${JSON.stringify(payload)}`);
  }
}
