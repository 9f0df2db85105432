import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import type { Agent } from "../../src/agent/agent_types.ts";
import type { ActionOutcome, Engine, RetryInput, SubmitInput } from "../../src/engines/contract.ts";
import type { FakeBrain } from "../../src/testing/fake_brain.ts";
import { createRigAgent, startTestBrain, until } from "../_support/agent_rig.ts";

interface Calls {
  readonly submits: SubmitInput[];
  readonly retries: RetryInput[];
  aborted: boolean;
}

type Submit = (input: SubmitInput, nth: number) => Promise<ActionOutcome>;

function engineOf(name: string, submit: Submit): Engine & { readonly calls: Calls } {
  const calls: Calls = { submits: [], retries: [], aborted: false };
  return {
    calls,
    name,
    capabilities: ["submit_task", "retry_task", "cancel_task"],
    attach() {},
    detach() {},
    actions: {
      submit(input, context) {
        context.signal.addEventListener("abort", () => calls.aborted = true);
        calls.submits.push(input);
        return submit(input, calls.submits.length);
      },
      retry(input) {
        calls.retries.push(input);
        return Promise.resolve({ status: "noop", reason: "nothing to do" });
      },
      cancel: () => Promise.reject(new Error("broken pipe at redis://user:secret@host/0")),
    },
  };
}

const done: Submit = (_input, nth) =>
  Promise.resolve({ status: "done", result: { task_id: `t${nth}`, engine: "one" } });

let agent: Agent | undefined;
let brain: FakeBrain | undefined;

afterEach(async () => {
  await agent?.stop({ timeoutMs: 200 });
  await brain?.close();
});

async function connect(engines: readonly Engine[]): Promise<FakeBrain> {
  brain = await startTestBrain();
  agent = createRigAgent(brain.url, { engines });
  await agent.start();
  await agent.ready();
  return brain;
}

function answers(server: FakeBrain, id: string, type: string): Record<string, unknown>[] {
  return server.frames.filter(({ frame }) => frame.type === type && frame.id === id)
    .map(({ frame }) => frame.payload);
}

async function resultOf(server: FakeBrain, id: string): Promise<Record<string, unknown>> {
  await until("result", () => answers(server, id, "command_result").length > 0);
  return answers(server, id, "command_result")[0] ?? {};
}

describe("commands", () => {
  it("are acknowledged first and answered once with the claim token", async () => {
    const engine = engineOf("one", done);
    const server = await connect([engine]);
    const id = await server.command("submit_task", {
      parameters: { name: "send", args: [1], kwargs: { a: 2 }, queue: "mail", eta: 1790000000.5 },
      claimToken: "claim",
    });
    const result = await resultOf(server, id);
    assert.deepEqual(result, {
      status: "success",
      result: { task_id: "t1", engine: "one" },
      error: null,
      delivery_claim_token: "claim",
    });
    assert.deepEqual(answers(server, id, "command_ack"), [{ delivery_claim_token: "claim" }]);
    assert.deepEqual(engine.calls.submits[0], {
      name: "send",
      args: [1],
      kwargs: { a: 2 },
      queue: "mail",
      etaMs: 1790000000500,
      priority: null,
      idempotencyKey: id,
    });
  });

  it("run once when they are delivered twice", async () => {
    const engine = engineOf("one", done);
    const server = await connect([engine]);
    const id = await server.command("submit_task", { parameters: { name: "send" } });
    await resultOf(server, id);
    await server.command("submit_task", { id, parameters: { name: "send" } });
    await until("second result", () => answers(server, id, "command_result").length === 2);
    assert.equal(engine.calls.submits.length, 1);
    assert.equal(answers(server, id, "command_ack").length, 2);
    const again = answers(server, id, "command_result")[1]?.["result"] as { deduplicated: boolean };
    assert.equal(again.deduplicated, true);
  });

  it("schedule.fire runs once per fire id and tries failures without effect again", async () => {
    const engine = engineOf(
      "one",
      (input, nth) =>
        nth === 1 ? Promise.resolve({ status: "failed", error: "busy" }) : done(input, nth),
    );
    const server = await connect([engine]);
    const parameters = { task_name: "tick", engine: "one", fire_id: "f1" };
    const first = await server.command("schedule.fire", { parameters });
    const second = await server.command("schedule.fire", { parameters });
    assert.equal((await resultOf(server, first))["status"], "success");
    assert.equal((await resultOf(server, second))["status"], "success");
    assert.equal(engine.calls.submits.length, 2);
    assert.equal(engine.calls.submits[1]?.idempotencyKey, "f1");
  });

  it("run side by side, and a slow one ends indeterminate at its deadline", async () => {
    const engine = engineOf(
      "one",
      (input, nth) => nth === 1 ? new Promise(() => {}) : done(input, nth),
    );
    const server = await connect([engine]);
    const slow = await server.command("submit_task", {
      parameters: { name: "a" },
      timeoutSeconds: 1,
    });
    const quick = await server.command("submit_task", { parameters: { name: "b" } });
    assert.equal((await resultOf(server, quick))["status"], "success");
    assert.equal(answers(server, slow, "command_result").length, 0);
    const late = await resultOf(server, slow);
    assert.deepEqual([late["status"], late["result"]], ["failed", { indeterminate: true }]);
    assert.equal(engine.calls.aborted, true);
  });

  it("answer failed with the name of an unknown action or engine", async () => {
    const server = await connect([engineOf("one", done), engineOf("two", done)]);
    const unknown = await resultOf(server, await server.command("make.coffee"));
    assert.match(String(unknown["error"]), /make\.coffee/);
    const unclear = await resultOf(
      server,
      await server.command("submit_task", { parameters: { name: "x" } }),
    );
    assert.match(String(unclear["error"]), /several/);
    const other = await resultOf(
      server,
      await server.command("submit_task", { parameters: { name: "x", engine: "three" } }),
    );
    assert.match(String(other["error"]), /"three"/);
    const clash = await resultOf(
      server,
      await server.command("cancel_task", {
        target: { engine: "two" },
        parameters: { task_id: "1", engine: "one" },
      }),
    );
    assert.match(String(clash["error"]), /contradicts/);
  });

  it("retry_task never runs the brain's copies and wants both halves or none", async () => {
    const engine = engineOf("one", done);
    const server = await connect([engine]);
    const half = await resultOf(
      server,
      await server.command("retry_task", {
        parameters: { task_id: "q:1", override_args: [1], args: ["x"] },
      }),
    );
    assert.equal(half["status"], "failed");
    const whole = await resultOf(
      server,
      await server.command("retry_task", { parameters: { task_id: "q:1", args: ["redacted"] } }),
    );
    assert.deepEqual(whole["result"], { noop: true, reason: "nothing to do" });
    assert.deepEqual(engine.calls.retries, [{
      taskId: "q:1",
      overrides: null,
      etaMs: null,
      priority: null,
    }]);
  });

  it("answer without secrets when the engine throws", async () => {
    const server = await connect([engineOf("one", done)]);
    const id = await server.command("cancel_task", { parameters: { task_id: "q:1" } });
    const result = await resultOf(server, id);
    assert.equal(result["status"], "failed");
    assert.ok(!String(result["error"]).includes("secret"));
    assert.equal(agent?.status().state, "connected");
  });

  it("reconcile_task answers unknown where the engine cannot look", async () => {
    const server = await connect([engineOf("one", done)]);
    const id = await server.command("reconcile_task", {
      parameters: { task_id: "q:1", engine: "gone" },
    });
    const result = await resultOf(server, id);
    assert.deepEqual(result["result"], { task_id: "q:1", engine_state: "unknown" });
  });

  it("keep their result over a reconnect", async () => {
    let finish: (outcome: ActionOutcome) => void = () => {};
    const engine = engineOf("one", () => new Promise((resolve) => finish = resolve));
    const server = await connect([engine]);
    const id = await server.command("submit_task", { parameters: { name: "slow" } });
    await until("running", () => engine.calls.submits.length === 1);
    server.kick(1012);
    await until("gone", () => agent?.status().state !== "connected");
    finish({ status: "done", result: { task_id: "t", engine: "one" } });
    assert.equal((await resultOf(server, id))["status"], "success");
    assert.equal(server.hellos.length, 2);
  });

  it("with a bad signature end the session and are not run", async () => {
    const engine = engineOf("one", done);
    const server = await connect([engine]);
    server.sendRaw(JSON.stringify({
      v: 2,
      type: "command",
      id: crypto.randomUUID(),
      ts: new Date().toISOString(),
      nonce: "n",
      seq: 50,
      hmac: "0".repeat(64),
      payload: { action: "submit_task", parameters: { name: "x" } },
    }));
    await until("refused", () => agent?.status().state === "waiting");
    assert.equal(engine.calls.submits.length, 0);
    assert.equal(agent?.status().refusedMessages, 1);
    assert.equal(agent?.status().lastError?.class, "protocol");
  });
});
