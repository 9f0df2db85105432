import { deepStrictEqual as deepEqual, strictEqual as equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { brainExpression } from "../../src/schedulers/croner/pattern.ts";

const TRANSLATED: readonly (readonly [string, string])[] = [
  ["*/5 * * * *", "*/5 * * * *"],
  ["*/10 0 3 * * *", "0 3 * * * */10"],
  ["0 30 3 * * 1-5", "30 3 * * 1-5"],
  ["0 0 3 * * * *", "0 3 * * *"],
  ["0 0 * * FRIL", "0 0 * * L5"],
  ["0 0 * * 5#L", "0 0 * * L5"],
  ["0 0 * * mon#2", "0 0 * * 1#2"],
  ["0 0 l * *", "0 0 L * *"],
  ["0 0 15w * *", "0 0 15W * *"],
  ["? 0 * JAN ?", "* 0 * jan *"],
  ["/10 * * * *", "*/10 * * * *"],
];

describe("brainExpression()", () => {
  for (const [native, expected] of TRANSLATED) {
    it(`brainExpression() writes ${expected} when croner has ${native}`, () => {
      deepEqual(brainExpression(native, {}), { expression: expected, untranslated: [] });
    });
  }

  it("brainExpression() shows the native text and why when the brain has no counterpart", () => {
    equal(
      brainExpression("0 0 0 1 1 * 2030", {}).expression,
      "0 0 0 1 1 * 2030 (croner: year)",
    );
    deepEqual(brainExpression("0 0 LW * *", {}).untranslated, ["LW"]);
    deepEqual(brainExpression("0 0 1W,15W * *", {}).untranslated, ["W in a list"]);
    deepEqual(brainExpression("0 0 * * 1,5L", {}).untranslated, ["nth weekday in a list"]);
    deepEqual(brainExpression("0 0 13 * 5", { domAndDow: true }).untranslated, ["both days"]);
    deepEqual(brainExpression("0 0 13 * +5", {}).untranslated, ["both days"]);
    deepEqual(brainExpression("0 0 * * *", { dayOffset: -1 }).untranslated, ["moved by -1 days"]);
    deepEqual(brainExpression("* * * * *", { interval: 90 }).untranslated, [
      "at least 90 s apart",
    ]);
  });
});
