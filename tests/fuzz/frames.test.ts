import { equal, ok } from "node:assert/strict";
import { describe, it } from "node:test";
import type { Clock } from "../../src/base/clock.ts";
import { importHmacKey } from "../../src/protocol/hmac.ts";
import { parseJsonTree, printCanonical } from "../../src/protocol/json_tree.ts";
import { createFrameSigner, createFrameVerifier } from "../../src/protocol/signing.ts";
import { createRandom, FUZZ, type Random } from "./random.ts";

const IDENTITY = { agentId: "agent", projectId: "project", sessionId: "session" };
const NOW = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const clock: Clock = { now: () => NOW, monotonic: () => 0, setTimer: () => () => {} };
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

function verifyFresh(key: Awaited<ReturnType<typeof importHmacKey>>, text: string) {
  return createFrameVerifier({ key, identity: IDENTITY, clock, direction: "agent_to_brain" })
    .verify(text);
}

describe("hostile frames", () => {
  it("the verifier refuses a mutated frame unless it says the same as the signed one", async () => {
    const key = await importHmacKey(new Uint8Array(32).fill(7));
    const signer = createFrameSigner({ key, identity: IDENTITY, clock });
    const text = await signer.sign({
      type: "heartbeat",
      id: "hb_1",
      payloadText: '{"a":[1.5,null],"b":"x"}',
    });
    for (let n = 0; n < FUZZ.cases / 2; n++) {
      const changed = mutate(text, createRandom(FUZZ.seed * 1_000_003 + n));
      const outcome = await verifyFresh(key, changed);
      const label = `Z4J_FUZZ_SEED=${FUZZ.seed} case ${n}: ${changed.slice(0, 400)}`;
      if (outcome.ok) equal(printCanonical(parseJsonTree(changed)), text, label);
      else ok(outcome.reason !== "internal", label);
    }
  });

  it("the verifier takes no frame against the protocol when a peer with the key signed it", async () => {
    const key = await importHmacKey(new Uint8Array(32).fill(7));
    let accepted = 0;
    for (let n = 0; n < FUZZ.cases / 2; n++) {
      const raw = frameText(createRandom(FUZZ.seed * 1_000_033 + n));
      const label = `Z4J_FUZZ_SEED=${FUZZ.seed} case ${n}: ${raw}`;
      const outcome = await verifyFresh(key, await signed(key, raw));
      if (!outcome.ok) {
        ok(outcome.reason !== "internal", label);
        continue;
      }
      accepted++;
      // NaN can only stand in a member that a later one of the same name replaced.
      const frame = JSON.parse(raw.replaceAll("NaN", "null"));
      equal(frame.v, 2, label);
      ok(["heartbeat", "event_batch", "command_result"].includes(frame.type), label);
      // `true` counts as 1 in the reference (protocol section 8), so it does here; 1.0 does not.
      ok(/"seq":(true|[1-9]\d*)[,}]/.test(raw), label);
      ok(typeof frame.nonce === "string" && frame.nonce !== "", label);
      equal(frame.ts, "2026-01-02T03:04:05Z", label);
    }
    ok(accepted > FUZZ.cases / 1_000, `only ${accepted} were right: the grammar proves nothing`);
  });
});

/** The text with the digest of its canonical form, or with none where it has no such form. */
async function signed(
  key: Awaited<ReturnType<typeof importHmacKey>>,
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
