import { Buffer } from "node:buffer";
import { strictEqual as equal, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import { hexOf } from "../../src/base/hex.ts";
import { hmacBytes } from "../../src/protocol/hmac.ts";
import { floatText } from "../../src/protocol/json_text.ts";
import { JsonFloat, printCanonical } from "../../src/protocol/json_tree.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const same = (byte: number, length: number): Uint8Array => new Uint8Array(length).fill(byte);

// RFC 4231 sections 4.2 to 4.8; the tags were made again with Python's `hmac`.
const HMAC: readonly (readonly [name: string, key: Uint8Array, data: Uint8Array, tag: string])[] = [
  [
    "1",
    same(0x0b, 20),
    bytes("Hi There"),
    "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
  ],
  [
    "2",
    bytes("Jefe"),
    bytes("what do ya want for nothing?"),
    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
  ],
  [
    "3",
    same(0xaa, 20),
    same(0xdd, 50),
    "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
  ],
  [
    "4",
    Uint8Array.from({ length: 25 }, (_, at) => at + 1),
    same(0xcd, 50),
    "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
  ],
  // The RFC prints the first 128 bits of this one.
  [
    "5",
    same(0x0c, 20),
    bytes("Test With Truncation"),
    "a3b6167473100ee06e0c796c2955552bfa6f7c0a6a8aef8b93f860aab0cd20c5",
  ],
  [
    "6",
    same(0xaa, 131),
    bytes("Test Using Larger Than Block-Size Key - Hash Key First"),
    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
  ],
  [
    "7",
    same(0xaa, 131),
    bytes(
      "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.",
    ),
    "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
  ],
];

// RFC 8785 appendix B: the bits of a double, its text there, and the text of Python's
// `repr`, which is the form of the wire (protocol 6.2).
const NUMBERS: readonly (readonly [bits: string, jcs: string, wire: string])[] = [
  ["0000000000000000", "0", "0.0"],
  ["8000000000000000", "0", "-0.0"],
  ["0000000000000001", "5e-324", "5e-324"],
  ["8000000000000001", "-5e-324", "-5e-324"],
  ["7fefffffffffffff", "1.7976931348623157e+308", "1.7976931348623157e+308"],
  ["ffefffffffffffff", "-1.7976931348623157e+308", "-1.7976931348623157e+308"],
  ["4340000000000000", "9007199254740992", "9007199254740992.0"],
  ["c340000000000000", "-9007199254740992", "-9007199254740992.0"],
  ["4430000000000000", "295147905179352830000", "2.9514790517935283e+20"],
  ["44b52d02c7e14af5", "9.999999999999997e+22", "9.999999999999997e+22"],
  ["44b52d02c7e14af6", "1e+23", "1e+23"],
  ["44b52d02c7e14af7", "1.0000000000000001e+23", "1.0000000000000001e+23"],
  ["444b1ae4d6e2ef4e", "999999999999999700000", "9.999999999999997e+20"],
  ["444b1ae4d6e2ef4f", "999999999999999900000", "9.999999999999999e+20"],
  ["444b1ae4d6e2ef50", "1e+21", "1e+21"],
  ["3eb0c6f7a0b5ed8c", "9.999999999999997e-7", "9.999999999999997e-07"],
  ["3eb0c6f7a0b5ed8d", "0.000001", "1e-06"],
  ["41b3de4355555553", "333333333.3333332", "333333333.3333332"],
  ["41b3de4355555554", "333333333.33333325", "333333333.33333325"],
  ["41b3de4355555555", "333333333.3333333", "333333333.3333333"],
  ["41b3de4355555556", "333333333.3333334", "333333333.3333334"],
  ["41b3de4355555557", "333333333.33333343", "333333333.33333343"],
  ["becbf647612f3696", "-0.0000033333333333333333", "-3.3333333333333333e-06"],
  ["43143ff3c1cb0959", "1424953923781206.2", "1424953923781206.2"],
];

function doubleOf(bits: string): number {
  return Buffer.from(bits, "hex").readDoubleBE(0);
}

describe("public vectors", () => {
  for (const [name, key, data, tag] of HMAC) {
    it(`HMAC-SHA256, case ${name} of RFC 4231`, async () => {
      equal(hexOf(await hmacBytes(key, data)), tag);
    });
  }

  it("floatText() prints the numbers of RFC 8785 as Python does", () => {
    for (const [bits, jcs, wire] of NUMBERS) {
      const value = doubleOf(bits);
      equal(floatText(value), wire, bits);
      equal(Object.is(Number(wire), value), true, `${bits} does not come back`);
      // RFC 8785 takes the text of ECMAScript: the table is written down right.
      equal(String(value), jcs, bits);
    }
  });

  it("printCanonical() refuses the two numbers that RFC 8785 has no text for", () => {
    for (const bits of ["7fffffffffffffff", "7ff0000000000000"]) {
      throws(() => printCanonical(new JsonFloat(doubleOf(bits))), { code: "Z4J_JSON_UNPRINTABLE" });
    }
  });
});
