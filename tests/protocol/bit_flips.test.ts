import { deepStrictEqual as deepEqual, ok } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import type { FrameDirection } from "../../src/protocol/frames.ts";
import { decodeHmacSecret, type HmacKey, importHmacKey } from "../../src/protocol/hmac.ts";
import { createFrameVerifier, type VerifyOutcome } from "../../src/protocol/signing.ts";
import { textOf, type VectorCase } from "../../scripts/vectors/case.ts";
import { createStandingClock, identityOf } from "../../scripts/vectors/session.ts";
import { quickKey } from "../fuzz/frame_grammar.ts";

const FRAMES = new URL("../vectors/frames.json", import.meta.url);
const REPLAY = new URL("../vectors/replay.json", import.meta.url);

function casesOf(file: URL): readonly VectorCase[] {
  return (JSON.parse(readFileSync(file, "utf8")) as { readonly cases: VectorCase[] }).cases;
}

/**
 * The signed frames that a verifier of ours takes as they are: those of `frames.json`, and those
 * of `replay.json` that a session took. A hello has no signature.
 */
function goldenFrames(): VectorCase[] {
  const single = casesOf(FRAMES).filter((one) => one["valid"] === true && one["signed"] !== false);
  const texts = new Set<unknown>();
  const steps = casesOf(REPLAY).flatMap((vector) =>
    (vector["steps"] as readonly VectorCase[] | undefined ?? []).filter((step) => {
      if (step["expect"] !== "accept" || texts.has(step["frame_text"])) return false;
      texts.add(step["frame_text"]);
      return true;
    }).map((step): VectorCase => ({ direction: "agent->brain", ...vector, ...step }))
  );
  return [...single, ...steps];
}

function judge(vector: VectorCase, key: HmacKey, data: Uint8Array): Promise<VerifyOutcome> {
  const clock = createStandingClock();
  clock.set(textOf(vector, "now"));
  const direction: FrameDirection = textOf(vector, "direction") === "agent->brain"
    ? "agent_to_brain"
    : "brain_to_agent";
  const identity = identityOf(vector);
  return createFrameVerifier({ key, identity, direction, clock, enforceDirection: false })
    .verify(data);
}

describe("createFrameVerifier() on damaged golden frames", () => {
  // A signature covers what a frame says, not how it is spelled: `\u00e9` is
  // `\u00E9`, 1e5 is 1E5, and members that no receiver reads are not signed.
  it("verify() refuses every single bit flip that changes what a golden frame says", async () => {
    const frames = goldenFrames();
    let flips = 0;
    let spellings = 0;
    for (const vector of frames) {
      // Web Crypto takes ten times as long, and there are some 200 000 flips.
      const key = quickKey(decodeHmacSecret(textOf(vector, "secret_b64url")));
      const bytes = new TextEncoder().encode(textOf(vector, "frame_text"));
      const whole = await judge(vector, key, bytes);
      ok(whole.ok, textOf(vector, "name"));
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        flip(bytes, bit);
        const outcome = await judge(vector, key, bytes);
        if (outcome.ok) {
          spellings++;
          deepEqual(outcome.frame, whole.frame, `${textOf(vector, "name")} bit ${bit}`);
        }
        flip(bytes, bit);
        flips++;
      }
    }
    console.log(`${flips} bit flips of ${frames.length} frames, ${spellings} of the spelling only`);
    ok(frames.length >= 75 && flips > 150_000);
    ok(spellings < flips / 500, `${spellings} flips were taken`);
  });
});

describe("importHmacKey() on damaged digests", () => {
  it("verify() refuses every single bit flip of the digest of a golden frame of each type", async () => {
    const byType = new Map(goldenFrames().map((vector) => [typeOf(vector), vector]));
    let flips = 0;
    for (const vector of byType.values()) {
      const key = await importHmacKey(decodeHmacSecret(textOf(vector, "secret_b64url")));
      const text = textOf(vector, "frame_text");
      const bytes = new TextEncoder().encode(text);
      const { hmac } = JSON.parse(text) as { readonly hmac: string };
      const from = new TextEncoder().encode(text.slice(0, text.indexOf(hmac))).length;
      for (let bit = from * 8; bit < (from + hmac.length) * 8; bit++) {
        flip(bytes, bit);
        ok(!(await judge(vector, key, bytes)).ok, `${typeOf(vector)} bit ${bit}`);
        flip(bytes, bit);
        flips++;
      }
      ok((await judge(vector, key, bytes)).ok, typeOf(vector));
    }
    ok(byType.size >= 6 && flips === byType.size * 512, `${flips} of ${byType.size} types`);
  });
});

function typeOf(vector: VectorCase): string {
  return (JSON.parse(textOf(vector, "frame_text")) as { readonly type: string }).type;
}

function flip(bytes: Uint8Array, bit: number): void {
  bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
}
