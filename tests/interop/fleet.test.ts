/** Eight processes on two tokens of the real brain 1.13.0: each token has two web processes and two workers. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { type Child, runScript } from "../_support/child.ts";
import { type RedisServer, startRedis } from "../_support/redis.ts";
import { startStockBrain, type StockAgent, type StockBrain } from "../_support/stock_brain.ts";
import { until } from "../_support/wait.ts";

type Json = Readonly<Record<string, unknown>>;

let brain: StockBrain;
let redis: RedisServer;
let home: string;
let connection: Redis;
const children: Child[] = [];
const queues: Queue[] = [];

const start = async (kind: "web" | "worker", agent: StockAgent): Promise<Child> => {
  const child = runScript("tests/_support/fleet_child.ts", {
    args: [kind, agent.name, redis.url],
    env: { ...brain.env(agent), Z4J_HOME: home },
  });
  children.push(child);
  await until(`${kind} up: ${child.output()}`, () => child.output().includes("up"));
  return child;
};

before(async () => {
  home = mkdtempSync(join(tmpdir(), "z4j-fleet-"));
  [brain, redis] = await Promise.all([startStockBrain(["mail", "bills"]), startRedis()]);
  connection = new Redis(redis.url, { maxRetriesPerRequest: null });
  for (const agent of brain.agents) queues.push(new Queue(agent.name, { connection }));
}, { timeout: 60_000 });

after(async () => {
  for (const child of children) child.kill("SIGKILL");
  for (const queue of queues) await queue.close();
  connection?.disconnect();
  await brain?.close();
  await redis?.stop();
  rmSync(home, { recursive: true, force: true });
}, { timeout: 60_000 });

interface Command {
  readonly id: string;
  readonly status: string;
  readonly result: Json | null;
  readonly error: string | null;
}

async function done(agent: StockAgent, name: string, body: Json): Promise<Json> {
  const answer = await brain.post(`commands/${name}`, { agent_id: agent.id, ...body });
  assert.equal(answer.status, 202, `${name}: ${JSON.stringify(answer.body)}`);
  const { id } = answer.body as { readonly id: string };
  const command = await until(`end of ${name}`, async () => {
    const row = await brain.get<Command>(`commands/${id}`);
    return ["completed", "failed", "timeout"].includes(row.status) ? row : undefined;
  });
  assert.equal(command.status, "completed", `${name}: ${JSON.stringify(command)}`);
  return command.result ?? {};
}

const online = async (): Promise<number> =>
  (await brain.get<{ readonly items?: readonly Json[] } | readonly Json[]>(
    "agent-workers?state=online&limit=100",
  ) as readonly Json[]).length;

const enginesOf = async (agent: StockAgent): Promise<unknown> =>
  (await brain.get<readonly Json[]>("agents")).find(({ id }) => id === agent.id)
    ?.["engine_adapters"];

describe("stock brain: eight processes on two tokens", () => {
  it("keeps the inventory of the workers, whoever said hello last", async () => {
    // The web process comes first, so the brain would give it every command.
    for (const kind of ["web", "worker", "worker", "web"] as const) {
      for (const agent of brain.agents) await start(kind, agent);
    }
    for (const agent of brain.agents) {
      await until("its engine", async () => String(await enginesOf(agent)) === "bullmq");
    }
    assert.equal(children.length, 8);
  });

  it("answers every command of REST", async () => {
    for (const [at, agent] of brain.agents.entries()) {
      const queue = queues[at];
      assert.ok(queue);
      // The first web process makes way within 10 s of the worker's hello.
      await until("a command that is served", async () => {
        const job = await queue.add("send", { n: 1 }, { delay: 3_600_000 });
        const answer = await brain.post("commands/cancel-task", {
          agent_id: agent.id,
          engine: "bullmq",
          task_id: `${agent.name}:${job.id}`,
        });
        if (answer.status !== 202) throw new Error(JSON.stringify(answer.body));
        const { id } = answer.body as { readonly id: string };
        return await until("its end", async () => {
          const { status } = await brain.get<Command>(`commands/${id}`);
          return status === "completed" ? "yes" : status === "failed" ? "no" : undefined;
        }) === "yes";
      }, 30_000);
      const failed = await queue.add("send", { n: 2, fail: true });
      await until("its failure", async () => await failed.isFailed());
      const taskId = `${agent.name}:${failed.id}`;
      await done(agent, "retry-task", {
        engine: "bullmq",
        task_id: taskId,
        override_args: [],
        override_kwargs: { n: 3 },
      });
      await until(
        "its success",
        async () => await (await queue.getJob(failed.id ?? ""))?.isCompleted(),
      );
      const second = await queue.add("send", { n: 4, fail: true });
      await until("its failure", async () => await second.isFailed());
      await until("its row", async () => {
        const page = await brain.get<{ readonly items: readonly Json[] }>("tasks?limit=100");
        return page.items.some((row) =>
          row["task_id"] === `${agent.name}:${second.id}` && row["state"] === "failure"
        );
      });
      const bulk = await done(agent, "bulk-retry", {
        filter: { engine: "bullmq", task_ids: [`${agent.name}:${second.id}`] },
        max: 10,
      });
      assert.equal(bulk["failed"], 0);
      const late = await queue.add("send", { n: 5 }, { delay: 3_600_000 });
      await done(agent, "cancel-task", { engine: "bullmq", task_id: `${agent.name}:${late.id}` });
      const purged = await queue.add("send", { n: 6 }, { delay: 3_600_000 });
      await done(agent, "purge-queue", { queue: agent.name, force: true });
      assert.equal(await queue.getJob(purged.id ?? "") === undefined, true);
      await done(agent, "rate-limit", { task_name: agent.name, rate: "100/s" });
    }
    assert.ok(await online() >= 8);
  });
});
