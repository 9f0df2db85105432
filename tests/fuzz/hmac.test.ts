import { Buffer } from "node:buffer";
import { strictEqual as equal } from "node:assert/strict";
import { createHmac } from "node:crypto";
import { describe, it } from "node:test";
import { hmacHex, importHmacKey } from "../../src/protocol/hmac.ts";
import { createRandom, FUZZ } from "./random.ts";

// The cases are made like Wycheproof's for HMAC-SHA256: keys shorter than, as
// long as and longer than a block, empty texts, and tags changed in one bit.
describe("HMAC-SHA256 against a second implementation", () => {
  it("hmacHex() agrees for every key length around the block size", async () => {
    const random = createRandom(FUZZ.seed);
    for (let length = 0; length <= 136; length++) {
      const secret = Uint8Array.from({ length }, () => random.below(256));
      const text = "é😀x\u0000".repeat(random.below(60));
      equal(await hmacHex(secret, text), createHmac("sha256", secret).update(text).digest("hex"));
    }
  });

  it("HmacKey.verify() refuses a tag when any bit, its length or its case is changed", async () => {
    const secret = new Uint8Array(32).fill(9);
    const key = await importHmacKey(secret);
    const tag = createHmac("sha256", secret).update("text").digest();
    equal(await key.verify("text", tag.toString("hex")), true);
    for (let bit = 0; bit < 256; bit++) {
      const flipped = Uint8Array.from(
        tag,
        (byte, at) => at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte,
      );
      equal(await key.verify("text", Buffer.from(flipped).toString("hex")), false, `bit ${bit}`);
    }
    const hex = tag.toString("hex");
    for (const wrong of ["", hex.slice(0, 32), hex.slice(2), `${hex}00`, hex.toUpperCase()]) {
      equal(await key.verify("text", wrong), false, wrong);
    }
  });
});
