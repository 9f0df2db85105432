import { ok, strictEqual as equal } from "node:assert/strict";
import type { Clock } from "../../../src/base/clock.ts";
import { type HmacKey, importHmacKey } from "../../../src/protocol/hmac.ts";
import { parseJsonTree, printCanonical } from "../../../src/protocol/json_tree.ts";
import { createFrameSigner, createFrameVerifier } from "../../../src/protocol/signing.ts";
import type { Random } from "../random.ts";
import type { FuzzBed, FuzzTarget } from "../target.ts";

const IDENTITY = { agentId: "agent", projectId: "project", sessionId: "session" };
const NOW = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const clock: Clock = { now: () => NOW, monotonic: () => 0, setTimer: () => () => {} };
const HONEST = '{"hmac":"53dd007759df5aefd506c59df25ad33dc6501eb58b5fef50e6e29d65eb00d1cc",' +
  '"id":"hb_1","nonce":"n","payload":{"a":[1.5,null],"b":"x"},"seq":1,' +
  '"ts":"2026-01-02T03:04:05.678Z","type":"heartbeat","v":2}';
const MEMBERS = ',"agent_id":"agent","project_id":"project","session_id":"session"}';
const TYPES = ["heartbeat", "event_batch", "command_result", "command", "hello", "nope"];
const SCRAPS = [
  "{",
  "}",
  "[",
  "]",
  '"',
  ",",
  ":",
  "\\u0000",
  "\\ud800",
  "\ud800",
  "NaN",
  "1e999",
  "-0",
  "1.50",
  '"__proto__":1,',
  '"seq":2,',
  '"v":2,',
  "\ufeff",
  "[".repeat(5_000),
  "9".repeat(400),
];

/** Any JSON value the grammar can spell, legal or just about not. */
function valueText(random: Random, depth: number): string {
  const leaf = ["0", "-0", "1", "2", "1.0", "1e3", "1e999", "NaN", "true", "null", '""', '"n"']
    .concat('"2026-01-02T03:04:05Z"', '"2026-01-02T03:04:05"', '"\\ud800"', "9".repeat(30));
  const shape = depth === 0 ? 0 : random.below(4);
  if (shape < 2) return random.pick(leaf);
  const items = Array.from({ length: random.below(4) }, () => valueText(random, depth - 1));
  if (shape === 2) return `[${items.join(",")}]`;
  const keys = ["a", "__proto__", "status", "telemetry_loss", "events", "\\u0061", "é"];
  return `{${items.map((item) => `"${random.pick(keys)}":${item}`).join(",")}}`;
}

/** The members of a frame, each right three times in four. */
function frameText(random: Random): string {
  const or = (right: string): string => random.below(4) > 0 ? right : valueText(random, 2);
  const members = [
    `"v":${or("2")}`,
    `"type":${or(`"${random.pick(TYPES)}"`)}`,
    `"id":${or('"x"')}`,
    `"ts":${or('"2026-01-02T03:04:05Z"')}`,
    `"nonce":${or('"n"')}`,
    `"seq":${or("1")}`,
    `"payload":${or(valueText(random, 3))}`,
  ].filter(() => random.below(16) > 0);
  return `{${members.join(",")}}`;
}

function mutate(text: string, random: Random): string {
  let changed = text;
  for (let n = random.below(3); n >= 0; n--) {
    const at = random.below(changed.length + 1);
    const gone = random.pick([0, 0, 1, 1, 5, 50]);
    changed = changed.slice(0, at) + random.pick(["", ...SCRAPS]) + changed.slice(at + gone);
  }
  return changed;
}

function verifyFresh(key: HmacKey, text: string) {
  return createFrameVerifier({ key, identity: IDENTITY, clock, direction: "agent_to_brain" })
    .verify(text);
}

/** A frame: an honest one with a change, or one that a peer with the key has signed. */
interface FrameCase {
  readonly kind: "mutated" | "signed";
  readonly text: string;
}

/** Frames at the verifier that both sides use. */
export const framesTarget: FuzzTarget = {
  name: "frames",
  perBed: Infinity,
  make(random) {
    const kind = random.below(2) === 0 ? "mutated" : "signed";
    const text = kind === "signed" ? frameText(random) : mutate(HONEST, random);
    return JSON.stringify({ kind, text });
  },
  open: () => FramesBed.open(),
};

class FramesBed implements FuzzBed {
  readonly #key: HmacKey;

  private constructor(key: HmacKey) {
    this.#key = key;
  }

  static async open(): Promise<FramesBed> {
    const key = await importHmacKey(new Uint8Array(32).fill(7));
    const bed = new FramesBed(key);
    const nonce = (): string => "n";
    const signer = createFrameSigner({ key, identity: IDENTITY, clock, nonce });
    const payloadText = '{"a":[1.5,null],"b":"x"}';
    equal(await signer.sign({ type: "heartbeat", id: "hb_1", payloadText }), HONEST);
    return bed;
  }

  async check(text: string): Promise<string> {
    const one = JSON.parse(text) as FrameCase;
    const sent = one.kind === "signed" ? await signed(this.#key, one.text) : one.text;
    const outcome = await verifyFresh(this.#key, sent);
    if (!outcome.ok) {
      ok(outcome.reason !== "internal", "the verifier failed");
      return `${one.kind}, ${outcome.reason}`;
    }
    if (one.kind === "mutated") equal(printCanonical(parseJsonTree(sent)), HONEST);
    else requireLegal(one.text);
    return `${one.kind}, taken`;
  }

  async finish(): Promise<void> {}
}

/** What the protocol says of every frame that is taken. */
function requireLegal(raw: string): void {
  // NaN can only stand in a member that a later one of the same name replaced.
  const frame = JSON.parse(raw.replaceAll("NaN", "null"));
  equal(frame.v, 2);
  ok(["heartbeat", "event_batch", "command_result"].includes(frame.type), frame.type);
  // `true` counts as 1 in the reference (protocol section 8), so it does here; 1.0 does not.
  ok(/"seq":(true|[1-9]\d*)[,}]/.test(raw), "seq");
  ok(typeof frame.nonce === "string" && frame.nonce !== "", "nonce");
  equal(frame.ts, "2026-01-02T03:04:05Z");
}

/** The text with the digest of its canonical form, or with none where it has no such form. */
async function signed(
  key: HmacKey,
  text: string,
): Promise<string> {
  const body = text.replace(/^\{\}$/, '{"x":1}').slice(0, -1);
  try {
    const hmac = await key.sign(printCanonical(parseJsonTree(`${body}${MEMBERS}`)));
    return `${body},"hmac":"${hmac}"}`;
  } catch {
    return `${body},"hmac":"${"0".repeat(64)}"}`;
  }
}
