import { deepEqual, ok } from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import type { FrameDirection } from "../../src/protocol/frames.ts";
import { decodeHmacSecret, type HmacKey } from "../../src/protocol/hmac.ts";
import { createFrameVerifier, type VerifyOutcome } from "../../src/protocol/signing.ts";
import { textOf, type VectorCase } from "../../scripts/vectors/case.ts";
import { createStandingClock, identityOf } from "../../scripts/vectors/session.ts";

const FILE = new URL("../vectors/frames.json", import.meta.url);

// WebCrypto takes ten times as long per call, and there are some 160 000.
function quickKey(secret: Uint8Array): HmacKey {
  const hex = (text: string): string => createHmac("sha256", secret).update(text).digest("hex");
  return {
    sign: (text) => Promise.resolve(hex(text)),
    verify: (text, mac) => Promise.resolve(hex(text) === mac),
  };
}

/** The signed frames that a verifier of ours takes as they are. */
function goldenFrames(): VectorCase[] {
  const { cases } = JSON.parse(readFileSync(FILE, "utf8")) as { readonly cases: VectorCase[] };
  return cases.filter((one) => one["valid"] === true && one["signed"] !== false);
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
    ok(frames.length >= 40 && flips > 100_000);
    ok(spellings < flips / 500, `${spellings} flips were taken`);
  });
});

function flip(bytes: Uint8Array, bit: number): void {
  bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
}
