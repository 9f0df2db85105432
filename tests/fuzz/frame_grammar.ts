import { createHmac } from "node:crypto";
import type { HmacKey } from "../../src/protocol/hmac.ts";
import { parseJsonTree, printCanonical } from "../../src/protocol/json_tree.ts";
import { mutate, objectText, stringText, tamed, valueText } from "./grammar.ts";
import type { Random } from "./random.ts";

const TYPES = ["heartbeat", "event_batch", "event_batch", "command_ack", "command_result"]
  .concat("agent_status", "registry_delta", "error", "hello", "command", "nope");
const KINDS = ["task.received", "task.started", "task.failed", "task.succeeded", "worker.online"]
  .concat("schedule.created", "schedule.snapshot", "task.retried", "queue.depth", "worker.offline");

/** A UUID that stands in frames. */
export const UUID = "11111111-1111-4111-8111-111111111111";

/** Who signs: the identities that a digest covers, and the secret. */
export interface FrameSource {
  readonly agentId: string;
  readonly projectId: string;
  readonly sessionId: string;
  readonly secret: Uint8Array;
}

/** Where to change an honest batch: position and scrap, as the text of a list. */
export function mutationText(random: Random): string {
  const at = random.below(1_000) / 1_000;
  return JSON.stringify([at, random.pick([0, 1, 1, 5, 50]), mutate('"a":1', random)]);
}

/**
 * Usually the right envelope around something that can be signed: the rest never gets far. `@T`,
 * `@N` and `@S` stand for time, nonce and the next number.
 */
export function frameText(random: Random): string {
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

/** An honest batch before it is signed. */
export function batchText(id: string, events: readonly string[]): string {
  const payload = `{"events":[${events.join(",")}]}`;
  return `{"id":"${id}","nonce":"@N","payload":${payload},"seq":@S,"ts":"@T","type":"event_batch","v":2}`;
}

/**
 * Fills in time, nonce and the next number, and adds the digest where there can be one. Signs at
 * once: Web Crypto would cost each frame a turn of the event loop.
 */
export function signedText(text: string, source: FrameSource, nextSeq: () => number): string {
  const body = text.replaceAll('"@T"', `"${new Date().toISOString()}"`)
    .replaceAll('"@N"', `"${crypto.randomUUID()}"`)
    .replaceAll("@S", () => String(nextSeq()));
  const { agentId, projectId, sessionId } = source;
  const members = `"agent_id":"${agentId}","project_id":"${projectId}","session_id":"${sessionId}"`;
  const open = body === "{}" ? "{" : `${body.slice(0, -1)},`;
  let hmac = "0".repeat(64);
  try {
    const said = printCanonical(parseJsonTree(`${open}${members}}`));
    hmac = createHmac("sha256", source.secret).update(said).digest("hex");
  } catch {
    // It has no canonical form: no digest fits it.
  }
  return `${open}"hmac":"${hmac}"}`;
}

/** The text with the change that `mutationText` made up. */
export function changedText(text: string, change: string): string {
  const [at, gone, scrap] = JSON.parse(change) as [number, number, string];
  const from = Math.floor(at * text.length);
  return text.slice(0, from) + scrap + text.slice(from + gone);
}

/** A key that judges at once, for the side that only watches. */
export function quickKey(secret: Uint8Array): HmacKey {
  const hex = (text: string): string => createHmac("sha256", secret).update(text).digest("hex");
  return {
    sign: (text) => Promise.resolve(hex(text)),
    verify: (text, mac) => Promise.resolve(hex(text) === mac),
  };
}

/** Whether two texts have the same canonical form. */
export function saysTheSame(left: string, right: string): boolean {
  try {
    return printCanonical(parseJsonTree(left)) === printCanonical(parseJsonTree(right));
  } catch {
    return false;
  }
}
