import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readCadence } from "../../src/schedulers/bullmq/cadence.ts";
import { brainPattern, nativePattern } from "../../src/schedulers/bullmq/pattern.ts";

describe("patterns of BullMQ for the brain", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["0 3 * * *", "0 3 * * *"],
    ["0 0 3 * * *", "0 3 * * *"],
    ["*/10 * * * * *", "* * * * * */10"],
    ["15 30 4 1 JAN 5", "30 4 1 jan 5 15"],
    ["0 0 L * *", "0 0 L * *"],
    ["0 0 * * 5L", "0 0 * * L5"],
    ["0 0 * * friL", "0 0 * * L5"],
    ["0 0 * * 1#2", "0 0 * * 1#2"],
    ["? 0 ? * *", "* 0 * * *"],
    ["5/5 0 * * *", "5/5 0 * * *"],
    ["@daily", "0 0 * * *"],
    ["@weekdays", "0 0 * * 1-5"],
    ["0 0 * * thu", "0 0 * * thu"],
  ];
  for (const [native, shown] of cases) {
    it(`shows "${native}" as "${shown}"`, () => {
      assert.deepEqual(brainPattern(native), { expression: shown, isTranslated: true });
    });
  }
  for (const native of ["H 0 * * *", "0 0 * * 1#1,3", "0 0 15W * *", "nonsense", "1 2 3 4 5 6 7"]) {
    it(`shows "${native}" as it is, with a note`, () => {
      assert.deepEqual(brainPattern(native), {
        expression: `${native} (bullmq)`,
        isTranslated: false,
      });
    });
  }
});

describe("patterns of the brain for BullMQ", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["0 3 * * *", "0 3 * * *"],
    ["0 3 * * * 0", "0 3 * * *"],
    ["* * * * * */10", "*/10 * * * * *"],
    ["30 4 1 jan 5 15", "15 30 4 1 jan 5"],
    ["0 0 * * L5", "0 0 * * 5L"],
    ["0 0 l * *", "0 0 L * *"],
    ["0 0 * * mon-fri", "0 0 * * mon-fri"],
    ["0 0 29 2 *", "0 0 29 2 *"],
    ["@hourly", "0 * * * *"],
  ];
  for (const [shown, pattern] of cases) {
    it(`makes "${pattern}" of "${shown}"`, () => {
      assert.deepEqual(nativePattern(shown), { pattern });
    });
  }
  const refused: readonly (readonly [string, RegExp])[] = [
    ["0 0 31 2 *", /never comes/],
    ["0 0 31 4,6 *", /never comes/],
    ["60 0 * * *", /minute field goes from 0 to 59/],
    ["0 0 * * 5-1", /cannot wrap around/],
    ["0 0 15W * *", /no nearest weekday/],
    ["H 0 * * *", /minute field cannot hold h/],
    ["@every 5m", /does not know the alias/],
    ["0 0 * *", /five or six fields, not 4/],
    ["*/0 * * * *", /step of zero/],
    ["0 0 * * * 61", /second field goes from 0 to 59/],
  ];
  for (const [expression, reason] of refused) {
    it(`refuses "${expression}"`, () => {
      const outcome = nativePattern(expression);
      assert.ok("refused" in outcome && reason.test(outcome.refused), JSON.stringify(outcome));
    });
  }
});

describe("cadences that an operator writes", () => {
  const now = 1_000_500;
  it("start an interval one interval from now", () => {
    const cadence = readCadence({ kind: "interval", expression: "60" }, now);
    assert.deepEqual(cadence, { repeat: { every: 60_000, offset: 1_000_500 % 60_000 } });
  });

  it("keep limit and end of the schedule that they change", () => {
    const before = { pattern: "0 1 * * *", tz: "Asia/Tokyo", limit: 5, endDate: 9e12 };
    assert.deepEqual(readCadence({ kind: "cron", expression: "0 2 * * *" }, now, before), {
      repeat: { pattern: "0 2 * * *", tz: "Asia/Tokyo", limit: 5, endDate: 9e12 },
    });
  });

  it("are refused when BullMQ could not keep them", () => {
    const reason = (
      kind: "cron" | "interval" | "clocked",
      expression: string,
      timezone?: string,
    ) => {
      const cadence = readCadence(
        { kind, expression, ...(timezone === undefined ? {} : { timezone }) },
        now,
      );
      return "refused" in cadence ? cadence.refused : "taken";
    };
    assert.match(reason("cron", "0 1 * * *", "Mars/Base"), /no timezone Mars\/Base/);
    assert.match(reason("interval", "0.2"), /at least 1/);
    assert.match(reason("interval", "often"), /number of seconds/);
    assert.match(reason("interval", "60", "Asia/Tokyo"), /no timezone/);
    assert.match(reason("clocked", "2030-01-01T00:00:00Z"), /submit a job/);
  });
});
