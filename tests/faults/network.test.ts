import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { agentSocket } from "../_support/agent_socket.ts";
import { createWebSocketTransport } from "../../src/transport/websocket.ts";
import { hurriedClock, startTestBrain, TOKEN, until } from "../_support/agent_rig.ts";
import { recordEvents } from "../_support/delivery_account.ts";
import { type FaultBed, faultBeds, isDrained } from "../_support/fault_bed.ts";
import { type FaultyProxy, startFaultyProxy } from "../_support/faulty_proxy.ts";

const beds = faultBeds();
afterEach(() => beds.clean());

// What the transport takes to give up a socket that does not answer.
const CLOSE_MS = 3000;

async function behindProxy(factor: number): Promise<FaultBed & { readonly proxy: FaultyProxy }> {
  const brain = await startTestBrain();
  beds.later(() => brain.close());
  const proxy = await startFaultyProxy(brain.url);
  beds.later(() => proxy.close());
  const transport = createWebSocketTransport({
    brainUrl: proxy.url,
    token: TOKEN,
    webSocket: agentSocket,
  });
  const rig = await beds.create({ clock: hurriedClock(factor), transport });
  return { ...rig, brain, proxy };
}

describe("a bad network", () => {
  it("that is half-open is noticed without any close, idle or not", async () => {
    for (const isIdle of [true, false]) {
      const rig = await behindProxy(150);
      await rig.agent.start();
      await rig.agent.ready({ timeoutMs: 600_000 });
      rig.proxy.stall();
      if (!isIdle) recordEvents(rig.agent, 200);
      const { hellos } = rig.brain;
      const begun = performance.now();
      rig.proxy.heal();
      await until("another session", () => hellos.length === 2);
      const seconds = (performance.now() - begun - CLOSE_MS) * 150 / 1000;
      assert.ok(seconds < 150, `noticed after ${seconds} s`);
      recordEvents(rig.agent, 100, 200);
      await until("drained", () => isDrained(rig, isIdle ? 100 : 300));
      rig.account.check(rig.brain);
    }
  });

  it("leaves no socket of a dead session open on the side of the agent", async () => {
    const rig = await behindProxy(150);
    await rig.agent.start();
    await rig.agent.ready({ timeoutMs: 600_000 });
    rig.proxy.stall();
    rig.proxy.heal();
    await until("another session", () => rig.brain.hellos.length === 2);
    await until("one connection", () => rig.proxy.connections === 1);
  });

  it("that takes bytes slowly delivers everything in the end", async () => {
    const rig = await behindProxy(1);
    rig.proxy.throttle(400_000);
    await rig.agent.start();
    recordEvents(rig.agent, 2000);
    await until("drained", () => isDrained(rig, 2000), 20_000);
    rig.account.check(rig.brain);
    assert.equal(rig.agent.status().reconnects, 0);
  });

  it("that takes a byte a second costs nothing but time", async () => {
    const rig = await behindProxy(100);
    await rig.agent.start();
    await rig.agent.ready({ timeoutMs: 600_000 });
    rig.proxy.throttle(1);
    recordEvents(rig.agent, 300);
    await until("given up", () => rig.proxy.accepted >= 2);
    assert.deepEqual(rig.account.losses(), {});
    rig.proxy.throttle(0);
    rig.proxy.cut();
    await until("drained", () => isDrained(rig, 300));
    rig.account.check(rig.brain);
  });

  it("that cuts again and again delivers every id once", async () => {
    const rig = await behindProxy(50);
    await rig.agent.start();
    for (let round = 0; round < 15; round++) {
      recordEvents(rig.agent, 100, round * 100);
      await new Promise((resolve) => setTimeout(resolve, 25));
      rig.proxy.cut();
    }
    await until("drained", () => isDrained(rig, 1500), 15_000);
    rig.account.check(rig.brain);
    await until("one connection", () => rig.proxy.connections === 1);
  });
});
