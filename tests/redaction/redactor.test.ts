import { deepStrictEqual as deepEqual, ok, strictEqual as equal, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { createRedactor } from "../../src/redaction/redactor.ts";

const { redact, redactText } = createRedactor();

describe("createRedactor", () => {
  it("redact() turns host values into JSON when JSON lacks them", () => {
    class Point {
      readonly x = 1;
      readonly #hidden = 2;
      sum(): number {
        return this.x + this.#hidden;
      }
    }
    const value = {
      missing: undefined,
      list: [undefined, () => 1, Symbol("s"), 2n ** 70n, NaN],
      date: new Date(0),
      broken: new Date(NaN),
      map: new Map<unknown, unknown>([["a", 1], [2, "b"], ["password", "x"]]),
      set: new Set([1, "b@example.com"]),
      bytes: new Uint8Array(3),
      buffer: new ArrayBuffer(4),
      url: new URL("https://example.com/x"),
      point: new Point(),
      custom: { toJSON: () => ({ token: "x", n: 1 }) },
      lone: "a\ud800b",
      pattern: /x/g,
    };
    deepEqual(redact(value), {
      list: [null, null, null, (2n ** 70n).toString(), null],
      date: "1970-01-01T00:00:00.000Z",
      broken: null,
      map: { a: 1, 2: "b", password: "[REDACTED]" },
      set: [1, "[REDACTED]"],
      bytes: "[Uint8Array 3 bytes]",
      buffer: "[ArrayBuffer 4 bytes]",
      url: "https://example.com/x",
      point: { x: 1 },
      custom: { token: "[REDACTED]", n: 1 },
      lone: "a\ufffdb",
      pattern: "/x/g",
    });
  });

  it("redact() keeps name, message and stack when the value is an error", () => {
    const cause = new Error("mail bob@example.com");
    const error = Object.assign(new TypeError("bad", { cause }), { code: "E_X", token: "t" });
    const copy = redact(error) as Record<string, unknown>;
    equal(copy["name"], "TypeError");
    equal(copy["message"], "bad");
    equal(copy["code"], "E_X");
    equal(copy["token"], "[REDACTED]");
    equal((copy["cause"] as Record<string, unknown>)["message"], "[REDACTED]");
    ok(typeof copy["stack"] === "string");
  });

  it("redact() never throws when values are hostile", () => {
    const cycle: Record<string, unknown> = { n: 1 };
    cycle["self"] = cycle;
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const value = {
      cycle,
      proxy,
      get getter(): never {
        throw new Error("no");
      },
      json: {
        toJSON(): never {
          throw new Error("no");
        },
      },
      endless: {
        toJSON(): unknown {
          return { ...this };
        },
      },
    };
    const copy = redact(value) as Record<string, unknown>;
    deepEqual(copy["cycle"], { n: 1, self: "[REDACTED]" });
    equal(copy["proxy"], "[UNREADABLE]");
    equal(copy["getter"], "[UNREADABLE]");
    equal(copy["json"], "[UNREADABLE]");
  });

  it("redact() stops when there are too many values", () => {
    const copy = redact(Array.from({ length: 50_000 }, (_, i) => i)) as unknown[];
    ok(copy.length <= 10_001);
    equal(copy.at(-1), "[OMITTED]");
  });

  it("redact() answers well-formed JSON when the value is anything", () => {
    fc.assert(
      fc.property(
        fc.anything({
          withBigInt: true,
          withDate: true,
          withMap: true,
          withSet: true,
          withTypedArray: true,
        }),
        (value) => {
          const text = JSON.stringify(redact(value));
          ok(text.isWellFormed() && !/\\ud[89a-f]/i.test(text));
        },
      ),
      { numRuns: 300 },
    );
  });

  it("redact() reaches a fixpoint when its answer is redacted again", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const once = redact(value);
        deepEqual(redact(once), once);
      }),
      { numRuns: 300 },
    );
  });

  it("redact() keeps the prototype when a key is __proto__", () => {
    const copy = redact(JSON.parse('{"__proto__":{"x":1}}')) as object;
    equal(Object.getPrototypeOf(copy), Object.prototype);
    equal(JSON.stringify(copy), '{"__proto__":{"x":1}}');
  });

  it("redactText() ends soon when text is made to keep rules busy", () => {
    const units = [
      "eyJ",
      "a",
      "@a",
      "redis://u:",
      "bearer ",
      "SK0",
      "1-",
      "-----BEGIN ",
      "a.",
      "é",
    ];
    const startedAt = performance.now();
    for (const unit of units) redactText(unit.repeat(8192 / unit.length) + "@");
    ok(performance.now() - startedAt < 1000);
  });

  it("createRedactor() adds patterns when they are given", () => {
    const own = createRedactor({
      extraKeyPatterns: ["internal_.*"],
      extraValuePatterns: ["cust-\\d+"],
      maxValueBytes: 10,
    });
    deepEqual(own.redact({ Internal_id: 1, my_internal_id: 2, a: "x CUST-1", b: "x".repeat(12) }), {
      "Internal_i[...1 more bytes truncated]": "[REDACTED]",
      "my_interna[...4 more bytes truncated]": 2,
      a: "[REDACTED]",
      b: "xxxxxxxxxx[...2 more bytes truncated]",
    });
    const long = createRedactor({ extraKeyPatterns: ["x"] });
    deepEqual(long.redact({ ["k".repeat(65)]: 3, ["k".repeat(64)]: 4 }), {
      ["k".repeat(65)]: "[REDACTED]",
      ["k".repeat(64)]: 4,
    });
  });

  it("createRedactor() throws Z4J_SETTINGS_INVALID when a pattern is broken or slow", () => {
    for (const pattern of ["(", "", "(a+)+$", "(x|x)*y", "(\\d+|[0-9]+)*z"]) {
      const settings = { code: "Z4J_SETTINGS_INVALID" };
      throws(() => createRedactor({ extraKeyPatterns: [pattern] }), settings, pattern);
      throws(() => createRedactor({ extraValuePatterns: [pattern] }), settings, pattern);
    }
    throws(() => createRedactor({ maxValueBytes: 0 }), RangeError);
  });
});
