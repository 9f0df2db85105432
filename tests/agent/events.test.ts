/** What `agent.on()` tells, by type; the types themselves are checked by the compiler. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { AgentEventMap } from "../../src/agent/agent_types.ts";
import { createRigAgent, keepingLogger, startTestBrain, until } from "../_support/agent_rig.ts";

describe("agent.on()", () => {
  it("tells states, sessions and commands with their values, in order, until it is removed", async () => {
    const brain = await startTestBrain();
    const logger = keepingLogger();
    const agent = createRigAgent(brain.url, { logger });
    const states: AgentEventMap["state"][] = [];
    const connected: AgentEventMap["connected"][] = [];
    const disconnected: AgentEventMap["disconnected"][] = [];
    const commands: AgentEventMap["command"][] = [];
    const order: string[] = [];
    agent.on("state", (change) => {
      states.push(change);
      throw new Error("a listener's own trouble");
    });
    agent.on("connected", (session) => {
      connected.push(session);
      order.push("first");
    });
    const remove = agent.on("connected", () => void order.push("second"));
    agent.on("disconnected", (end) => void disconnected.push(end));
    agent.on("command", (command) => void commands.push(command));
    try {
      await agent.start();
      await agent.ready({ timeoutMs: 20_000 });
      // Told with the first answer that proves the brain, which comes after the state.
      await until("the session", () => connected.length === 1, 20_000);
      const { sessionId, brainVersion } = agent.status();
      assert.deepEqual(connected, [{ sessionId, brainVersion }]);
      assert.deepEqual(order, ["first", "second"]);
      const id = await brain.command("unheard_of");
      await until("the command", () => commands.length === 1, 20_000);
      const [{ error, ...command } = { error: null }] = commands;
      assert.deepEqual(command, { id, action: "unheard_of", status: "failed" });
      assert.match(error ?? "", /unheard_of/);
      remove();
      brain.kick(1012);
      await until("the second session", () => connected.length === 2, 20_000);
      assert.equal(order.length, 3);
      const [end] = disconnected;
      assert.equal(end?.code, 1012);
      assert.ok(end.class.length > 0 && end.advice.length > 0);
    } finally {
      await agent.stop();
      await brain.close();
    }
    const told = states.map(({ from, to }) => `${from} ${to}`);
    assert.deepEqual(told.slice(0, 3), [
      "stopped starting",
      "starting connecting",
      "connecting connected",
    ]);
    assert.equal(told.at(-1), "stopping stopped");
    for (const [at, { from }] of states.entries()) {
      assert.equal(from, states[at - 1]?.to ?? "stopped");
    }
    // What a listener throws is told and reaches nobody.
    assert.ok(logger.lines.some(({ level }) => level === "warn" || level === "error"));
  });
});
