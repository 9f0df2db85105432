import { deepStrictEqual as deepEqual, strictEqual as equal } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { hexOf } from "../../src/base/hex.ts";
import { equalTexts, hmacBytes, importHmacKey } from "../../src/protocol/hmac.ts";

interface Case {
  readonly tcId: number;
  readonly comment: string;
  readonly key: string;
  readonly msg: string;
  readonly tag: string;
  readonly result: "valid" | "invalid";
}
interface Group {
  readonly keySize: number;
  readonly tagSize: number;
  readonly tests: readonly Case[];
}
interface Vectors {
  readonly numberOfTests: number;
  readonly testGroups: readonly Group[];
}

const FILE = new URL("../vectors/wycheproof/hmac_sha256.json", import.meta.url);
const vectors = JSON.parse(readFileSync(fileURLToPath(FILE), "utf8")) as Vectors;
const cases = vectors.testGroups.flatMap((group) =>
  group.tests.map((test) => ({ ...test, keySize: group.keySize, tagSize: group.tagSize }))
);
const bytes = (hex: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(hex, "hex"));

/** The text of which these bytes are the UTF-8, or `null`. */
function textOf(message: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(message);
  } catch {
    return null;
  }
}

/** What the comment of a case says was done to each byte of the right tag. */
function changeOf(comment: string, right: Uint8Array): readonly number[] {
  const flipped = /^Flipped bits? (.+) in tag$/.exec(comment)?.[1]?.split(" and ").map(Number);
  if (flipped !== undefined) {
    const masks = right.map(() => 0);
    for (const bit of flipped) masks[bit >> 3] = (masks[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    return [...masks];
  }
  const all: Readonly<Record<string, (byte: number) => number>> = {
    "all bits of tag flipped": () => 0xff,
    "Tag changed to all zero": (byte) => byte,
    "tag changed to all 1": (byte) => byte ^ 0xff,
    "msbs changed in tag": () => 0x80,
    "lsbs changed in tag": () => 0x01,
  };
  return [...right].map((byte) => all[comment]?.(byte) ?? 0);
}

describe("HMAC-SHA256 of Wycheproof", () => {
  it("is written down whole: every tag is what its case says of it", () => {
    equal(cases.length, vectors.numberOfTests);
    deepEqual(cases.map(({ tcId }) => tcId), Array.from({ length: 174 }, (_, at) => at + 1));
    for (const { tcId, comment, key, msg, tag, result, keySize, tagSize } of cases) {
      equal(key.length * 4, keySize, `case ${tcId}`);
      equal(tag.length * 4, tagSize, `case ${tcId}`);
      const right = createHmac("sha256", bytes(key)).update(bytes(msg)).digest()
        .subarray(0, tagSize / 8);
      const change = [...bytes(tag)].map((byte, at) => byte ^ (right[at] ?? 0));
      const expected = result === "valid" ? change.map(() => 0) : changeOf(comment, right);
      deepEqual(change, expected, `case ${tcId}`);
      equal(change.some((mask) => mask !== 0), result === "invalid", `case ${tcId}`);
    }
  });

  it("hmacBytes() makes the tags of the valid cases, and of no other", async () => {
    for (const { tcId, key, msg, tag, result, tagSize } of cases) {
      const made = hexOf(await hmacBytes(bytes(key), bytes(msg))).slice(0, tagSize / 4);
      equal(equalTexts(made, tag), result === "valid", `case ${tcId}`);
    }
  });

  it("verify() takes the whole right tag of a text, none that was changed or cut off", async () => {
    let [taken, refused] = [0, 0];
    for (const { tcId, key, msg, tag, result, keySize, tagSize } of cases) {
      const text = textOf(bytes(msg));
      if (text === null || keySize < 256) continue;
      const isRight = result === "valid" && tagSize === 256;
      const hmac = await importHmacKey(bytes(key));
      equal(await hmac.verify(text, tag), isRight, `case ${tcId}`);
      if (isRight) taken += 1;
      else refused += 1;
    }
    deepEqual([taken > 0, refused > 108], [true, true], `${taken} taken, ${refused} refused`);
  });
});
