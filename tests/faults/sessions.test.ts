import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { createRigAgent, hurriedClock, until } from "../_support/agent_rig.ts";
import { createDeliveryAccount, recordEvents } from "../_support/delivery_account.ts";
import { faultBeds, isDrained, warnings } from "../_support/fault_bed.ts";

const beds = faultBeds();
afterEach(() => beds.clean());

describe("sessions with a faulty brain", () => {
  it("refused ones keep everything and leave no socket behind", async () => {
    const rig = await beds.create({ clock: hurriedClock(200) });
    const { brain, agent } = rig;
    brain.faults.refuseWith = 4429;
    await agent.start();
    recordEvents(agent, 50);
    await until("several dials", () => brain.dials >= 3);
    brain.faults.refuseHttp = 503;
    const dials = brain.dials;
    await until("more dials", () => brain.dials >= dials + 3);
    assert.equal(brain.stored.size, 0);
    brain.faults.refuseWith = brain.faults.refuseHttp = null;
    await until("drained", () => isDrained(rig, 50));
    rig.account.check(brain);
    await until("one socket", () => brain.openSockets === 1);
    // One WARNING for each of the two causes, however many attempts failed.
    assert.equal(warnings(rig, "not connected to the brain"), 2);
  });

  for (const code of [1001, 1012, 4408]) {
    it(`closed with ${code} before the ack deliver every id later`, async () => {
      const rig = await beds.create({ clock: hurriedClock(50) });
      let batches = 0;
      rig.brain.faults.closeOnBatch = (events) =>
        events.length > 0 && ++batches % 2 === 1 && batches < 12 ? code : null;
      await rig.agent.start();
      for (let n = 0; n < 10; n++) {
        recordEvents(rig.agent, 60, n * 60);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      await until("drained", () => isDrained(rig, 600));
      rig.account.check(rig.brain);
      assert.ok(rig.brain.hellos.length > 1);
      await until("one socket", () => rig.brain.openSockets === 1);
    });
  }

  for (const code of [1011, 4400, 1009]) {
    it(`closed with ${code} by single events lose these alone`, async () => {
      const rig = await beds.create({ clock: hurriedClock(100) });
      const bad = new Set(["mail:0", "mail:120", "mail:399"]);
      rig.brain.faults.closeOnBatch = (events) =>
        events.some((event) => bad.has(String(event["task_id"]))) ? code : null;
      recordEvents(rig.agent, 400);
      await rig.agent.start();
      await until("all but one", () => rig.brain.stored.size === 397, 30_000);
      // The last one is alone now: only another accepted event proves its guilt.
      await until("two lost", () => rig.account.losses()["content"] === 2, 10_000);
      recordEvents(rig.agent, 1, 400);
      await until("drained", () => isDrained(rig, 401), 10_000);
      rig.account.check(rig.brain, { content: 3 });
    });
  }

  it("closed with 1011 by a brain that is broken itself lose nothing", async () => {
    const rig = await beds.create({ clock: hurriedClock(1000) });
    let broken = true;
    rig.brain.faults.closeOnBatch = (events) => broken && events.length > 0 ? 1011 : null;
    recordEvents(rig.agent, 12);
    await rig.agent.start();
    await until("many sessions", () => rig.brain.hellos.length >= 25, 15_000);
    assert.deepEqual(rig.account.losses(), {});
    broken = false;
    await until("drained", () => isDrained(rig, 12), 15_000);
    rig.account.check(rig.brain);
  });

  it("with a skewed clock are diagnosed and drain once the clock is right", async () => {
    const rig = await beds.create({ clock: hurriedClock(1) });
    rig.brain.faults.clockOffsetMs = -300_000;
    await rig.agent.start();
    recordEvents(rig.agent, 20);
    await until("refusal", () => rig.agent.status().lastError !== null);
    assert.match(rig.agent.status().lastError?.advice ?? "", /300 s ahead of the brain/);
    assert.equal(rig.agent.status().lastError?.class, "auth");
    rig.brain.faults.clockOffsetMs = 0;
    rig.agent.reconnectNow();
    await until("drained", () => isDrained(rig, 20));
    rig.account.check(rig.brain);
  });

  it("under a wrong secret lose nothing until the right one comes", async () => {
    const rig = await beds.create({}, { secret: new Uint8Array(32).fill(8) });
    await rig.agent.start();
    recordEvents(rig.agent, 20);
    await until("refusal", () => rig.agent.status().state === "waiting");
    assert.match(rig.agent.status().lastError?.advice ?? "", /HMAC secret/);
    assert.equal(rig.agent.status().buffer?.count, 20);
    assert.deepEqual([rig.brain.stored.size, rig.brain.dials], [0, 1]);
    assert.deepEqual(await rig.agent.stop(), { sent: 0, remaining: 20, timedOut: false });
  });

  it("of two agents with one worker id do not become a duel", async () => {
    const rig = await beds.create({ clock: hurriedClock(200) });
    const { brain } = rig;
    brain.faults.displace = true;
    const account = createDeliveryAccount();
    const identity = {
      framework: "bare",
      agentVersion: "1",
      hostName: "twin",
      workerId: "the-same",
      workerRole: null,
      pid: 1,
      startedAtMs: 0,
    };
    const twins = [1, 2].map(() =>
      createRigAgent(brain.url, {
        identity,
        openBuffer: account.openBuffer,
        clock: hurriedClock(200),
      })
    );
    for (const twin of twins) beds.later(() => twin.stop({ timeoutMs: 100 }));
    for (const twin of twins) await twin.start();
    const isPeace = (): boolean => twins.every((twin) => twin.status().verified);
    await until("both connected", isPeace, 15_000);
    const { dials } = brain;
    assert.ok(dials <= 8, `${dials} dials`);
    // 20 s of their time are enough for two more rounds of a duel.
    for (let round = 0; round < 4; round++) await new Promise((resolve) => setTimeout(resolve, 25));
    assert.ok(isPeace());
    assert.equal(brain.dials, dials);
    assert.equal(new Set(brain.hellos.map((hello) => hello.worker_id)).size, 2);
  });
});
