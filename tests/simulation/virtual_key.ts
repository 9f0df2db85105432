import type { HmacKey } from "../../src/protocol/hmac.ts";

/**
 * A key that signs at once: Web Crypto answers from another thread, at a moment
 * that no seed repeats. Not secure; unequal texts or keys give unequal digests
 * as surely as the simulation needs.
 */
export function virtualKey(secret: number): HmacKey {
  const digest = (text: string): string => {
    let a = 0x811c9dc5 ^ secret;
    let b = Math.imul(secret + 1, 0x9e3779b1);
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      a = Math.imul(a ^ code, 0x01000193);
      b = Math.imul(b ^ code, 0x85ebca6b) ^ (b >>> 13);
    }
    const half = (a >>> 0).toString(16).padStart(8, "0") + (b >>> 0).toString(16).padStart(8, "0");
    return half.repeat(4);
  };
  return {
    sign: (text) => Promise.resolve(digest(text)),
    verify: (text, hex) => Promise.resolve(digest(text) === hex),
  };
}
