/**
 * The embedded brain gives commands to BullMQ: over its REST interface and by
 * the forms of its pages, looked up in Redis.
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
import { type BrainProcess, startBrainProcess } from "../_support/embedded_brain.ts";
import { type RedisServer, startRedis, withoutRedis } from "../_support/redis.ts";
import { until } from "../_support/wait.ts";

type Json = Readonly<Record<string, unknown>>;

let home: string;
let brain: BrainProcess;
let redis: RedisServer;
let queue: Queue;
let worker: Worker;
let agent: ManagedAgent;
let agentId: string;
let broken = true;

if (!withoutRedis()) {
  before(start, { timeout: 60_000 });
  after(stop, { timeout: 60_000 });
  describe("embedded brain: commands for BullMQ", declare);
}

async function start(): Promise<void> {
  // A machine for tests may look like a supervisor: a restart would end the tests.
  process.env["Z4J_ORCHESTRATED"] = "0";
  home = mkdtempSync(join(tmpdir(), "z4j-bullmq-e2e-"));
  [brain, redis] = await Promise.all([
    startBrainProcess(["--port", "0", "--data", ":memory:", "--mint", "app"]),
    startRedis(),
  ]);
  const connection = { host: "127.0.0.1", port: redis.port, maxRetriesPerRequest: null };
  queue = new Queue("mail", { connection });
  worker = new Worker("mail", (job) => {
    if (broken) throw new Error("broken");
    return Promise.resolve(job.data);
  }, { connection, name: "mail-worker", concurrency: 4 });
  const [minted] = brain.line.agents;
  assert.ok(minted);
  agentId = minted.id;
  agent = createAgent({
    env: {
      Z4J_BRAIN_URL: brain.line.base_url,
      Z4J_TOKEN: minted.token ?? "",
      Z4J_HMAC_SECRET: minted.hmac_secret ?? "",
      Z4J_PROJECT_ID: brain.line.project_slug,
      Z4J_HOME: home,
    },
    logger: noopLogger,
    engines: [bullmqEngine({ queues: [queue], workers: [worker] })],
  });
  await agent.start();
  await agent.ready();
  await until("queue and worker", async () => {
    const [queues, workers] = await Promise.all([rows("queues"), rows("workers")]);
    return queues.length > 0 && workers.length > 0;
  }, 40_000);
}

async function stop(): Promise<void> {
  delete process.env["Z4J_ORCHESTRATED"];
  await agent?.stop();
  await worker?.close(true);
  await queue?.close();
  brain?.child.kill("SIGKILL");
  await redis?.stop();
  rmSync(home, { recursive: true, force: true });
}

async function rows(path: string): Promise<readonly Json[]> {
  const body = await brain.get<readonly Json[] | { readonly items: readonly Json[] }>(path);
  return Array.isArray(body) ? body : (body as { readonly items: readonly Json[] }).items;
}

/** A page, or a form that is posted; the status and the text. */
async function page(path: string, form?: Readonly<Record<string, string>>) {
  const response = await fetch(`${brain.line.base_url}${path}`, {
    redirect: "manual",
    headers: { authorization: `Bearer ${brain.line.api_token}`, accept: "text/html" },
    ...(form === undefined ? {} : { method: "POST", body: new URLSearchParams(form) }),
  });
  return { status: response.status, text: await response.text() };
}

async function done(name: string, body: Json): Promise<Json> {
  const answer = await brain.post(`commands/${name}`, { agent_id: agentId, ...body });
  assert.equal(answer.status, 202, `${name}: ${JSON.stringify(answer.body)}`);
  const { id } = answer.body as { readonly id: string };
  const row = await until(`end of ${name}`, async () => {
    const command = await brain.get<Json>(`commands/${id}`);
    return ["completed", "failed", "timeout"].includes(String(command["status"]))
      ? command
      : undefined;
  });
  assert.equal(row["status"], "completed", JSON.stringify(row));
  return row["result"] as Json;
}

async function failedJob(data: object): Promise<string> {
  broken = true;
  const job = await queue.add("send", data);
  await until("failure", async () => await job.isFailed());
  await until("failure in the brain", async () => {
    const tasks = await rows("tasks?state=failure");
    return tasks.some((task) => task["task_id"] === `mail:${job.id}`);
  });
  broken = false;
  return job.id ?? "";
}

function declare(): void {
  it("retries by reference, one by one and in bulk, by REST and from the page", async () => {
    const id = await failedJob({ n: 1 });
    await done("retry-task", { engine: "bullmq", task_id: `mail:${id}` });
    await until("success", async () => await (await queue.getJob(id))?.isCompleted());
    const ids = [await failedJob({ n: 2 }), await failedJob({ n: 3 })];
    const list = await page("/?state=failure");
    assert.match(list.text, /Retry these 2/);
    assert.equal((await page("/bulk-retry?state=failure", {})).status, 303);
    for (const one of ids) {
      await until("success", async () => await (await queue.getJob(one))?.isCompleted());
    }
  });

  it("lists dead letters and requeues them", async () => {
    const id = await failedJob({ n: 4 });
    const letters = await brain.get<Json>("dead-letters?engine=bullmq&limit=5");
    assert.equal((letters["entries"] as Json[])[0]?.["task_id"], `mail:${id}`);
    const shown = await page("/dead-letters/bullmq?queue=mail");
    assert.match(shown.text, /broken/);
    assert.match(shown.text, /1 in all/);
    const wrong = await page("/dead-letters/bullmq?cursor=%21");
    assert.equal(wrong.status, 422);
    const requeue = { task_id: `mail:${id}`, queue: "mail" };
    assert.equal((await page("/dead-letters/bullmq/requeue", requeue)).status, 303);
    await until("success", async () => await (await queue.getJob(id))?.isCompleted());
    assert.equal((await page("/dead-letters/nobody")).status, 409);
  });

  it("pauses, limits and purges a queue, the last only after its name was typed", async () => {
    const path = "/queues/bullmq/mail";
    assert.match((await page(path)).text, /Type mail to confirm/);
    assert.equal((await page(`${path}/pause`, {})).status, 303);
    await until("pause", async () => await queue.isPaused());
    await done("resume-queue", { engine: "bullmq", queue: "mail" });
    assert.equal(await queue.isPaused(), false);
    assert.equal((await page(`${path}/concurrency`, { value: "3" })).status, 303);
    await until("limit", async () => await queue.getGlobalConcurrency() === 3);
    await done("queue-concurrency", { engine: "bullmq", queue: "mail", concurrency: null });
    assert.equal(await queue.getGlobalConcurrency(), null);
    assert.equal((await page(`${path}/rate`, { value: "10/m" })).status, 303);
    await until("rate", async () => (await queue.getGlobalRateLimit())?.max === 10);
    assert.equal((await page(`${path}/rate`, { value: "0" })).status, 303);
    await until("no rate", async () => await queue.getGlobalRateLimit() === null);

    await queue.addBulk(
      [1, 2].map((n) => ({ name: "s", data: { n }, opts: { delay: 3_600_000 } })),
    );
    const slip = await page(`${path}/purge`, { depth: "2", confirm: "mial" });
    assert.equal(slip.status, 422);
    assert.equal((await page(`${path}/purge`, { depth: "1", confirm: "mail" })).status, 303);
    await until("a refusal", async () => {
      const commands = await rows("commands?status=failed");
      return commands.some((command) => command["action"] === "purge_queue");
    });
    assert.equal(await queue.getDelayedCount(), 2);
    assert.equal((await page(`${path}/purge`, { depth: "2", confirm: "mail" })).status, 303);
    await until("purge", async () => await queue.getDelayedCount() === 0);
  });

  it("steers a worker from its page", async () => {
    const [row] = await rows("workers");
    const path = `/workers/${String(row?.["id"])}`;
    const shown = await page(path);
    for (const text of ["mail-worker", "One job more", "Take none", "Restart"]) {
      assert.ok(shown.text.includes(text), text);
    }
    assert.equal((await page(`${path}/grow`, {})).status, 303);
    await until("pool", () => worker.concurrency === 5);
    assert.equal((await page(`${path}/shrink`, {})).status, 303);
    await until("pool", () => worker.concurrency === 4);
    assert.equal((await page(`${path}/consumer`, { change: "cancel", queue: "mail" })).status, 303);
    await until("pause", () => worker.isPaused());
    assert.equal((await page(`${path}/consumer`, { change: "add", queue: "mail" })).status, 303);
    await until("resume", () => !worker.isPaused());
    // This process has no supervisor: the agent refuses and closes nothing.
    assert.equal((await page(`${path}/restart`, {})).status, 303);
    await until("a refusal", async () => {
      const commands = await rows("commands?status=failed");
      return commands.some((command) => command["action"] === "restart_worker");
    });
    assert.equal(worker.isRunning(), true);
    assert.equal((await page("/workers/nobody")).status, 404);
  });
}
