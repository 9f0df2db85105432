/**
 * Every command that the REST interface of the real brain 1.13.0 takes for
 * `bullmq`, issued there and looked up in Redis; and those that it refuses.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, before, describe, it } from "node:test";
import { Queue, Worker } from "bullmq";
import { createAgent, type ManagedAgent } from "../../mod.ts";
import { noopLogger } from "../../src/base/logger.ts";
import { bullmqEngine } from "../../src/engines/bullmq/mod.ts";
import { type RedisServer, startRedis } from "../_support/redis.ts";
import { startStockBrain, type StockBrain } from "../_support/stock_brain.ts";
import { until } from "../_support/wait.ts";

type Json = Readonly<Record<string, unknown>>;
interface Command {
  readonly status: string;
  readonly result: Json | null;
  readonly error: string | null;
}

const WORKER = "mail-worker";
let home: string;
let brain: StockBrain;
let redis: RedisServer;
let queue: Queue;
let worker: Worker;
let agent: ManagedAgent;
let agentId: string;
let broken = true;

before(async () => {
  // A machine for tests may look like a supervisor: a restart would end the tests.
  process.env["Z4J_ORCHESTRATED"] = "0";
  home = mkdtempSync(join(tmpdir(), "z4j-bullmq-commands-"));
  [brain, redis] = await Promise.all([startStockBrain(["app"]), startRedis()]);
  const connection = { host: "127.0.0.1", port: redis.port, maxRetriesPerRequest: null };
  queue = new Queue("mail", { connection });
  worker = new Worker("mail", (job, _token, signal) => {
    if (job.name === "long") {
      return new Promise((_resolve, reject) => {
        signal?.addEventListener("abort", () => reject(new Error("stopped")));
      });
    }
    if (broken) throw new Error("broken");
    return Promise.resolve(job.data);
  }, { connection, name: WORKER, concurrency: 4 });
  const [minted] = brain.agents;
  assert.ok(minted);
  agentId = minted.id;
  agent = createAgent({
    env: { ...brain.env(minted), Z4J_HOME: home },
    logger: noopLogger,
    engines: [bullmqEngine({ queues: [queue], workers: [worker] })],
  });
  await agent.start();
  await agent.ready();
}, { timeout: 60_000 });

after(async () => {
  delete process.env["Z4J_ORCHESTRATED"];
  await agent?.stop();
  await worker?.close(true);
  await queue?.close();
  await brain?.close();
  await redis?.stop();
  rmSync(home, { recursive: true, force: true });
}, { timeout: 60_000 });

/** Issues a command and waits for its end; the status is that of REST when it is refused. */
async function issue(name: string, body: Json): Promise<Command & { readonly http: number }> {
  const answer = await brain.post(`commands/${name}`, { agent_id: agentId, ...body });
  if (answer.status !== 202) {
    return {
      http: answer.status,
      status: "none",
      result: null,
      error: JSON.stringify(answer.body),
    };
  }
  const { id } = answer.body as { readonly id: string };
  const command = await until(`end of ${name}`, async () => {
    const row = await brain.get<Command>(`commands/${id}`);
    return ["completed", "failed", "timeout"].includes(row.status) ? row : undefined;
  });
  return { http: answer.status, ...command };
}

async function done(name: string, body: Json): Promise<Json> {
  const command = await issue(name, body);
  assert.equal(command.status, "completed", `${name}: ${JSON.stringify(command)}`);
  return command.result ?? {};
}

const seen = (taskId: string, state: string): Promise<unknown> =>
  until(`${taskId} ${state}`, async () => {
    const page = await brain.get<{ items: readonly Json[] }>("tasks?limit=100");
    return page.items.some((task) => task["task_id"] === taskId && task["state"] === state);
  });

async function failedJob(data: unknown = { n: 1 }): Promise<string> {
  broken = true;
  const job = await queue.add("send", data);
  await until("failure", async () => await job.isFailed());
  await seen(`mail:${job.id}`, "failure");
  broken = false;
  return job.id ?? "";
}

describe("stock brain: commands for BullMQ", () => {
  it("retries: with inputs by retry-task, by reference by bulk-retry and dead letters", async () => {
    const id = await failedJob();
    const task = { engine: "bullmq", task_id: `mail:${id}` };
    const refused = await issue("retry-task", task);
    assert.equal(refused.http, 409, "the brain retries by reference for celery and rq only");
    await done("retry-task", { ...task, override_args: [], override_kwargs: { n: 2 } });
    await until("success", async () => await (await queue.getJob(id))?.isCompleted());
    assert.deepEqual((await queue.getJob(id))?.returnvalue, { n: 2 });

    const [second, third] = [await failedJob({ n: 3 }), await failedJob({ n: 4 })];
    const bulk = await done("bulk-retry", {
      filter: { engine: "bullmq", task_ids: [`mail:${second}`, `mail:${id}`] },
      max: 10,
    });
    assert.deepEqual([bulk["requested"], bulk["failed"]], [2, 0]);
    await until("success", async () => await (await queue.getJob(second))?.isCompleted());
    assert.deepEqual((await queue.getJob(second))?.returnvalue, { n: 3 });

    const letters = await brain.get<Json>("dead-letters?engine=bullmq&queue=mail&limit=10");
    const [letter] = letters["entries"] as Json[];
    assert.equal(letter?.["task_id"], `mail:${third}`);
    assert.equal(letter?.["error_excerpt"], "broken");
    await done("requeue-dead-letter", { engine: "bullmq", task_id: `mail:${third}` });
    await until("success", async () => await (await queue.getJob(third))?.isCompleted());
  });

  it("retries later, and all that failed as a durable bulk retry", async () => {
    const id = await failedJob({ n: 5 });
    const later = await done("retry-task", {
      ...{ engine: "bullmq", task_id: `mail:${id}`, eta_seconds: 3600 },
      ...{ override_args: [], override_kwargs: { n: 6 } },
    });
    const copy = String(later["new_task_id"]).slice("mail:".length);
    assert.equal(await (await queue.getJob(copy))?.getState(), "delayed");
    await queue.remove(copy);
    const request = await brain.post("bulk-retry-requests", {
      idempotency_key: `all-${id}`,
      agent_id: agentId,
      filter: { engine: "bullmq", task_ids: [`mail:${id}`] },
      max: 10,
    });
    assert.equal(request.status, 202, JSON.stringify(request.body));
    await until("success", async () => await (await queue.getJob(id))?.isCompleted());
  });

  it("cancels what waits and what runs", async () => {
    const waiting = await queue.add("send", {}, { delay: 3_600_000 });
    await done("cancel-task", { engine: "bullmq", task_id: `mail:${waiting.id}` });
    assert.equal(await queue.getJob(waiting.id ?? ""), undefined);
    const long = await queue.add("long", {}, { attempts: 3 });
    await seen(`mail:${long.id}`, "started");
    const result = await done("cancel-task", { engine: "bullmq", task_id: `mail:${long.id}` });
    assert.equal(result["was"], "active");
    assert.equal(await long.isFailed(), true);
    await seen(`mail:${long.id}`, "revoked");
  });

  it("purges after the depth was confirmed, and refuses a stale one", async () => {
    await queue.addBulk([1, 2, 3].map((n) => ({
      name: "send",
      data: { n },
      opts: { delay: 3_600_000 },
    })));
    const stale = await issue("purge-queue", { queue: "mail", observed_depth: 1 });
    assert.equal(stale.status, "failed");
    assert.match(stale.error ?? "", /confirm/);
    assert.equal(await queue.getDelayedCount(), 3);
    const result = await done("purge-queue", { queue: "mail", observed_depth: 3 });
    assert.equal(result["purged"], 3);
    assert.equal(await queue.getDelayedCount(), 0);
  });

  it("limits the rate of a queue, not of a name", async () => {
    await done("rate-limit", { task_name: "mail", rate: "100/m" });
    assert.deepEqual(await queue.getGlobalRateLimit(), { max: 100, duration: 60_000 });
    await done("rate-limit", { task_name: "mail", rate: "0" });
    assert.equal(await queue.getGlobalRateLimit(), null);
    const named = await issue("rate-limit", { task_name: "send", rate: "1/s" });
    assert.match(named.error ?? "", /limits whole queues/);
  });

  it("steers the worker whose events it has", async () => {
    const body = { engine: "bullmq", worker_name: WORKER };
    await until("evidence", async () => {
      const workers = await brain.get<{ items?: readonly Json[] } | readonly Json[]>("workers");
      const rows = Array.isArray(workers) ? workers : (workers as { items: Json[] }).items;
      return rows.some((row) => row["name"] === WORKER);
    });
    const grown = await done("pool-resize", { ...body, delta: 2 });
    assert.deepEqual([grown["concurrency"], worker.concurrency], [6, 6]);
    await done("pool-resize", { ...body, delta: -2 });
    assert.equal(worker.concurrency, 4);
    await done("cancel-consumer", { ...body, queue: "mail" });
    assert.equal(worker.isPaused(), true);
    await done("add-consumer", { ...body, queue: "mail" });
    assert.equal(worker.isPaused(), false);
    const restart = await issue("restart-worker", body);
    assert.equal(restart.http, 202, restart.error ?? "");
    // This process has no supervisor: nothing is closed.
    assert.equal(restart.status, "failed");
    assert.equal(worker.isRunning(), true);
  });

  it("keeps the refusals of the brain", async () => {
    const one = { engine: "bullmq", task_id: "mail:1", override_args: [] };
    assert.equal((await issue("retry-task", one)).http, 422);
    const bulk = (filter: Json) => issue("bulk-retry", { filter, max: 5 });
    assert.equal((await bulk({ engine: "bullmq" })).http, 410);
    assert.equal((await bulk({ engine: "bullmq", task_ids: ["mail:nobody"] })).http, 400);
    const foreign = { engine: "laravel", task_id: "mail:1" };
    assert.equal((await issue("cancel-task", foreign)).http, 422);
    const nobody = { engine: "bullmq", worker_name: "nobody", delta: 1 };
    assert.equal((await issue("pool-resize", nobody)).status, "none");
  });
});
