/** Commands that reach a process without the engine, on real sockets between real processes. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { type AgentOptions, createAgent } from "../../mod.ts";
import type { ReceivedCommand } from "../../src/agent/commands.ts";
import { systemClock } from "../../src/base/clock.ts";
import type { JsonObject } from "../../src/base/json.ts";
import { connectLocal } from "../../src/platform/local_socket.ts";
import { call, serveCalls } from "../../src/presence/calls.ts";
import { readPresence } from "../../src/presence/mod.ts";
import { importHmacKey } from "../../src/protocol/hmac.ts";
import type { CommandInput, FakeBrain } from "../../src/testing/fake_brain.ts";
import { SECRET, startTestBrain, TOKEN } from "../_support/agent_rig.ts";
import { type Child, runScript } from "../_support/child.ts";
import { until } from "../_support/wait.ts";

type Started = ReturnType<typeof createAgent>;

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const agents: Started[] = [];
const children: Child[] = [];
let home: string;
let brain: FakeBrain;

/** A web process: it has neither engines nor schedulers. It gets the commands of the brain. */
async function web(more: AgentOptions = {}): Promise<Started> {
  const dials = brain.hellos.length;
  const agent = createAgent({
    brainUrl: brain.url,
    token: TOKEN,
    hmacSecret: btoa(String.fromCharCode(...SECRET)).replaceAll("+", "-").replaceAll("/", "_"),
    projectId: "default",
    home,
    agentName: `web-${agents.length}`,
    framework: "hono",
    env: false,
    logger: silent,
    ...more,
  });
  agents.push(agent);
  await agent.start();
  await agent.ready({ timeoutMs: 30_000 });
  assert.ok(brain.hellos.length > dials);
  return agent;
}

async function owner(denied = ""): Promise<Child> {
  const child = runScript("tests/_support/neighbour_child.ts", { args: [home, brain.url, denied] });
  children.push(child);
  await until(`the owner: ${child.output()}`, () => child.output().includes("owner up"), 60_000);
  return child;
}

async function answer(action: string, more: CommandInput): Promise<JsonObject> {
  const before = brain.frames.length;
  const id = await brain.command(action, more);
  return await until(
    `the answer to ${action}`,
    () =>
      brain.frames.slice(before)
        .find(({ frame }) => frame.type === "command_result" && frame.id === id)?.frame.payload,
    60_000,
  );
}

const runsOf = (child: Child, what: string): number =>
  child.output().split(`ran ${what}`).length - 1;

const submit = (name: string): CommandInput => ({
  target: { type: "task", id: "greet", engine: "manual" },
  parameters: { engine: "manual", name: "greet", args: [name] },
});
const fire = (fireId: string): CommandInput => ({
  target: { type: "schedule", id: "s", engine: "manual" },
  parameters: { engine: "manual", task_name: "greet", args: [fireId], fire_id: fireId },
});

before(async () => {
  home = mkdtempSync(join(tmpdir(), "z4j-near-"));
  brain = await startTestBrain();
});

after(async () => {
  await brain.close();
  rmSync(home, { recursive: true, force: true });
});

afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.stop({ timeoutMs: 200 });
  for (const child of children.splice(0)) {
    child.kill("SIGKILL");
    await child.ended();
  }
});

describe("a command that reached a process without its engine or scheduler", () => {
  it("is carried out once by the neighbour that has it, and answered from here", async () => {
    const child = await owner();
    await web();
    const id = crypto.randomUUID();
    const first = await answer("submit_task", { ...submit("Ada"), id });
    assert.equal(first["status"], "success", JSON.stringify(first));
    const again = await answer("submit_task", { ...submit("Ada"), id });
    assert.equal((again["result"] as JsonObject)["deduplicated"], true);
    assert.equal((await answer("schedule.fire", fire("tick")))["status"], "success");
    // The brain repeats a tick under a new id, perhaps through another process.
    await web();
    const repeated = await answer("schedule.fire", fire("tick"));
    assert.equal(
      (repeated["result"] as JsonObject)["deduplicated"],
      true,
      JSON.stringify(repeated),
    );
    await until("its runs", () => runsOf(child, "greet tick") > 0);
    assert.equal(runsOf(child, "greet Ada"), 1);
    assert.equal(runsOf(child, "greet tick"), 1);
    const scheduler = { scheduler: "croner", schedule_id: "yearly" };
    const triggered = await answer("schedule.trigger_now", { parameters: scheduler });
    assert.equal(triggered["status"], "success", JSON.stringify(triggered));
    await until("the run of croner", () => runsOf(child, "yearly") === 1);
    const resync = await answer("schedule.resync", {});
    assert.deepEqual(resync["result"], { schedulers_drained: 1 });
  });

  it("is judged by the policy of the one that carries it out", async () => {
    const child = await owner("submit_task");
    await web({ commands: { readOnly: true } });
    const forbidden = await answer("submit_task", submit("Eve"));
    assert.equal(forbidden["status"], "failed");
    assert.match(String(forbidden["error"]), /forbids.*submit_task/);
    assert.equal(runsOf(child, "greet"), 0);
    const purge = { queue: "mail", force: true };
    const purged = await answer("purge_queue", { parameters: purge });
    assert.deepEqual(purged["result"], { purged: 1 }, JSON.stringify(purged));
  });

  it("ends indeterminate when its owner dies in the middle of it", async () => {
    const child = await owner();
    await web();
    const cancelled = answer("cancel_task", {
      target: { type: "task", id: "manual:1", engine: "manual" },
      parameters: { engine: "manual", task_id: "1" },
    });
    await until("the owner to begin", () => runsOf(child, "cancel") === 1, 60_000);
    child.kill("SIGKILL");
    const { status, result, error } = await cancelled;
    assert.equal(status, "failed");
    assert.equal((result as JsonObject)["indeterminate"], true);
    assert.match(String(error), new RegExp(`task process ${child.pid} took the command`));
  });

  it("waits for the owner of a tick that just starts anew", async () => {
    await web();
    const fired = answer("schedule.fire", fire("late"));
    const child = await owner();
    assert.equal((await fired)["status"], "success", JSON.stringify(await fired));
    await until("its run", () => runsOf(child, "greet late") === 1);
  });

  it("is refused with the process to start, or with who has it and how to reach it", async () => {
    await web();
    const nobody = await answer("submit_task", submit("Ada"));
    assert.match(String(nobody["error"]), /"manual" is not watched.*nor by another.*start the one/);
    // A path that is too long for a socket.
    const short = home;
    home = join(short, "x".repeat(120));
    try {
      const child = await owner();
      await web();
      const mates = await readPresence(home);
      assert.ok(mates.every((mate) => mate.takesCommands === false));
      const { error } = await answer("submit_task", submit("Ada"));
      assert.match(String(error), new RegExp(`the task process ${child.pid} on the same token`));
      assert.match(String(error), /no socket.*mint a second token.*Z4J_TOKEN and Z4J_HMAC_SECRET/);
    } finally {
      home = short;
    }
  });
});

describe("calls between neighbours", () => {
  const command: ReceivedCommand = {
    id: "c1",
    action: "cancel_task",
    target: {},
    parameters: { task_id: "ü\n1" },
    timeoutMs: 60_000,
    claimToken: "token",
  };
  const limits = (remainingMs = 20_000) => ({ remainingMs, signal: new AbortController().signal });

  it("carry nothing for who lacks the secret, nor what was said before", async () => {
    const path = join(home, "calls.sock");
    const parts = { key: await importHmacKey(SECRET), clock: systemClock };
    const taken: ReceivedCommand[] = [];
    const server = await serveCalls(path, (one) => {
      taken.push(one);
      return Promise.resolve({ status: "success", result: { n: 1 }, error: null });
    }, parts);
    try {
      const done = await call(path, command, limits(), parts);
      assert.deepEqual(done, {
        status: "answered",
        result: { status: "success", result: { n: 1 }, error: null },
      });
      assert.deepEqual(taken[0]?.parameters, command.parameters);
      assert.equal(taken[0]?.claimToken, null);
      const stranger = { ...parts, key: await importHmacKey(new Uint8Array(32).fill(8)) };
      const refused = await call(path, command, limits(), stranger);
      assert.deepEqual(refused, { status: "unreached", reason: "it has another HMAC secret" });
      const body = JSON.stringify({ ...command, timeoutMs: 1000 });
      const old = await parts.key.sign(`z4j neighbour request\n${"0".repeat(32)}\n${body}`);
      for (const line of [JSON.stringify({ body, mac: old }), "{}", "rubbish", '{"body":1}']) {
        const channel = await connectLocal(path, 10_000);
        assert.match(await channel.next() ?? "", /nonce/);
        channel.send(line);
        assert.equal(await channel.next(), null, line);
        channel.close();
      }
      assert.equal(taken.length, 1);
    } finally {
      server.close();
    }
    const gone = await call(path, command, limits(), parts);
    assert.equal(gone.status, "unreached");
  });

  it("do not wait beyond the deadline of the command", async () => {
    const path = join(home, "slow.sock");
    const parts = { key: await importHmacKey(SECRET), clock: systemClock };
    const server = await serveCalls(path, () => new Promise(() => {}), parts);
    try {
      const late = await call(path, command, limits(600), parts);
      assert.deepEqual(late, { status: "lost", reason: "it did not answer in time" });
      const abort = new AbortController();
      const stopped = call(path, command, { remainingMs: 60_000, signal: abort.signal }, parts);
      abort.abort();
      assert.notEqual((await stopped).status, "answered");
    } finally {
      server.close();
    }
  });
});
