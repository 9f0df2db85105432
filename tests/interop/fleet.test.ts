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
import { createStockSchedule } from "../_support/stock_schedules.ts";
import { until } from "../_support/wait.ts";

type Json = Readonly<Record<string, unknown>>;

let brain: StockBrain;
let redis: RedisServer;
let home: string;
let connection: Redis;
const children: Child[] = [];
const queues: Queue[] = [];

const start = async (
  kind: "web" | "worker" | "consumer",
  agent: StockAgent,
  scheduler = "",
): Promise<Child> => {
  const child = runScript("tests/_support/fleet_child.ts", {
    args: [kind, agent.name, redis.url, scheduler],
    // A machine for tests may look like a supervisor.
    env: { ...brain.env(agent), Z4J_HOME: home, Z4J_ORCHESTRATED: "0" },
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

// The brain counts bulk actions by address, ten a minute.
const addressOf = (agent: StockAgent): string => `10.0.0.${brain.agents.indexOf(agent) + 1}`;

interface Command {
  readonly id: string;
  readonly status: string;
  readonly result: Json | null;
  readonly error: string | null;
}

async function issue(agent: StockAgent, name: string, body: Json): Promise<Command> {
  const address = addressOf(agent);
  // The last process of a token that dials again leaves it offline for a moment.
  const answer = await until(`a connection for ${name}`, async () => {
    const got = await brain.post(`commands/${name}`, { agent_id: agent.id, ...body }, address);
    return got.status === 503 ? undefined : got;
  });
  assert.equal(answer.status, 202, `${name}: ${JSON.stringify(answer.body)}`);
  const { id } = answer.body as { readonly id: string };
  return await until(`end of ${name}`, async () => {
    const row = await brain.get<Command>(`commands/${id}`);
    return ["completed", "failed", "timeout"].includes(row.status) ? row : undefined;
  }, 30_000);
}

async function done(agent: StockAgent, name: string, body: Json): Promise<Json> {
  const command = await issue(agent, name, body);
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
    const [mail, bills] = brain.agents;
    assert.ok(mail && bills);
    for (const kind of ["web", "worker", "worker", "web"] as const) {
      // Of croner one process has the jobs; BullMQ's are in Redis, for all workers.
      const isFirst = kind === "worker" && children.length < 4;
      await start(kind, mail, isFirst ? "croner" : "");
      await start(kind, bills, kind === "worker" ? "bullmq" : "");
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
    await until("eight processes online", async () => await online() >= 8, 30_000);
  });

  it("lists and requeues dead letters, and retries in bulk as a request", async () => {
    for (const [at, agent] of brain.agents.entries()) {
      const queue = queues[at];
      assert.ok(queue);
      const [letter, other] = [await failed(queue, 10), await failed(queue, 11)];
      const page = await brain.get<{ readonly entries: readonly Json[] }>(
        `dead-letters?engine=bullmq&queue=${agent.name}&limit=10`,
        addressOf(agent),
      );
      const ids = page.entries.map((entry) => entry["task_id"]);
      assert.ok(ids.includes(`${agent.name}:${letter}`), JSON.stringify(page));
      await done(agent, "requeue-dead-letter", {
        engine: "bullmq",
        task_id: `${agent.name}:${letter}`,
      });
      await completed(queue, letter);
      const request = await brain.post("bulk-retry-requests", {
        idempotency_key: `all-of-${agent.name}`,
        agent_id: agent.id,
        filter: { engine: "bullmq", task_ids: [`${agent.name}:${other}`] },
        max: 10,
      }, addressOf(agent));
      assert.equal(request.status, 202, JSON.stringify(request.body));
      await completed(queue, other);
    }
  });

  it("steers every worker, whichever process the command reaches", async () => {
    for (const agent of brain.agents) {
      const names = await until("both workers", async () => {
        const all = await workers();
        const own = all.filter((name) => new RegExp(`^${agent.name}-\\d+$`).test(name));
        return own.length === 2 ? own : undefined;
      });
      for (const name of names) {
        const body = { engine: "bullmq", worker_name: name };
        const grown = await done(agent, "pool-resize", { ...body, delta: 2 });
        assert.deepEqual([grown["worker"], grown["concurrency"]], [name, 4]);
        const shrunk = await done(agent, "pool-resize", { ...body, delta: -3 });
        assert.equal(shrunk["concurrency"], 1);
        const off = await done(agent, "cancel-consumer", { ...body, queue: agent.name });
        assert.equal(off["consuming"], false);
        const on = await done(agent, "add-consumer", { ...body, queue: agent.name });
        assert.equal(on["consuming"], true);
        const restart = await issue(agent, "restart-worker", body);
        assert.equal(restart.status, "failed");
        assert.match(restart.error ?? "", /no supervisor was found .* Z4J_ORCHESTRATED=1/);
      }
    }
  });

  it("runs the schedules of the brain on the queue that they name", async () => {
    for (const [at, agent] of brain.agents.entries()) {
      const id = await createStockSchedule(brain, {
        name: `once-${agent.name}`,
        engine: "bullmq",
        task_name: "by-the-brain",
        queue: agent.name,
        kwargs: { n: 20 },
      });
      const fired = await brain.post(`schedules/${id}/trigger`, {}, addressOf(agent));
      assert.equal(fired.status, 200, JSON.stringify(fired.body));
      await until(`the job on ${agent.name}: ${await lastError("submit_task")}`, async () => {
        const jobs = await queues[at]?.getCompleted() ?? [];
        return jobs.some(({ name }) => name === "by-the-brain");
      });
    }
  });

  it("controls a scheduler of one process while others said hello later", async () => {
    const nightly = { pattern: "0 0 4 1 1 *", tz: "UTC" } as const;
    await queues[1]?.upsertJobScheduler("nightly", nightly, { name: "report", data: { n: 30 } });
    const owners = [["croner", "yearly"], ["bullmq", "nightly"]] as const;
    for (const [at, [scheduler, name]] of owners.entries()) {
      const agent = brain.agents[at];
      assert.ok(agent);
      const shown = (): Promise<Json> =>
        until(`${scheduler}: ${name}`, () => find(scheduler, name));
      const { id } = await shown();
      for (const [change, isEnabled] of [["disable", false], ["enable", true]] as const) {
        await accepted(`schedules/${id}/${change}`, agent);
        await until(change, async () => (await shown())["is_enabled"] === isEnabled, 30_000);
      }
      await accepted(`schedules/${id}/trigger`, agent);
    }
    await until("a run of croner", async () => Number(await connection.get("runs")) > 0, 30_000);
    await until("a run of BullMQ", async () => {
      const jobs = await queues[1]?.getCompleted() ?? [];
      return jobs.some((job) => job.name === "report");
    }, 30_000);
  });
});

/** A job that failed for good and that the brain knows. */
async function failed(queue: Queue, n: number): Promise<string> {
  const job = await queue.add("send", { n, fail: true });
  await until("its failure", async () => await job.isFailed());
  await until("its row", async () => {
    const page = await brain.get<{ readonly items: readonly Json[] }>("tasks?limit=100");
    return page.items.some((row) =>
      row["task_id"] === `${queue.name}:${job.id}` && row["state"] === "failure"
    );
  });
  return job.id ?? "";
}

const completed = (queue: Queue, id: string): Promise<unknown> =>
  until(
    `success of ${queue.name}:${id}`,
    async () => await (await queue.getJob(id))?.isCompleted(),
  );

async function workers(): Promise<readonly string[]> {
  type Rows = readonly { readonly name: string }[];
  const all = await brain.get<Rows | { readonly items: Rows }>("workers");
  return ("items" in all ? all.items : all).map(({ name }) => name);
}

const find = async (scheduler: string, name: string): Promise<Json | undefined> =>
  (await brain.get<{ readonly items: readonly Json[] }>("schedules?limit=50")).items
    .find((row) => row["scheduler"] === scheduler && row["name"] === name);

/** Asks until the brain has confirmed the control before; each time from another address. */
async function accepted(path: string, agent: StockAgent): Promise<void> {
  let attempts = 0;
  await until(path, async () => {
    const address = `${addressOf(agent).replace("10.0.", "10.1.")}${attempts++ % 10}`;
    const { status, body } = await brain.post(path, {}, address);
    if (status === 409 && /awaiting confirmation/.test(JSON.stringify(body))) return false;
    if (status >= 300) throw new Error(`${status} ${JSON.stringify(body)}`);
    return true;
  }, 30_000);
}

async function last(action: string): Promise<Command | undefined> {
  type Rows = { readonly items: readonly (Command & { readonly action: string })[] };
  const { items } = await brain.get<Rows>("commands?limit=100");
  return items.find((row) => row.action === action);
}

const lastError = async (action: string): Promise<string> => (await last(action))?.error ?? "";
