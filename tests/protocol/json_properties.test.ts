import { ok, strictEqual as equal, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { JsonValue } from "../../src/base/json.ts";
import { encodeCanonical } from "../../src/protocol/canonical_json.ts";
import {
  isObject,
  type ParsedObject,
  parseFrame,
  signedText,
} from "../../src/protocol/frame_text.ts";
import {
  type JsonTree,
  JsonTreeObject,
  parseJsonBytes,
  parseJsonTree,
  printCanonical,
  treeToValue,
} from "../../src/protocol/json_tree.ts";
import { stringText } from "../../src/protocol/json_text.ts";

const RUNS = { numRuns: 300 };
const jsonValue: fc.Arbitrary<JsonValue> = fc
  .jsonValue({ noUnicodeString: false, stringUnit: "binary" })
  .filter((value) => JSON.stringify(value).isWellFormed())
  .filter((value) => !/\\ud[89a-f]/i.test(JSON.stringify(value))) as fc.Arbitrary<JsonValue>;
// Texts with every freedom that JSON gives: spelling of numbers, escapes,
// blanks, order and repetition of keys.
const jsonText: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => {
  const blank = fc.constantFrom("", " ", "\n", "\t\r");
  const key = fc.constantFrom('"a"', '"b"', '"\\u0061"', '"__proto__"', '"\ue000"', '"😀"', '"é"');
  const member = fc.tuple(blank, key, blank, tie("value")).map(([x, k, y, v]) =>
    `${x}${k}${y}:${v}`
  );
  return {
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(
        "0",
        "-0",
        "1.0",
        "1e0",
        "10e-1",
        "1E+2",
        "1e-7",
        "123456789012345678901",
        "-1.50",
      ),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => JSON.stringify(x)),
      fc.constantFrom('"\\/"', '"\\u0041\\u001F"', '"\\ud83d\\ude00"', '"é\u2028"', "true", "null"),
      fc.array(tie("value"), { maxLength: 4 }).map((items) => `[${items.join(" ,")}]`),
      fc.array(member, { maxLength: 4 }).map((items) => `{${items.join(",")}}`),
    ),
  };
}).value;

describe("canonical JSON", () => {
  it("encodeCanonical() equals parsing and printing when the value is JSON", () => {
    fc.assert(
      fc.property(jsonValue, (value) => {
        equal(encodeCanonical(value), printCanonical(parseJsonTree(JSON.stringify(value))));
      }),
      RUNS,
    );
  });

  it("printCanonical() reaches a fixpoint when its text is parsed again", () => {
    fc.assert(
      fc.property(jsonText, (text) => {
        const once = printCanonical(parseJsonTree(text));
        equal(printCanonical(parseJsonTree(once)), once);
      }),
      RUNS,
    );
  });

  it("signedText() equals printing everything when parts of the source are copied", () => {
    fc.assert(
      fc.property(jsonText, jsonText, (a, b) => {
        const text = `{"v":2,"payload":${a},"x":${b},"hmac":"h","agent_id":${a},"id" : "i"}`;
        equal(signedText(objectOf(text), IDENTITY), printedWhole(text));
        const canonical = printCanonical(parseJsonTree(text));
        equal(signedText(objectOf(canonical), IDENTITY), printedWhole(text));
      }),
      RUNS,
    );
  });

  it("treeToValue() equals JSON.parse() when numbers are doubles anyway", () => {
    fc.assert(
      fc.property(jsonValue, (value) => {
        const text = JSON.stringify(value);
        equal(encodeCanonical(treeToValue(parseJsonTree(text))), encodeCanonical(JSON.parse(text)));
      }),
      RUNS,
    );
  });

  it("parseJsonTree() accepts what JSON.parse() accepts when characters are changed", () => {
    const edit = fc.tuple(
      jsonText,
      fc.nat(),
      fc.constantFrom('"', "\\", "{", "]", ",", "0", "e", "-", ".", "\u0001", ""),
    );
    fc.assert(
      fc.property(edit, ([text, at, char]) => {
        const from = at % (text.length + 1);
        const changed = text.slice(0, from) + char + text.slice(from + 1);
        equal(parses(parseJsonTree, changed), parses(JSON.parse, changed), changed);
      }),
      { numRuns: 2000 },
    );
  });

  it("parseJsonBytes() equals parseJsonTree() when the bytes are UTF-8, UTF-16 or UTF-32", () => {
    fc.assert(
      fc.property(jsonText, (text) => {
        const expected = printCanonical(parseJsonTree(text));
        for (const bytes of encodings(text)) {
          equal(printCanonical(parseJsonBytes(bytes)), expected);
        }
      }),
      { numRuns: 100 },
    );
  });

  it("parseJsonBytes() tells the encoding of a text without a mark by its first bytes", () => {
    const units = (text: string): number[] => [...text].map((char) => char.codePointAt(0) ?? 0);
    for (const text of ["12", "123", "[1,2]", '{"k":"é"}']) {
      for (const size of [2, 4] as const) {
        for (const little of [true, false]) {
          equal(printCanonical(parseJsonBytes(pack(units(text), size, little))), text);
        }
      }
    }
    // One digit alone: two bytes are enough for UTF-16, four are taken for UTF-32.
    equal(parseJsonBytes(Uint8Array.of(0, 0x37)), 7);
    equal(parseJsonBytes(Uint8Array.of(0x37, 0)), 7);
    equal(parseJsonBytes(Uint8Array.of(0, 0, 0, 0x37)), 7);
    equal(parseJsonBytes(Uint8Array.of(0x37, 0, 0, 0)), 7);
    equal(parseJsonBytes(Uint8Array.of(0x37)), 7);
  });

  it("parseJsonBytes() refuses units that are cut off, and numbers that are no characters", () => {
    for (
      const bytes of [
        [0, 0x37, 0x37],
        [0, 0x5b, 0, 0x5d, 0],
        [0, 0, 0, 0x5b, 0, 0x5d],
        [0, 0, 0, 0x22, 0, 0x11, 0, 0, 0, 0, 0, 0x22],
        [0x22, 0xc0, 0xaf, 0x22],
      ]
    ) {
      throws(() => parseJsonBytes(Uint8Array.from(bytes)), { code: "Z4J_JSON_INVALID" });
    }
  });

  it("treeToValue() keeps the prototype when a key is __proto__", () => {
    const value = treeToValue(parseJsonTree('{"__proto__":{"polluted":true}}')) as object;
    equal(Object.getPrototypeOf(value), Object.prototype);
    equal(Object.hasOwn(value, "__proto__"), true);
    equal("polluted" in value, false);
  });

  it("parseJsonTree() refuses deep nesting without a stack overflow", () => {
    const deep = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);
    equal(printCanonical(parseJsonTree(deep(990))), deep(990));
    throws(() => parseJsonTree(deep(991)), { code: "Z4J_JSON_INVALID" });
    throws(() => parseJsonTree("[".repeat(1_000_000)), { code: "Z4J_JSON_INVALID" });
  });

  it("encodeCanonical() throws Z4J_JSON_UNPRINTABLE when a value has no text", () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    for (const value of ["\ud800", { "\udc00": 1 }, [1n], [() => 1], cycle]) {
      throws(() => encodeCanonical(value as JsonValue), { code: "Z4J_JSON_UNPRINTABLE" });
    }
  });

  it("encodeCanonical() prints null when a number is not finite, and integers below 1e21", () => {
    equal(
      encodeCanonical([NaN, Infinity, -Infinity, -0, 1e20, 1e21]),
      "[null,null,null,0,100000000000000000000,1e+21]",
    );
    equal(encodeCanonical([1e-7, 0.0001, 1.5e300, 5e-324]), "[1e-07,0.0001,1.5e+300,5e-324]");
  });

  it("encodeCanonical() leaves out members that are undefined", () => {
    equal(encodeCanonical({ c: undefined, b: 1, a: undefined } as never), '{"b":1}');
    equal(encodeCanonical({ a: undefined } as never), "{}");
  });

  it("encodeCanonical() sorts by code point when there are few and many keys", () => {
    const keys = Array.from({ length: 40 }, (_, i) => `k${(i * 7) % 40}`);
    for (const chosen of [keys.slice(0, 9), keys, ["\u{1f600}", "\ufffd", "\ue000", "a"]]) {
      const value = Object.fromEntries(chosen.map((key) => [key, 1]));
      const sorted = chosen.toSorted((a, b) =>
        (a.codePointAt(0) ?? 0) - (b.codePointAt(0) ?? 0) || (a < b ? -1 : 1)
      );
      equal(encodeCanonical(value), `{${sorted.map((key) => `${stringText(key)}:1`).join(",")}}`);
    }
  });
});

const IDENTITY = { agentId: "a", projectId: "p", sessionId: "s" };

function objectOf(text: string): ParsedObject {
  const frame = parseFrame(text);
  ok(isObject(frame));
  return frame;
}

function printedWhole(text: string): string {
  const tree = parseJsonTree(text) as JsonTreeObject;
  const members = new Map<string, JsonTree>(
    tree.keys.map((key, i) => [key, tree.values[i] ?? null]),
  );
  members.delete("hmac");
  members.set("agent_id", "a").set("project_id", "p").set("session_id", "s");
  const keys = [...members.keys()].sort();
  return printCanonical(new JsonTreeObject(keys, keys.map((key) => members.get(key) ?? null)));
}

function parses(parse: (text: string) => unknown, text: string): boolean {
  try {
    parse(text);
    return true;
  } catch {
    return false;
  }
}

function encodings(text: string): Uint8Array[] {
  const utf8 = new TextEncoder().encode(text);
  const codes = [...text].map((char) => char.codePointAt(0) ?? 0);
  const units = Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));
  return [
    utf8,
    Uint8Array.of(0xef, 0xbb, 0xbf, ...utf8),
    pack([0xfeff, ...units], 2, true),
    pack([0xfeff, ...units], 2, false),
    pack([0xfeff, ...codes], 4, true),
    pack([0xfeff, ...codes], 4, false),
  ];
}

function pack(units: readonly number[], size: 2 | 4, little: boolean): Uint8Array {
  const view = new DataView(new ArrayBuffer(units.length * size));
  units.forEach((unit, i) =>
    size === 2 ? view.setUint16(i * 2, unit, little) : view.setUint32(i * 4, unit, little)
  );
  return new Uint8Array(view.buffer);
}
