import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { ActionOutcome, Engine } from "../../src/engines/contract.ts";
import { defineEngine } from "../../src/engines/define.ts";
import { manualEngine } from "../../src/engines/manual/engine.ts";
import { createAgent } from "../../src/install/create_agent.ts";
import type { ManagedAgent } from "../../src/install/managed_agent.ts";
import { startStockBrain, type StockAgent, type StockBrain } from "../_support/stock_brain.ts";
import { createStockSchedule } from "../_support/stock_schedules.ts";
import { until } from "../_support/wait.ts";

interface Items<T> {
  readonly items: readonly T[];
}
interface CommandItem {
  readonly action: string;
  readonly status: string;
}
interface TaskItem {
  readonly task_id: string;
  readonly state: string;
}

describe("createLongPollTransport() against the stock brain", () => {
  let brain: StockBrain;
  let home: string;
  before(async () => {
    brain = await startStockBrain(["lp-a", "lp-b", "lp-c", "lp-d"]);
    home = mkdtempSync(join(tmpdir(), "z4j-lp-"));
  });
  after(async () => {
    await brain?.close();
    if (home !== undefined) rmSync(home, { recursive: true, force: true });
  });

  const agentFor = (stock: StockAgent, engine: Engine, transport = "longpoll"): ManagedAgent =>
    createAgent({
      env: { ...brain.env(stock), Z4J_TRANSPORT: transport, Z4J_LOG_LEVEL: "error" },
      home,
      agentName: stock.name,
      engines: [engine],
    });
  const stockAgent = (at: number): StockAgent => {
    const found = brain.agents[at];
    assert.ok(found !== undefined);
    return found;
  };

  it("delivers every event in bodies of 8 KiB", { timeout: 90_000 }, async () => {
    const engine = manualEngine({ name: "lpa" });
    const crunch = engine.task("crunch", (n: number, _ballast: string) => n);
    await using agent = agentFor(stockAgent(0), engine);
    await agent.start();
    for (let i = 0; i < 100; i++) await crunch(i, "x".repeat(300));
    const report = await agent.flush({ timeoutMs: 60_000 });
    assert.equal(report.remaining, 0, JSON.stringify(report));
    await until("100 finished tasks", async () => {
      const { items } = await brain.get<Items<TaskItem>>("tasks?limit=200&engine=lpa");
      return items.filter(({ state }) => state === "success").length === 100;
    });
    const status = agent.status();
    assert.deepEqual(status.lost, {});
    assert.equal(status.events.acked, status.events.recorded);
    assert.equal(status.verified, true);
  });

  it("cuts what fits no body out of an event, and delivers the rest", async () => {
    const engine = manualEngine({ name: "lpd" });
    const crunch = engine.task("crunch", (_ballast: string) => 42);
    await using agent = agentFor(stockAgent(0), engine);
    await agent.start();
    await crunch("x ".repeat(4000));
    const report = await agent.flush({ timeoutMs: 30_000 });
    assert.deepEqual([report.remaining, agent.status().buffer?.losses.content], [0, {}]);
    const task = await until("the finished task", async () => {
      const { items } = await brain.get<Items<TaskItem>>("tasks?limit=10&engine=lpd");
      return items.find(({ state }) => state === "success");
    });
    const path = `tasks/lpd/${encodeURIComponent(task.task_id)}`;
    const { args, result } = await brain.get<{ args: unknown; result: unknown }>(path);
    assert.match(JSON.stringify(args), /^\["\[80\d\d bytes removed: the event was too large\]"\]$/);
    assert.equal(result, 42);
  });

  it("submits a job for the brain and answers with its id", { timeout: 60_000 }, async () => {
    const engine = manualEngine({ name: "lps" });
    const seen: string[] = [];
    engine.task("greet", (name: string) => void seen.push(name));
    // A long-polling agent sends no hello: the brain knows its engines from an earlier session.
    const before = agentFor(stockAgent(3), engine, "ws");
    await before.start();
    await before.ready();
    await before.stop();
    await using agent = agentFor(stockAgent(3), engine);
    await agent.start();
    await until("a verified session", () => agent.status().verified);
    const id = await createStockSchedule(brain, {
      name: "greet-over-long-poll",
      engine: "lps",
      task_name: "greet",
      args: ["Ada"],
    });
    // It counts as online from its first heartbeat.
    const path = `schedules/${id}/trigger`;
    await until("an accepted trigger", async () => (await brain.post(path)).status === 200, 30_000);
    await until("the completed command", async () => {
      const { items } = await brain.get<Items<CommandItem>>("commands?limit=20");
      return items.some(({ action, status }) => action === "submit_task" && status === "completed");
    });
    assert.deepEqual(seen, ["Ada"]);
  });

  it("carries out a command and answers it", { timeout: 60_000 }, async () => {
    const cancelled: string[] = [];
    const engine = defineEngine({
      name: "lpb",
      capabilities: ["cancel_task"],
      attach() {},
      detach() {},
      actions: {
        cancel(taskId: string): Promise<ActionOutcome> {
          cancelled.push(taskId);
          return Promise.resolve({ status: "done", result: { task_id: taskId } });
        },
      },
    });
    const stock = stockAgent(1);
    await using agent = agentFor(stock, engine);
    await agent.start();
    await until("a verified session", () => agent.status().verified);
    const path = "commands/cancel-task";
    const target = { agent_id: stock.id, engine: "lpb", task_id: "7" };
    await until("an accepted command", async () => (await brain.post(path, target)).status < 300);
    await until("the cancellation", () => cancelled.length > 0);
    assert.equal(cancelled[0], "7");
    await until("the completed command", async () => {
      const { items } = await brain.get<Items<CommandItem>>("commands?limit=20");
      return items.some(({ action, status }) => action === "cancel_task" && status === "completed");
    });
    assert.deepEqual(cancelled, ["7"]);
  });

  it("refuses a wrong secret as a credentials problem", async () => {
    const agent = createAgent({
      env: {
        ...brain.env(stockAgent(2)),
        Z4J_TRANSPORT: "longpoll",
        Z4J_HMAC_SECRET: "A".repeat(43),
        Z4J_LOG_LEVEL: "error",
      },
      home,
      agentName: "wrong",
    });
    await agent.start();
    const { lastError } = await until("the refusal", () => {
      const status = agent.status();
      return status.lastError === null ? undefined : status;
    });
    assert.equal(lastError?.class, "auth");
    assert.match(lastError?.advice ?? "", /secret/);
    await agent.stop({ timeoutMs: 100 });
  });
});
