import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import type { Engine } from "../../src/engines/contract.ts";
import { hurriedClock, until } from "../_support/agent_rig.ts";
import { recordEvents } from "../_support/delivery_account.ts";
import { type FaultBed, faultBeds, isDrained, warnings } from "../_support/fault_bed.ts";

const beds = faultBeds();
afterEach(() => beds.clean());

function command(more: Record<string, unknown>): string {
  return JSON.stringify({
    v: 2,
    type: "command",
    id: crypto.randomUUID(),
    ts: new Date().toISOString(),
    nonce: crypto.randomUUID(),
    seq: 1000,
    hmac: "0".repeat(64),
    payload: { action: "submit_task", target: {}, parameters: { name: "x" } },
    ...more,
  });
}

// What is refused, and that the session goes on.
const HARMLESS: Readonly<Record<string, readonly [string, string]>> = {
  "an empty message": ["", "not_json"],
  "no JSON": ["\u0000\u0001{", "not_json"],
  "half a frame": [command({}).slice(0, 100), "not_json"],
  "a list": ["[1,2]", "not_object"],
  "null": ["null", "not_object"],
  "100 000 nested lists": ["[".repeat(100_000), "not_json"],
  "100 000 nested objects": ['{"a":'.repeat(100_000) + "1" + "}".repeat(100_000), "not_json"],
  "an integer of 5000 digits": [command({}).replace("1000", "9".repeat(5000)), "not_json"],
  "an integer that is too large for a float": [command({ seq: 1e300 }), "bad_signature"],
  "a lone surrogate": [command({}).replace('"x"', '"\\ud800"'), "unprintable"],
  "another version": [command({ v: 3 }), "unsupported_version"],
  "an unknown type": [command({ type: "self_destruct" }), "unknown_type"],
  "a type that is no text": [command({ type: 7 }), "bad_type"],
  "a payload that is a list": [command({ payload: [] }), "bad_payload"],
  "a second hello_ack": [command({ type: "hello_ack", payload: {} }), "malformed_handshake"],
  "5 MiB": [`"${"x".repeat(5 * 1024 * 1024)}"`, "oversized"],
};

function hostileEngine(calls: string[]): Engine {
  return {
    name: "one",
    capabilities: ["submit_task"],
    attach() {},
    actions: {
      submitTask: () => {
        calls.push("submit");
        return { status: "done", result: {} };
      },
    },
  } as unknown as Engine;
}

async function ready(calls: string[] = []): Promise<FaultBed> {
  const rig = await beds.create({ clock: hurriedClock(50), engines: [hostileEngine(calls)] });
  await rig.agent.start();
  await rig.agent.ready();
  return rig;
}

describe("bad input from a brain", () => {
  for (const [name, [text, reason]] of Object.entries(HARMLESS)) {
    it(`${name} is refused, counted and told once, and nothing is lost`, async () => {
      const calls: string[] = [];
      const rig = await ready(calls);
      const begun = performance.now();
      recordEvents(rig.agent, 30);
      rig.brain.sendRaw(text);
      await until("refused", () => rig.agent.status().refusedMessages >= 1);
      const seen = rig.logger.lines.filter(({ message }) => message === "message refused");
      assert.deepEqual(seen.map(({ facts }) => facts["reason"]), [reason]);
      recordEvents(rig.agent, 30, 30);
      await until("drained", () => isDrained(rig, 60));
      rig.account.check(rig.brain);
      assert.deepEqual(calls, []);
      assert.ok(performance.now() - begun < 3000);
    });
  }

  it("hundreds of bad messages are counted one by one and told once", async () => {
    const rig = await ready();
    for (let n = 0; n < 300; n++) rig.brain.sendRaw("nonsense");
    await until("all refused", () => rig.agent.status().refusedMessages === 300);
    assert.equal(warnings(rig, "message refused"), 1);
    assert.equal(rig.brain.hellos.length, 1);
    recordEvents(rig.agent, 5);
    await until("drained", () => isDrained(rig, 5));
    rig.account.check(rig.brain);
  });

  it("signed frames of the wrong direction are refused and the session goes on", async () => {
    const rig = await ready();
    await rig.brain.send("event_batch", { events: [] });
    await rig.brain.send("heartbeat", {});
    await until("refused", () => rig.agent.status().refusedMessages === 2);
    assert.equal(rig.brain.hellos.length, 1);
    recordEvents(rig.agent, 5);
    await until("drained", () => isDrained(rig, 5));
    rig.account.check(rig.brain);
  });

  it("an unsigned command is not run and ends the session", async () => {
    const calls: string[] = [];
    const rig = await ready(calls);
    recordEvents(rig.agent, 20);
    rig.brain.sendRaw(command({ hmac: undefined }));
    await until("another session", () => rig.brain.hellos.length === 2);
    await until("drained", () => isDrained(rig, 20));
    assert.deepEqual(calls, []);
    rig.account.check(rig.brain);
  });

  it("acks with rubbish in them change nothing", async () => {
    const rig = await ready();
    rig.brain.faults.acksPerBatch = 0;
    recordEvents(rig.agent, 5);
    await until("stored", () => rig.brain.stored.size === 5);
    for (const acked_id of [null, 7, {}, [], "", "x".repeat(9999), "__proto__"]) {
      await rig.brain.send("event_batch_ack", { acked_id, received: -1 });
    }
    await rig.brain.send("error", { code: {}, message: [], fatal: "no" } as never);
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.equal(rig.agent.status().buffer?.count, 5);
    rig.brain.faults.acksPerBatch = 1;
    rig.brain.kick(1012);
    await until("drained", () => isDrained(rig, 5));
    rig.account.check(rig.brain);
  });
});
