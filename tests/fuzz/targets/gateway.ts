import { Buffer } from "node:buffer";
import { ok } from "node:assert/strict";
import { encodeCanonical } from "../../../src/protocol/canonical_json.ts";
import { decodeHmacSecret, type HmacKey, importHmacKey } from "../../../src/protocol/hmac.ts";
import { parseJsonTree, printCanonical } from "../../../src/protocol/json_tree.ts";
import { PeerAgent, wireEvent } from "../../_support/brain_peer.ts";
import { mutate, objectText, stringText, tamed, valueText } from "../grammar.ts";
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
const TYPES = ["heartbeat", "event_batch", "event_batch", "command_ack", "command_result"]
  .concat("agent_status", "registry_delta", "error", "hello", "command", "nope");
const KINDS = ["task.received", "task.started", "task.failed", "task.succeeded", "worker.online"]
  .concat("schedule.created", "schedule.snapshot", "task.retried", "queue.depth", "worker.offline");
const UUID = "11111111-1111-4111-8111-111111111111";

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

/** Where to change an honest batch: position and scrap, as the text of a list. */
function mutationText(random: Random): string {
  const at = random.below(1_000) / 1_000;
  return JSON.stringify([at, random.pick([0, 1, 1, 5, 50]), mutate('"a":1', random)]);
}

/** Usually the right envelope around something that can be signed: the rest never gets far. */
function frameText(random: Random): string {
  const isOdd = random.below(6) === 0;
  const type = random.pick(isOdd ? TYPES : TYPES.slice(0, 8));
  const payload = payloadText(random, type);
  if (!isOdd) {
    const id = random.pick(['"x"', `"${UUID}"`, `"${"é".repeat(64)}"`]);
    return `{"v":2,"type":"${type}","id":${id},"ts":"@T","nonce":"@N","seq":@S,"payload":${
      tamed(payload)
    }}`;
  }
  return objectText(random, {
    v: "2",
    type: `"${type}"`,
    id: random.pick(['"x"', `"${UUID}"`, `"${"é".repeat(64)}"`]),
    ts: '"@T"',
    nonce: '"@N"',
    seq: "@S",
    payload,
  }, 30);
}

function payloadText(random: Random, type: string): string {
  if (type === "event_batch") {
    const events = Array.from({ length: random.below(4) }, () => eventText(random));
    return objectText(random, { events: `[${events.join(",")}]` }, 12);
  }
  if (type === "heartbeat") {
    return objectText(random, {
      adapter_health: healthText(random),
      last_flush_at: '"2026-01-02T03:04:05Z"',
      buffer_size: "0",
      dropped_events: "0",
    }, 8);
  }
  if (type.startsWith("command_")) {
    return objectText(random, {
      status: '"success"',
      result: valueText(random, 3),
      error: stringText(random),
      delivery_claim_token: '"t"',
    }, 8);
  }
  return objectText(random, { state: stringText(random), a: valueText(random, 3) }, 2);
}

function eventText(random: Random): string {
  const data = objectText(random, {
    task_name: '"send"',
    queue: '"mail"',
    worker: '"w"',
    args: valueText(random, 3),
    result: valueText(random, 3),
    exception: stringText(random),
    attempt: "1",
    runtime_ms: "5",
    priority: '"high"',
    eta: '"2026-01-02T03:04:05Z"',
    parent_task_id: '"p"',
  }, 5);
  return objectText(random, {
    id: `"${UUID.slice(0, -8)}${String(random.below(1e8)).padStart(8, "0")}"`,
    kind: `"${random.pick(KINDS)}"`,
    engine: '"bullmq"',
    task_id: `"mail:${random.below(50)}"`,
    occurred_at: '"2026-11-02T03:04:05.000Z"',
    data,
  }, 10);
}

function healthText(random: Random): string {
  const worker = objectText(random, {
    active_queues: '["mail"]',
    stats: objectText(random, { pid: "1", loadavg: "[0.1]", pool: valueText(random, 2) }, 3),
    registered: '["send"]',
    active: "[]",
    conf: valueText(random, 2),
  }, 4);
  return objectText(random, {
    "bullmq.queue_depths": objectText(random, { mail: "3", other: valueText(random, 1) }, 3),
    "bullmq.worker_details": `{"w":${worker}}`,
    "bullmq.findings": `[${objectText(random, { code: '"Z001"', subject: '"q"' }, 3)}]`,
  }, 6);
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
  readonly #key: HmacKey;
  #peer: PeerAgent | undefined;
  #identity = { agentId: "", projectId: "", sessionId: "" };
  #seq = 0;
  #probes = 0;

  private constructor(bed: BrainBed, key: HmacKey) {
    this.#bed = bed;
    this.#key = key;
  }

  static async open(): Promise<GatewayBed> {
    const bed = await BrainBed.open();
    return new GatewayBed(bed, await importHmacKey(decodeHmacSecret(bed.minted.hmacSecret)));
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
    if (kind === "signed") peer.handlers.message(await this.#signed(text));
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
    const ack = await peer.hello(this.#bed.minted.hmacSecret, HELLO);
    this.#identity = {
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
    const honest = await this.#signed(this.#batchText(id, [encodeCanonical(wireEvent())]));
    const [at, gone, scrap] = JSON.parse(text) as [number, number, string];
    const from = Math.floor(at * honest.length);
    const changed = honest.slice(0, from) + scrap + honest.slice(from + gone);
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
      peer.handlers.message(await this.#signed(this.#batchText(id, [])));
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

  #batchText(id: string, events: readonly string[]): string {
    const payload = `{"events":[${events.join(",")}]}`;
    return `{"id":"${id}","nonce":"@N","payload":${payload},"seq":@S,"ts":"@T","type":"event_batch","v":2}`;
  }

  /** Fills in time, nonce and the next number, and adds the digest where there can be one. */
  async #signed(text: string): Promise<string> {
    const body = text.replaceAll('"@T"', `"${new Date().toISOString()}"`)
      .replaceAll('"@N"', `"${crypto.randomUUID()}"`)
      .replaceAll("@S", () => String(++this.#seq));
    const { agentId, projectId, sessionId } = this.#identity;
    const members =
      `"agent_id":"${agentId}","project_id":"${projectId}","session_id":"${sessionId}"`;
    const open = body === "{}" ? "{" : `${body.slice(0, -1)},`;
    let hmac = "0".repeat(64);
    try {
      hmac = await this.#key.sign(printCanonical(parseJsonTree(`${open}${members}}`)));
    } catch {
      // It has no canonical form: no digest fits it.
    }
    return `${open}"hmac":"${hmac}"}`;
  }
}

function saysTheSame(left: string, right: string): boolean {
  try {
    return printCanonical(parseJsonTree(left)) === printCanonical(parseJsonTree(right));
  } catch {
    return false;
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
