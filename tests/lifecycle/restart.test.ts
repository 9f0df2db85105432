import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createRestart, findSupervisor } from "../../src/install/restart.ts";
import { createFakeClock, type FakeClock } from "../_support/fake_clock.ts";

describe("createRestart()", () => {
  const supervised = { KUBERNETES_SERVICE_HOST: "10.0.0.1" };
  const restart = (env: Record<string, string>, clock: FakeClock, pid = 7, end = () => {}) =>
    createRestart({ platform: { env: () => env, pid }, clock, startedAtMs: clock.now(), end });

  it("names who starts the process anew, and lets the operator say", () => {
    assert.equal(findSupervisor({ INVOCATION_ID: "x" }), "systemd");
    assert.equal(findSupervisor({ pm_id: "0" }), "pm2");
    assert.equal(findSupervisor({ INVOCATION_ID: "" }), null);
    assert.equal(findSupervisor({ ...supervised, Z4J_ORCHESTRATED: "0" }), null);
    assert.equal(findSupervisor({ Z4J_ORCHESTRATED: "1" }), "Z4J_ORCHESTRATED");
  });

  it("refuses without a supervisor and in the first minute, with the reason", async () => {
    const clock = createFakeClock();
    assert.match(restart({}, clock).refusal() ?? "", /no supervisor was found/);
    assert.match(restart({}, clock, 1).refusal() ?? "", /pid 1, of unknown restart policy/);
    const late = restart(supervised, clock);
    assert.match(late.refusal() ?? "", /has run for 0 s, expected 60 s/);
    await clock.advance(60_000);
    assert.equal(late.refusal(), null);
  });

  it("ends the process a moment after the answer", async () => {
    const clock = createFakeClock();
    let ended = 0;
    restart(supervised, clock, 7, () => void ended++).exit();
    assert.equal(ended, 0);
    await clock.advance(250);
    assert.equal(ended, 1);
  });
});
