/**
 * Context from a request in one process to the job in another, to the job that
 * this one adds, to the run of a schedule in a sandbox, and on the events of both brains.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Queue } from "bullmq";
import { createAgent } from "../../mod.ts";
import { noopLogger } from "../../src/base/logger.ts";
import { bullmqEngine } from "../../src/engines/bullmq/mod.ts";
import { type Child, runScript } from "../_support/child.ts";
import { type BrainProcess, startBrainProcess } from "../_support/embedded_brain.ts";
import { type RedisServer, startRedis } from "../_support/redis.ts";
import { startStockBrain, type StockBrain } from "../_support/stock_brain.ts";
import { until } from "../_support/wait.ts";

type Facts = Readonly<Record<string, unknown>>;

interface Event {
  readonly kind: string;
  readonly payload: Facts;
}
interface Items {
  readonly items: readonly Event[];
}
interface Task {
  readonly state: string;
  readonly kwargs: unknown;
  readonly result: Facts;
}

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";

let folder: string;
let redis: RedisServer;
let embedded: BrainProcess;
let stock: StockBrain;
const children: Child[] = [];

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "z4j-context-"));
  const data = join(folder, "brain");
  [redis, embedded, stock] = await Promise.all([
    startRedis(),
    startBrainProcess(["--port", "0", "--data", data, "--mint", "web", "--mint", "worker"]),
    startStockBrain(["web", "worker"]),
  ]);
}, { timeout: 60_000 });

after(async () => {
  for (const child of children) child.kill("SIGKILL");
  await stock?.close();
  embedded?.child.kill("SIGTERM");
  await embedded?.child.ended().catch(() => embedded.child.kill("SIGKILL"));
  await redis?.stop();
  rmSync(folder, { recursive: true, force: true });
}, { timeout: 60_000 });

function start(role: string, major: string, env: Record<string, string>): Child {
  const child = runScript("tests/_support/context_child.ts", {
    args: [role, major],
    env: { ...env, REDIS_URL: redis.url, Z4J_HOME: join(folder, `${role}-${major}`) },
  });
  children.push(child);
  return child;
}

interface Bed {
  readonly major: string;
  env(name: string): Record<string, string>;
  get<T>(path: string): Promise<T>;
}

/** One request; answers the events of its job and of the job's child, by kind. */
async function journey({ major, env, get }: Bed) {
  const worker = start("worker", major, env("worker"));
  await until("the worker", () => worker.output().includes("ready"), 30_000);
  const web = start("web", major, env("web"));
  assert.equal(await web.ended(30_000), 0, web.output());
  const answered = web.output().split("\n").find((line) => line.startsWith("{")) ?? "{}";
  const asked = JSON.parse(answered) as Readonly<Record<"id" | "run" | "trace", string>>;
  const { id, trace } = asked;
  assert.equal(trace, TRACE);
  const done = (id: string): Promise<Task> =>
    until(`${id} done`, async () => {
      const found = await get<Task>(`tasks/bullmq/${encodeURIComponent(id)}`);
      return found.state === "success" ? found : undefined;
    }, 30_000);
  const job = await done(id);
  const childId = String(job.result["child"]);
  const child = await done(childId);
  const eventsOf = async (id: string): Promise<readonly Event[]> =>
    (await get<Items>(`events?engine=bullmq&task_id=${encodeURIComponent(id)}&limit=100`)).items;
  const run = await done(asked.run);
  const sandboxId = `sandbox-audit:${run.result["child"]}`;
  // Nobody works on that queue: the reader of the streams tells of it.
  const sandboxEvents = await until("the job of the sandbox", async () => {
    const found = await eventsOf(sandboxId);
    return found.length > 0 ? found : undefined;
  }, 30_000);
  worker.kill("SIGTERM");
  return {
    ...{ job, child, run, sandboxEvents },
    jobEvents: await eventsOf(id),
    childEvents: await eventsOf(childId),
    runEvents: await eventsOf(asked.run),
  };
}

function contextsOf(events: readonly Event[]): readonly Facts[] {
  assert.ok(events.length >= 3, JSON.stringify(events.map(({ kind }) => kind)));
  return events.map(({ kind, payload }) => {
    const context = payload["context"];
    assert.ok(typeof context === "object" && context !== null, `${kind} has no context`);
    return context as Facts;
  });
}

function checkJourney(found: Awaited<ReturnType<typeof journey>>): void {
  const [sent = {}, ...others] = contextsOf(found.jobEvents);
  const { span_id: jobSpan, ...facts } = sent;
  assert.deepEqual(facts["trace_id"], TRACE);
  assert.notEqual(facts["parent_span_id"], SPAN);
  assert.deepEqual(
    [facts["request_id"], facts["method"], facts["route"], facts["user"], facts["tenant"]],
    ["req-42", "POST", "/orders/:id/mail", "u7", "acme"],
  );
  for (const other of others) assert.deepEqual(other, sent);
  const [child = {}, ...rest] = contextsOf(found.childEvents);
  assert.deepEqual(
    [child["trace_id"], child["parent_span_id"], child["request_id"], child["user"]],
    [TRACE, jobSpan, "req-42", "u7"],
  );
  for (const other of rest) assert.deepEqual(other, child);
  // What the processor sees: its data as it was, and the context of its job.
  assert.deepEqual(found.job.result["data"], { order: "9" });
  assert.deepEqual(found.job.kwargs, { order: "9" });
  assert.equal((found.job.result["seen"] as Facts)["spanId"], jobSpan);
  assert.equal((found.child.result["seen"] as Facts)["spanId"], child["span_id"]);
  assert.deepEqual([sent["tracestate"], child["tracestate"]], ["rojo=1,congo=2", "rojo=1,congo=2"]);
}

/** The run of the schedule that the request made, in a sandbox, and the job that it added there. */
function checkRun({ run, runEvents, sandboxEvents }: Awaited<ReturnType<typeof journey>>): void {
  const [first = {}, ...others] = contextsOf(runEvents);
  for (const other of others) assert.deepEqual(other, first);
  const { trace_id: trace, span_id: span, scheduled_by: link, ...facts } = first;
  assert.deepEqual(facts, { user: "u7", tenant: "acme" });
  assert.notEqual(trace, TRACE);
  const { span_id: _step, ...maker } = link as Facts;
  assert.deepEqual(maker, { trace_id: TRACE, request_id: "req-42" });
  const seen = run.result["seen"] as Facts;
  assert.deepEqual([seen["traceId"], seen["spanId"]], [trace, span]);
  for (const { payload } of sandboxEvents) {
    const context = payload["context"] as Facts;
    assert.deepEqual([context["trace_id"], context["parent_span_id"]], [trace, span]);
    assert.deepEqual([context["user"], context["scheduled_by"]], ["u7", link]);
  }
}

describe("context of a request", () => {
  it("reaches job and child in another process, with BullMQ 6 and the embedded brain", async () => {
    const { line } = embedded;
    const found = await journey({
      major: "bullmq",
      env(name) {
        const agent = line.agents.find((one) => one.name === name);
        return {
          Z4J_BRAIN_URL: line.base_url,
          Z4J_TOKEN: agent?.token ?? "",
          Z4J_HMAC_SECRET: agent?.hmac_secret ?? "",
          Z4J_PROJECT_ID: line.project_slug,
        };
      },
      get: (path) => embedded.get(path),
    });
    checkJourney(found);
    checkRun(found);
  });

  it("reaches job and child in another process, with BullMQ 5 and the stock brain", async () => {
    const found = await journey({
      major: "bullmq5",
      env(name) {
        const agent = stock.agents.find((one) => one.name === name);
        assert.ok(agent);
        return stock.env(agent);
      },
      get: (path) => stock.get(path),
    });
    checkJourney(found);
    checkRun(found);
  });
});

describe("a process that forbids", () => {
  it("keeps its jobs from an operator of the stock brain, who is not even offered the rest", async () => {
    const minted = stock.agents.find(({ name }) => name === "web");
    assert.ok(minted);
    const connection = { host: "127.0.0.1", port: redis.port };
    const queue = new Queue("guarded", { connection });
    const agent = createAgent({
      env: {
        ...stock.env(minted),
        Z4J_HOME: join(folder, "guarded"),
        Z4J_COMMANDS_DENY: "purge_queue,bulk_retry",
      },
      logger: noopLogger,
      engines: [bullmqEngine({ queues: [queue] })],
    });
    await agent.start();
    await agent.ready({ timeoutMs: 20_000 });
    const issue = async (name: string, body: object): Promise<Facts> => {
      const answer = await stock.post(`commands/${name}`, { agent_id: minted.id, ...body });
      if (answer.status !== 202) return { status: answer.status, error: answer.body };
      const { id } = answer.body as { readonly id: string };
      return await until(`end of ${name}`, async () => {
        const row = await stock.get<Facts>(`commands/${id}`);
        return ["completed", "failed", "timeout"].includes(String(row["status"])) ? row : undefined;
      });
    };
    try {
      await queue.addBulk([1, 2, 3].map((n) => ({ name: "keep", data: { n } })));
      const purged = await issue("purge-queue", { queue: "guarded", force: true });
      assert.equal(purged["status"], "failed", JSON.stringify(purged));
      assert.match(String(purged["error"]), /this process forbids it: commands\.deny.*purge_queue/);
      assert.equal((await queue.getJobCounts("wait"))["wait"], 3);
      const filter = { engine: "bullmq", task_ids: ["guarded:1"] };
      // Its token was not announced, so the brain refuses by itself.
      assert.equal((await issue("bulk-retry", { filter, max: 1 }))["status"], 422);
      assert.deepEqual(
        agent.metrics().commands.map(({ action, status, count }) => [action, status, count]),
        [["purge_queue", "forbidden", 1]],
      );
    } finally {
      await agent.stop();
      await queue.close();
    }
  });
});
