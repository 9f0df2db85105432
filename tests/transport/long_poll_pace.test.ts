import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createFakeClock } from "../../src/testing/fake_clock.ts";
import { createRequestPace } from "../../src/transport/long_poll_pace.ts";

const never = new AbortController().signal;

describe("createRequestPace()", () => {
  it("lets at most 600 requests a minute through, the first burst at once", async () => {
    const clock = createFakeClock();
    const pace = createRequestPace(clock);
    let passed = 0;
    const loop = async (): Promise<void> => {
      while (passed < 2000) {
        await pace.turn(never);
        passed++;
      }
    };
    void loop();
    const minute = async (): Promise<void> => {
      for (let i = 0; i < 600; i++) await clock.advanceAsync(100);
    };
    for (let i = 0; i < 200; i++) await clock.advanceAsync(0);
    assert.ok(passed >= 60 && passed < 65, `${passed} at once`);
    await minute();
    assert.ok(passed > 500 && passed < 600, `${passed} in the first minute`);
    const before = passed;
    await minute();
    assert.ok(passed - before > 450 && passed - before <= 480, `${passed - before} in the second`);
  });

  it("gives way at once when the signal aborts", async () => {
    const clock = createFakeClock();
    const pace = createRequestPace(clock);
    for (let i = 0; i < 60; i++) await pace.turn(never);
    const stop = new AbortController();
    const waiting = Promise.all(Array.from({ length: 5 }, () => pace.turn(stop.signal)));
    stop.abort();
    await waiting;
  });
});
