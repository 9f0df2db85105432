import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import type { Clock } from "../../src/base/clock.ts";
import { systemClock } from "../../src/base/clock.ts";
import { hurriedClock, until } from "../_support/agent_rig.ts";
import { recordEvents } from "../_support/delivery_account.ts";
import { faultBeds, isDrained, warnings } from "../_support/fault_bed.ts";

const beds = faultBeds();
afterEach(() => beds.clean());

/** A clock that tells how many timers are set and were ever set. */
function countingClock(): Clock & { readonly open: number; readonly total: number } {
  const timers = new Set<object>();
  let total = 0;
  return {
    ...systemClock,
    setTimer(callback, delayMs) {
      const timer = {};
      timers.add(timer);
      total++;
      const cancel = systemClock.setTimer(() => {
        timers.delete(timer);
        callback();
      }, delayMs);
      return () => {
        timers.delete(timer);
        cancel();
      };
    },
    get open() {
      return timers.size;
    },
    get total() {
      return total;
    },
  };
}

async function pause(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 40) await new Promise((done) => setTimeout(done, 40));
}

describe("the sender", () => {
  it("sets no timer while it is idle, besides heartbeat and sign of life", async () => {
    const clock = countingClock();
    const rig = await beds.create({ clock });
    await rig.agent.start();
    await rig.agent.ready();
    recordEvents(rig.agent, 100);
    await until("drained", () => isDrained(rig, 100));
    await pause(160);
    const { total } = clock;
    await pause(320);
    assert.equal(clock.total - total, 0);
    assert.ok(clock.open <= 2, `${clock.open} timers`);
  });

  it("is woken by a stored event, not by a timer", async () => {
    const rig = await beds.create({ clock: systemClock });
    await rig.agent.start();
    await rig.agent.ready();
    await pause(80);
    for (let n = 0; n < 5; n++) {
      const begun = performance.now();
      recordEvents(rig.agent, 1, n);
      await until("arrival", () => rig.brain.stored.size === n + 1);
      assert.ok(performance.now() - begun < 250);
    }
  });

  it("keeps several batches on their way, but never more than its bound", async () => {
    const rig = await beds.create({ clock: systemClock }, { maxFrameBytes: 4096 });
    await rig.agent.start();
    await rig.agent.ready();
    recordEvents(rig.agent, 200);
    await until("drained", () => isDrained(rig, 200));
    rig.brain.faults.acksPerBatch = 0;
    recordEvents(rig.agent, 2000, 200);
    const inFlight = (): number => rig.agent.status().events.batchesInFlight;
    await until("a full window", () => inFlight() === 8);
    await pause(120);
    assert.equal(inFlight(), 8);
    assert.ok(rig.brain.frames.every(({ frame }) => JSON.stringify(frame).length < 4096));
  });

  it("lets answers to commands pass a backlog of 20 000 events", async () => {
    const rig = await beds.create({ clock: systemClock }, { maxFrameBytes: 16_384 });
    const { brain, agent } = rig;
    await agent.start();
    await agent.ready();
    recordEvents(agent, 20_000);
    const batches = (): number =>
      brain.frames.filter(({ frame }) => frame.type === "event_batch").length;
    for (let n = 0; n < 5; n++) {
      await until("more batches", () => batches() > n * 12 + 3);
      const [begun, before] = [performance.now(), batches()];
      const id = await brain.command("unknown_action");
      await until("answers", () => answers(brain.frames, id) === 2);
      const at = brain.frames.findIndex(({ frame }) => frame.id === id);
      const overtaken = brain.frames.slice(0, at).filter(({ frame }) =>
        frame.type === "event_batch"
      ).length - before;
      assert.ok((agent.status().buffer?.count ?? 0) > 2000, "the backlog was gone too early");
      // What was in flight or on its way to the socket may come first, no more.
      assert.ok(overtaken <= 2 * 8, `${overtaken} batches went before the answer`);
      assert.ok(performance.now() - begun < 1000);
    }
    await until("drained", () => isDrained(rig, 20_000), 30_000);
    rig.account.check(brain);
  });

  it("warns once while sessions come and go, and tells one recovery", async () => {
    const rig = await beds.create({ clock: hurriedClock(100) });
    await rig.agent.start();
    for (let round = 1; round <= 6; round++) {
      await until("verified", () => rig.agent.status().verified);
      rig.brain.kick(1012);
      await until("next session", () => rig.brain.hellos.length > round);
    }
    assert.equal(warnings(rig, "not connected to the brain"), 1);
    const told = rig.logger.lines.filter(({ level, message }) =>
      level === "info" && message === "connected to the brain again"
    );
    assert.equal(told.length, 1);
  });

  it("tells the age of the oldest event that waits", async () => {
    const rig = await beds.create({ clock: hurriedClock(400) });
    await rig.agent.start();
    await rig.agent.ready({ timeoutMs: 600_000 });
    rig.brain.faults.acksPerBatch = 0;
    rig.agent.record("manual", {
      kind: "task.started",
      taskId: "old",
      occurredAtMs: Date.now() - 90_000,
      data: { taskName: "t" },
    });
    const ages = (): unknown[] =>
      rig.brain.frames.filter(({ frame }) => frame.type === "agent_status")
        .map(({ frame }) => frame.payload["buffer_oldest_age_seconds"]);
    await until("an age", () => ages().some((age) => typeof age === "number"));
    const age = Number(ages().find((value) => typeof value === "number"));
    assert.ok(age >= 89 && age < 120, `${age}`);
    assert.deepEqual(rig.brain.refusals, []);
  });

  it("counts what was recorded before the start beyond its bound", async () => {
    const rig = await beds.create();
    recordEvents(rig.agent, 1203);
    await rig.agent.start();
    await until("drained", () => rig.brain.stored.size === 1000);
    assert.deepEqual(rig.agent.status().lost, { early: 203 });
  });
});

function answers(frames: readonly { readonly frame: { readonly id: string } }[], id: string) {
  return frames.filter(({ frame }) => frame.id === id).length;
}
