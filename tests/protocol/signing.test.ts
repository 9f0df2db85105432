import {
  deepStrictEqual as deepEqual,
  match,
  ok,
  rejects,
  strictEqual as equal,
  throws,
} from "node:assert/strict";
import { before, describe, it } from "node:test";
import fc from "fast-check";
import type { Clock } from "../../src/base/clock.ts";
import { encodeCanonical } from "../../src/protocol/canonical_json.ts";
import type { FrameDirection } from "../../src/protocol/frames.ts";
import { decodeHmacSecret, type HmacKey, importHmacKey } from "../../src/protocol/hmac.ts";
import { parseJsonTree, printCanonical } from "../../src/protocol/json_tree.ts";
import { createReplayGuard, type ReplayProblem } from "../../src/protocol/replay_guard.ts";
import { MAX_CLOCK_SKEW_MS } from "../../src/protocol/limits.ts";
import {
  createFrameSigner,
  createFrameVerifier,
  type FrameSigner,
  type FrameVerifier,
  uploadEffect,
} from "../../src/protocol/signing.ts";

const IDENTITY = { agentId: "agent", projectId: "project", sessionId: "session" };
const NOW = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const clock: Clock = { now: () => NOW, monotonic: () => 0, setTimer: () => () => {} };
let key: HmacKey;

const signer = (): FrameSigner => createFrameSigner({ key, identity: IDENTITY, clock });
const verifier = (direction: FrameDirection = "agent_to_brain"): FrameVerifier =>
  createFrameVerifier({ key, identity: IDENTITY, clock, direction });
const heartbeat = (payload: object = {}) => ({
  type: "heartbeat",
  id: "hb_1",
  payloadText: encodeCanonical(payload as Record<string, never>),
} as const);

async function reasonOf(data: string): Promise<string> {
  const outcome = await verifier().verify(data);
  return outcome.ok ? "accepted" : outcome.reason;
}

/** Signs whatever the text says, the way a peer with the key would. */
async function signText(text: string): Promise<string> {
  const tree = parseJsonTree(text.replace(/}$/, IDENTITY_MEMBERS));
  const hmac = await key.sign(printCanonical(tree));
  return text.replace(/}$/, `,"hmac":"${hmac}"}`);
}
const IDENTITY_MEMBERS = ',"agent_id":"agent","project_id":"project","session_id":"session"}';
const HELLO_FRAME = '{"v":2,"id":"h","type":"hello","payload":{"protocol_version":"2",' +
  '"agent_version":"1","framework":"","engines":[],"schedulers":[],"capabilities":{},"host":{}}}';
const envelope = (rest: string): string =>
  `{"v":2,"id":"x","ts":"2026-01-02T03:04:05Z","nonce":"n","seq":1,${rest}}`;

before(async () => {
  key = await importHmacKey(new Uint8Array(32).fill(7));
});

describe("signing", () => {
  it("createFrameVerifier() accepts what createFrameSigner() made when the session is the same", async () => {
    const text = await signer().sign(heartbeat({ b: [1.5, 1e-7], a: "é😀" }));
    const outcome = await verifier().verify(new TextEncoder().encode(text));
    ok(outcome.ok);
    equal(printCanonical(parseJsonTree(text)), text);
    deepEqual({ ...outcome.frame.payload }, { b: [1.5, 1e-7], a: "é😀" });
    match(outcome.frame.nonce, /^[\w-]{22}$/);
    equal(outcome.frame.ts, "2026-01-02T03:04:05.678Z");
    equal(outcome.frame.seq, 1);
  });

  it("createFrameSigner() keeps the order when many frames are signed at once", async () => {
    const sign = signer();
    const done: number[] = [];
    const sizes = Array.from({ length: 40 }, (_, i) => i % 3 === 0 ? 200_000 : 1);
    const texts = await Promise.all(sizes.map(async (size, i) => {
      const text = await sign.sign(heartbeat({ x: "x".repeat(size) }));
      done.push(i);
      return text;
    }));
    deepEqual(done, sizes.map((_, i) => i));
    const verify = verifier();
    const outcomes = await Promise.all(texts.map((text) => verify.verify(text)));
    deepEqual(
      outcomes.map((outcome) => outcome.ok && outcome.frame.seq),
      sizes.map((_, i) => i + 1),
    );
  });

  it("createFrameSigner() begins at 1 in each session", async () => {
    for (const session of [signer(), signer()]) {
      const sequence = [await session.sign(heartbeat()), await session.sign(heartbeat())]
        .map((text) => (JSON.parse(text) as { seq: number }).seq);
      deepEqual(sequence, [1, 2]);
    }
  });

  it("createFrameSigner() goes on when one frame cannot be signed", async () => {
    const sign = signer();
    const bad = sign.sign({ type: "heartbeat", id: "\ud800", payloadText: "{}" });
    const good = sign.sign(heartbeat());
    await rejects(bad, { code: "Z4J_JSON_UNPRINTABLE" });
    const outcome = await verifier().verify(await good);
    equal(outcome.ok && outcome.frame.seq, 2);
  });

  it("createFrameVerifier() agrees when the keys of a frame are permuted", async () => {
    const text = await signer().sign(heartbeat({ a: 1, b: { c: [1.25] } }));
    const members = Object.entries(JSON.parse(text) as object);
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray(members, { minLength: members.length }),
        async (order) => {
          equal(await reasonOf(JSON.stringify(Object.fromEntries(order), null, 1)), "accepted");
        },
      ),
      { numRuns: 40 },
    );
  });

  it("createFrameVerifier() refuses a frame when any single character is changed", async () => {
    const text = await signer().sign(heartbeat({ n: 1.5, s: "x\\y", t: null }));
    for (let at = 0; at < text.length; at++) {
      const changed = text.slice(0, at) + (text[at] === "1" ? "2" : "1") + text.slice(at + 1);
      const reason = await reasonOf(changed);
      ok(reason !== "accepted", `position ${at}: ${changed}`);
    }
  });

  it("createFrameVerifier() refuses a frame when its raw text was signed instead of the canonical one", async () => {
    const raw = envelope('"type":"heartbeat","payload":{"x":1.50}');
    const hmac = await key.sign(raw.replace(/}$/, IDENTITY_MEMBERS));
    equal(await reasonOf(raw.replace(/}$/, `,"hmac":"${hmac}"}`)), "bad_signature");
    equal(await reasonOf(await signText(raw)), "accepted");
  });

  it("createFrameVerifier() names the first broken rule when a frame is refused", async () => {
    const cases: readonly (readonly [string, string])[] = [
      ["nope", "not_json"],
      ["[]", "not_object"],
      ['{"v":3,"type":7}', "unsupported_version"],
      ['{"v":2.0,"type":"heartbeat"}', "bad_version"],
      ['{"v":2}', "bad_type"],
      ['{"v":2,"type":"hello"}', "malformed_handshake"],
      [HELLO_FRAME, "handshake_frame"],
      ['{"v":2,"type":"hello_ack"}', "malformed_handshake"],
      ['{"type":"nope"}', "unknown_type"],
      ['{"type":"heartbeat"}', "bad_version"],
      ['{"v":2,"type":"heartbeat","payload":[]}', "bad_payload"],
      ['{"v":2,"type":"heartbeat","payload":{"x":NaN}}', "unprintable"],
      ['{"v":2,"type":"heartbeat","payload":{"x":"\\ud800"}}', "unprintable"],
      ['{"v":2,"type":"heartbeat","hmac":5}', "bad_hmac"],
      ['{"v":2,"type":"heartbeat","hmac":0.5}', "bad_hmac"],
      ['{"v":2,"type":"heartbeat","hmac":123456789012345678901}', "bad_hmac"],
      ['{"v":2,"type":"heartbeat","hmac":true}', "bad_hmac"],
      [`{"v":2,"type":"heartbeat","hmac":"${"é".repeat(64)}"}`, "bad_hmac"],
      ['{"v":2,"type":"heartbeat","hmac":0.0}', "bad_signature"],
      ['{"v":2,"type":"heartbeat","hmac":false}', "bad_signature"],
      [`{"v":2,"type":"heartbeat","hmac":"${"😀".repeat(32)}"}`, "bad_signature"],
      ['{"v":2,"type":"heartbeat"}', "bad_signature"],
      [await signText(envelope('"type":"command_result","payload":{"status":"ok"}')), "bad_status"],
      [
        await signText(envelope('"type":"heartbeat","payload":{"telemetry_loss":{}}')),
        "bad_telemetry_loss",
      ],
      [await signText(envelope('"type":"command","payload":{}')), "wrong_direction"],
      [
        await signText(envelope('"type":"heartbeat","payload":null').replace('"n"', '""')),
        "bad_nonce",
      ],
      [await signText(envelope('"type":"heartbeat","payload":null')), "accepted"],
    ];
    for (const [text, reason] of cases) equal(await reasonOf(text), reason, text);
  });

  it("createFrameVerifier() judges what an agent says of its losses", async () => {
    const reported = async (loss: string): Promise<string> =>
      await reasonOf(
        await signText(envelope(`"type":"agent_status","payload":{"telemetry_loss":${loss}}`)),
      );
    const names = (buffer: string, rest = ""): string =>
      `{"buffer_id":"${buffer}","runtime_id":"r"${rest}}`;
    const events = (count: number): string =>
      JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i])));
    for (
      const loss of [
        names("b"),
        names("😀".repeat(64)),
        names("b", ',"event_records":0,"other_frames":9007199254740991,"new":[]'),
        names("b", `,"adapter_events":${events(32)}`),
      ]
    ) {
      equal(await reported(loss), "accepted", loss);
    }
    for (
      const loss of [
        "[]",
        '{"buffer_id":"b"}',
        names(""),
        names("😀".repeat(65)),
        names("b", ',"event_records":-1'),
        names("b", ',"event_records":1.0'),
        names("b", ',"event_records":9007199254740992'),
        names("b", ',"adapter_events":[]'),
        names("b", ',"adapter_events":{"":1}'),
        names("b", ',"adapter_events":{"k":-1}'),
        names("b", `,"adapter_events":${events(33)}`),
      ]
    ) {
      equal(await reported(loss), "bad_telemetry_loss", loss);
    }
  });

  it("createFrameVerifier() never rejects, whatever it is handed", async () => {
    equal(await reasonOf(undefined as unknown as string), "internal");
    equal(await reasonOf(7 as unknown as string), "internal");
  });

  it("createFrameVerifier() leaves the sequence alone when a frame is refused", async () => {
    const verify = verifier();
    const sign = signer();
    const first = await sign.sign(heartbeat());
    const second = await sign.sign(heartbeat());
    const forged = second.replace('"seq":2', '"seq":900');
    const outcomes = await Promise.all(
      [forged, first, first, second].map((text) => verify.verify(text)),
    );
    deepEqual(outcomes.map((outcome) => outcome.ok || outcome.reason), [
      "bad_signature",
      true,
      "stale_seq",
      true,
    ]);
  });

  it("createFrameVerifier() takes the other direction when that is allowed", async () => {
    const text = await signer().sign(heartbeat());
    const strict = await verifier("brain_to_agent").verify(text);
    equal(strict.ok || strict.reason, "wrong_direction");
    equal(uploadEffect(strict), "dispatched");
    const lax = createFrameVerifier({
      key,
      identity: IDENTITY,
      clock,
      direction: "brain_to_agent",
      enforceDirection: false,
    });
    equal((await lax.verify(text)).ok, true);
  });
});

describe("hmac", () => {
  it("decodeHmacSecret() throws Z4J_SECRET_INVALID when the text is empty or no base64", () => {
    const invalid = (reason: string) => ({ code: "Z4J_SECRET_INVALID", details: { reason } });
    throws(() => decodeHmacSecret(" \u3000"), invalid("missing"));
    for (const text of ["====", "A", "a+b/", "AA=A", "\ufeffAAAA"]) {
      throws(() => decodeHmacSecret(text), invalid("not_base64"), text);
    }
  });

  it("importHmacKey() rejects when the secret is too short", async () => {
    await rejects(importHmacKey(new Uint8Array(31)), {
      code: "Z4J_SECRET_INVALID",
      details: { reason: "too_short" },
    });
  });

  it("admit() takes a stamp at either edge of the window and none beyond it", () => {
    const admit = (offsetMs: number): ReplayProblem | null =>
      createReplayGuard(clock).admit({
        seq: 1,
        nonce: "n",
        ts: new Date(NOW + offsetMs).toISOString(),
      });
    for (const edge of [MAX_CLOCK_SKEW_MS, -MAX_CLOCK_SKEW_MS]) {
      equal(admit(edge), null);
      equal(admit(edge + Math.sign(edge)), "clock_skew");
    }
  });

  it("verify() refuses a digest when it is in upper case", async () => {
    const hex = await key.sign("text");
    match(hex, /^[0-9a-f]{64}$/);
    equal(await key.verify("text", hex), true);
    equal(await key.verify("text", hex.toUpperCase()), false);
    equal(await key.verify("texT", hex), false);
  });
});
