import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import type { AckFault } from "../../src/testing/fake_brain_acks.ts";
import { hurriedClock, until } from "../_support/agent_rig.ts";
import { recordEvents } from "../_support/delivery_account.ts";
import { faultBeds, isDrained, warnings } from "../_support/fault_bed.ts";

const beds = faultBeds();
afterEach(() => beds.clean());

describe("acks of a faulty brain", () => {
  it("late ones cost nothing and nothing is sent twice", async () => {
    const rig = await beds.create({ clock: hurriedClock(1) });
    rig.brain.faults.ackDelayMs = 120;
    await rig.agent.start();
    recordEvents(rig.agent, 1500);
    await until("drained", () => isDrained(rig, 1500), 15_000);
    rig.account.check(rig.brain);
    assert.ok([...rig.brain.stored.values()].every((times) => times === 1));
    assert.equal(rig.agent.status().reconnects, 0);
  });

  it("two for each batch count once", async () => {
    const rig = await beds.create();
    rig.brain.faults.acksPerBatch = 2;
    await rig.agent.start();
    recordEvents(rig.agent, 1200);
    await until("drained", () => isDrained(rig, 1200));
    rig.account.check(rig.brain);
    assert.equal(rig.agent.status().events.acked, 1200);
  });

  it("in reverse order release the right batches", async () => {
    const rig = await beds.create({ clock: hurriedClock(1) }, { maxFrameBytes: 8192 });
    rig.brain.faults.ackFault = "reversed";
    await rig.agent.start();
    recordEvents(rig.agent, 800);
    await until("drained", () => isDrained(rig, 800), 15_000);
    rig.account.check(rig.brain);
    assert.equal(rig.agent.status().events.acked, 800);
    assert.ok([...rig.brain.stored.values()].every((times) => times === 1));
  });

  it("that never come lead to the same batch again, then to a new session", async () => {
    const rig = await beds.create({ clock: hurriedClock(600) });
    await rig.agent.start();
    await rig.agent.ready({ timeoutMs: 600_000 });
    rig.brain.faults.acksPerBatch = 0;
    recordEvents(rig.agent, 40);
    await until("sent again", () => [...rig.brain.stored.values()].some((times) => times > 1));
    await until("another session", () => rig.brain.hellos.length > 1);
    assert.equal(rig.agent.status().buffer?.count, 40);
    rig.brain.faults.acksPerBatch = 1;
    await until("drained", () => isDrained(rig, 40));
    rig.account.check(rig.brain);
  });

  // What they do to the session: some leave it open, some must end it.
  const spoiled: readonly (readonly [AckFault, string, boolean])[] = [
    ["unknown", "", false],
    ["replayed", "stale_seq", true],
    ["forged", "bad_signature", true],
    ["altered", "bad_signature", true],
    ["oversize", "not_json", false],
    ["truncated", "not_json", false],
  ];
  for (const [fault, reason, ends] of spoiled) {
    it(`${fault} ones release nothing wrong and lose nothing`, async () => {
      const rig = await beds.create();
      await rig.agent.start();
      await rig.agent.ready({ timeoutMs: 600_000 });
      rig.brain.faults.ackFault = fault;
      recordEvents(rig.agent, 300);
      await until("stored", () => rig.brain.stored.size === 300);
      if (reason !== "") {
        await until("refused", () => rig.agent.status().refusedMessages > 0);
        assert.equal(warnings(rig, "message refused"), 1);
        assert.ok(rig.logger.lines.some(({ facts }) => facts["reason"] === reason), reason);
      }
      if (fault === "forged" || fault === "altered" || fault === "truncated") {
        assert.equal(rig.agent.status().buffer?.count, 300, "acknowledged by a forgery");
      }
      if (ends) await until("session ended", () => rig.brain.hellos.length > 1);
      else assert.equal(rig.brain.hellos.length, 1);
      rig.brain.faults.ackFault = null;
      if (fault === "truncated") rig.brain.kick(1012);
      await until("drained", () => isDrained(rig, 300));
      rig.account.check(rig.brain);
    });
  }

  it("replayed by the network are not blamed on the secret", async () => {
    const rig = await beds.create();
    await rig.agent.start();
    await rig.agent.ready({ timeoutMs: 600_000 });
    rig.brain.faults.ackFault = "replayed";
    recordEvents(rig.agent, 3);
    await until("told", () => warnings(rig, "not connected to the brain") > 0);
    const told = rig.logger.lines.find(({ message }) => message === "not connected to the brain");
    assert.equal(told?.facts["class"], "protocol");
    assert.doesNotMatch(String(told?.facts["advice"]), /secret/);
  });
});
