import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import type { Agent, AgentEventMap } from "../../src/agent/agent_types.ts";
import { isZ4jError } from "../../src/base/errors.ts";
import { createGroupedBuffer } from "../../src/buffer/grouped.ts";
import { createMemoryStore } from "../../src/buffer/memory.ts";
import { openBuffer } from "../../src/buffer/open.ts";
import type { Engine, TaskEvent } from "../../src/engines/contract.ts";
import type { FakeBrain } from "../../src/testing/fake_brain.ts";
import { createWebSocketTransport } from "../../src/transport/websocket.ts";
import {
  createRigAgent,
  hurriedClock,
  keepingLogger,
  SECRET,
  startTestBrain,
  until,
} from "../_support/agent_rig.ts";

function started(n: number): TaskEvent {
  return {
    kind: "task.started",
    taskId: `mail:${n}`,
    occurredAtMs: 1_790_000_000_000 + n,
    data: { taskName: "send", queue: "mail", kwargs: { password: "hunter2", to: "you" } },
  };
}

const open: { agents: Agent[]; brains: FakeBrain[] } = { agents: [], brains: [] };

afterEach(async () => {
  for (const agent of open.agents.splice(0)) await agent.stop({ timeoutMs: 200 });
  for (const brain of open.brains.splice(0)) await brain.close();
});

async function brain(more: Parameters<typeof startTestBrain>[0] = {}): Promise<FakeBrain> {
  const created = await startTestBrain(more);
  open.brains.push(created);
  return created;
}

function agentOf(url: string, more: Parameters<typeof createRigAgent>[1] = {}): Agent {
  const created = createRigAgent(url, more);
  open.agents.push(created);
  return created;
}

describe("agent", () => {
  it("start() connects, sends a first heartbeat and becomes ready after an ack", async () => {
    const server = await brain();
    const logger = keepingLogger();
    const agent = agentOf(server.url, { logger });
    await agent.start();
    await agent.ready({ timeoutMs: 5000 });
    assert.equal(agent.status().state, "connected");
    assert.equal(agent.status().verified, true);
    await until("heartbeat", () => server.frames.some(({ frame }) => frame.type === "heartbeat"));
    await until("status", () => server.frames.some(({ frame }) => frame.type === "agent_status"));
    assert.equal(logger.lines[0]?.message, "agent starting");
    assert.equal(server.hellos[0]?.worker_role, "task");
    assert.deepEqual(server.refusals, []);
  });

  it("record() delivers each event once, redacted, with environment and tags", async () => {
    const server = await brain();
    const agent = agentOf(server.url);
    agent.record("manual", started(0)); // before the start: kept
    await agent.start();
    for (let n = 1; n < 1200; n++) agent.record("manual", started(n));
    const report = await agent.flush({ timeoutMs: 8000 });
    assert.deepEqual([report.remaining, report.timedOut], [0, false]);
    assert.equal(server.stored.size, 1200);
    assert.ok([...server.stored.values()].every((times) => times === 1));
    const event = [...server.events.values()][0];
    assert.equal(event?.["engine"], "manual");
    const data = event?.["data"] as Record<string, Record<string, unknown> & string>;
    assert.equal(data["environment"], "test");
    assert.deepEqual(data["tags"], { team: "blue" });
    assert.deepEqual(data["kwargs"], { password: "[REDACTED]", to: "you" });
    assert.equal(agent.status().events.acked, 1200);
    assert.equal(agent.status().buffer?.count, 0);
  });

  it("keeps events through outages and delivers every id", async () => {
    const server = await brain();
    const clock = hurriedClock(10);
    const agent = agentOf(server.url, { clock });
    let batches = 0;
    server.faults.closeOnBatch = (events) =>
      events.length > 0 && ++batches % 2 === 1 && batches < 8 ? 1012 : null;
    await agent.start();
    for (let n = 0; n < 500; n++) {
      agent.record("manual", started(n));
      if (n % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await until(
      "all events",
      () => server.stored.size === 500 && agent.status().buffer?.count === 0,
    );
    assert.ok(batches >= 2);
    assert.ok(agent.status().reconnects >= 1);
  });

  it("sends a batch again under the same event ids when its ack is lost", async () => {
    const server = await brain();
    const agent = agentOf(server.url, { clock: hurriedClock(10) });
    server.faults.acksPerBatch = 0;
    await agent.start();
    agent.record("manual", started(1));
    await until("first delivery", () => server.stored.size === 1);
    assert.equal(agent.status().buffer?.count, 1);
    server.faults.acksPerBatch = 2; // the second ack of each batch must not matter
    server.kick(1012);
    await until("ack", () => agent.status().buffer?.count === 0);
    assert.deepEqual([...server.stored.values()], [2]);
    assert.equal(agent.status().events.acked, 1);
  });

  it("drops the one event that ends every session and delivers the others", async () => {
    const server = await brain();
    const logger = keepingLogger();
    const agent = agentOf(server.url, { clock: hurriedClock(40), logger });
    server.faults.closeOnBatch = (events) =>
      events.some((event) => event["task_id"] === "mail:17") ? 1011 : null;
    for (let n = 0; n < 40; n++) agent.record("manual", started(n));
    await agent.start();
    await until("the rest", () => server.stored.size === 39 && agent.status().buffer?.count === 0);
    assert.deepEqual(agent.status().buffer?.losses.content, { "task.started": 1 });
    assert.equal(logger.lines.filter((line) => line.message === "event dropped").length, 1);
  });

  it("retries slowly and warns once when the token is wrong", async () => {
    const server = await brain();
    const logger = keepingLogger();
    const transport = createWebSocketTransport({ brainUrl: server.url, token: "wrong" });
    const agent = agentOf(server.url, { transport, logger });
    await agent.start();
    await until("refusal", () => agent.status().state === "waiting");
    const { lastError, nextAttemptAtMs } = agent.status();
    assert.deepEqual([lastError?.class, lastError?.code], ["auth", 4401]);
    assert.ok((nextAttemptAtMs ?? 0) - Date.now() >= 4000);
    assert.equal(logger.lines.filter((line) => line.level === "warn").length, 1);
    assert.ok(!JSON.stringify(logger.lines).includes("wrong"));
    await assert.rejects(
      agent.ready({ timeoutMs: 50 }),
      (error) => isZ4jError(error) && error.code === "Z4J_AGENT_TIMEOUT",
    );
    const begun = performance.now();
    await agent.stop();
    assert.ok(performance.now() - begun < 1500);
  });

  it("tells a wrong secret from a wrong clock, and waits long for both", async () => {
    const server = await brain({ secret: new Uint8Array(32).fill(9) });
    const agent = agentOf(server.url, { secret: SECRET });
    await agent.start();
    await until("refusal", () => agent.status().state === "waiting");
    assert.equal(agent.status().lastError?.class, "auth");
    assert.match(agent.status().lastError?.advice ?? "", /secret/);
    const skewed = await brain();
    skewed.faults.clockOffsetMs = 300_000;
    const late = agentOf(skewed.url);
    await late.start();
    await until("refusal", () => late.status().state === "waiting");
    assert.equal(late.status().lastError?.class, "auth");
    assert.match(late.status().lastError?.advice ?? "", /clock of this machine is 300 s behind/);
  });

  it("waits longer each time another process takes its place", async () => {
    const server = await brain();
    const agent = agentOf(server.url, { clock: hurriedClock(100), random: () => 1 });
    const waits: number[] = [];
    agent.on("connected", () => server.kick(4002));
    agent.on("disconnected", () => {
      waits.push(Math.round(((agent.status().nextAttemptAtMs ?? 0) - Date.now()) / 1000));
    });
    await agent.start();
    await until("three rounds", () => waits.length === 3);
    assert.deepEqual(waits, [10, 20, 40]);
  });

  it("stop() delivers what was recorded, closes the socket and may be repeated", async () => {
    const server = await brain();
    const agent = agentOf(server.url);
    await agent.start();
    await agent.ready();
    for (let n = 0; n < 300; n++) agent.record("manual", started(n));
    const report = await agent.stop();
    assert.deepEqual([report.remaining, report.timedOut], [0, false]);
    assert.equal(server.stored.size, 300);
    assert.equal(agent.status().state, "stopped");
    await until("socket closed", () => server.openSockets === 0);
    assert.deepEqual(await agent.stop(), { sent: 0, remaining: 0, timedOut: false });
  });

  it("stop() keeps its deadline when the brain never acknowledges", async () => {
    const server = await brain();
    const agent = agentOf(server.url);
    await agent.start();
    await agent.ready();
    server.faults.acksPerBatch = 0;
    for (let n = 0; n < 5; n++) agent.record("manual", started(n));
    const begun = performance.now();
    const report = await agent.stop({ timeoutMs: 300 });
    assert.deepEqual(report, { sent: 0, remaining: 5, timedOut: true });
    assert.ok(performance.now() - begun < 1500);
  });

  it("stop() says what was lost because the buffer never found its disk", async () => {
    const losses: AgentEventMap["loss"][] = [];
    const agent = agentOf("http://127.0.0.1:1", {
      openBuffer: () =>
        openBuffer({
          path: "/nowhere/buffer.sqlite",
          sqlite: () =>
            Promise.resolve(() => {
              throw new Error("disk I/O error");
            }),
        }),
    });
    agent.on("loss", (loss) => losses.push(loss));
    await agent.start();
    for (let n = 0; n < 5; n++) agent.record("manual", started(n));
    const report = await agent.stop({ timeoutMs: 300 });
    assert.deepEqual([report.remaining, report.lost], [0, 5]);
    assert.deepEqual(losses, [{ source: "buffer", count: 5, reason: "storage" }]);
  });

  it("start() stops the agent that ran under the same name", async () => {
    const server = await brain();
    const first = agentOf(server.url, { singletonKey: "rig" });
    const second = agentOf(server.url, { singletonKey: "rig" });
    await first.start();
    await first.ready();
    await second.start();
    await second.ready();
    assert.equal(first.status().state, "stopped");
    assert.equal(second.status().state, "connected");
    await until("one socket", () => server.openSockets === 1);
  });

  it("survives engines that throw, hang or report rubbish", async () => {
    const server = await brain();
    const hostile: Engine = {
      name: "hostile",
      capabilities: [],
      attach(sink) {
        sink.event({ kind: "task.started" } as unknown as TaskEvent);
        sink.event(null as unknown as TaskEvent);
        sink.event({ ...started(1), occurredAtMs: NaN });
        sink.lost(3, "queue");
        throw new Error("no attach");
      },
      detach: () => Promise.reject(new Error("no detach")),
      health: () => new Promise(() => {}),
      actions: {},
    };
    const agent = agentOf(server.url, { engines: [hostile] });
    const losses: string[] = [];
    agent.on("loss", ({ source }) => void losses.push(source));
    agent.on("state", () => {
      throw new Error("listener");
    });
    await agent.start();
    await agent.ready();
    await until("heartbeat", () => server.frames.some(({ frame }) => frame.type === "heartbeat"));
    await until("the good event", () => server.stored.size >= 1);
    assert.ok(losses.includes("hostile"));
    assert.equal(agent.status().lost["hostile"], 3);
    await agent.stop();
    assert.equal(agent.status().state, "stopped");
  });

  it("on() tells about events that made room for others while no brain was there", async () => {
    const store = createMemoryStore({ maxEvents: 10 });
    const openBuffer = () => Promise.resolve(createGroupedBuffer({ store }));
    const agent = agentOf("http://127.0.0.1:1", { openBuffer });
    let lost = 0;
    agent.on("loss", ({ source, reason, count }) => {
      if (source === "buffer" && reason === "capacity") lost += count;
    });
    await agent.start();
    for (let n = 0; n < 25; n++) agent.record("manual", started(n));
    await until("loss", () => lost === 15);
    assert.equal(agent.status().buffer?.count, 10);
    assert.equal((await agent.stop()).remaining, 10);
  });

  it("start() rejects with a code when the secret is too short", async () => {
    const agent = agentOf("http://127.0.0.1:1", { secret: new Uint8Array(8) });
    await assert.rejects(
      agent.start(),
      (error) => isZ4jError(error) && error.code === "Z4J_SECRET_INVALID",
    );
    assert.equal(agent.status().state, "stopped");
  });
});
