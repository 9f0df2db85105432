/**
 * The main job against the real brain 1.13.0: a Hono app with BullMQ on a real
 * Redis and a croner schedule, as a process of its own on this runtime.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type ExampleApp, startExampleApp } from "../_support/example_app.ts";
import { type RedisServer, startRedis } from "../_support/redis.ts";
import { startStockBrain, type StockBrain } from "../_support/stock_brain.ts";
import { until } from "../_support/wait.ts";

interface Task {
  readonly task_id: string;
  readonly name: string;
  readonly queue: string | null;
  readonly state: string;
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly result: unknown;
  readonly exception: string | null;
  readonly traceback: string | null;
  readonly retry_count: number;
  readonly runtime_ms: number | null;
  readonly worker_name: string | null;
}
interface Items<T> {
  readonly items: readonly T[];
}
interface Schedule {
  readonly id: string;
  readonly name: string;
  readonly scheduler: string;
  readonly expression: string;
  readonly is_enabled: boolean;
  readonly total_runs: number;
}

let brain: StockBrain;
let redis: RedisServer;
let app: ExampleApp;
let home: string;

before(async () => {
  home = mkdtempSync(join(tmpdir(), "z4j-interop-"));
  [brain, redis] = await Promise.all([startStockBrain(["app"]), startRedis()]);
  const [agent] = brain.agents;
  assert.ok(agent);
  app = await startExampleApp({ ...brain.env(agent), Z4J_HOME: home, REDIS_URL: redis.url });
}, { timeout: 60_000 });

after(async () => {
  await app?.stop();
  await brain?.close();
  await redis?.stop();
  rmSync(home, { recursive: true, force: true });
}, { timeout: 60_000 });

const enqueue = (name: string, data?: unknown, opts?: unknown): Promise<string> =>
  app.enqueue(name, data, opts);

const task = (id: string): Promise<Task> =>
  brain.get<Task>(`tasks/bullmq/${encodeURIComponent(id)}`);

/** The task once it reached a state. */
const taskIn = (id: string, state: string, deadlineMs?: number): Promise<Task> =>
  until(`task ${id} in state ${state}`, async () => {
    const found = await task(id);
    return found.state === state ? found : undefined;
  }, deadlineMs);

const kindsOf = async (id: string): Promise<string[]> => {
  const path = `events?engine=bullmq&task_id=${encodeURIComponent(id)}&limit=100`;
  const { items } = await brain.get<Items<{ kind: string }>>(path);
  return items.map((event) => event.kind).sort();
};

describe("stock brain: tasks", () => {
  it("shows a job that worked with input, result, run time, queue and worker", async () => {
    const id = await enqueue("ok", { user: 7, tags: ["a", "ü"] });
    const found = await taskIn(id, "success");
    assert.equal(found.name, "ok");
    assert.equal(found.queue, "jobs");
    assert.deepEqual(found.kwargs, { user: 7, tags: ["a", "ü"] });
    assert.deepEqual(found.result, { echo: { user: 7, tags: ["a", "ü"] } });
    assert.ok(found.runtime_ms !== null && found.runtime_ms >= 0);
    assert.match(found.worker_name ?? "", /^hono-bullmq-\d+$/);
    assert.deepEqual(
      (await kindsOf(id)).filter((kind) => kind !== "task.sent"),
      ["task.received", "task.started", "task.succeeded"],
    );
  });

  it("shows a job that failed with class, message and stack", async () => {
    const found = await taskIn(await enqueue("fail"), "failure");
    assert.match(found.exception ?? "", /this job always fails/);
    assert.match(found.traceback ?? "", /main\.ts/);
    assert.equal(found.result, null);
  });

  it("shows retried attempts as retried, then success", async () => {
    const id = await enqueue("flaky", {}, { attempts: 3, backoff: { type: "fixed", delay: 1100 } });
    const found = await taskIn(id, "success");
    assert.equal(found.retry_count, 2);
    const kinds = await kindsOf(id);
    assert.equal(kinds.filter((kind) => kind === "task.retried").length, 2);
    assert.equal(kinds.filter((kind) => kind === "task.failed").length, 0);
  });

  it("redacts secrets in arguments before they leave the process", async () => {
    const id = await enqueue("ok", { password: "hunter2-canary", note: "fine" });
    const found = await taskIn(id, "success");
    assert.equal(found.kwargs["password"], "[REDACTED]");
    assert.ok(!JSON.stringify(found).includes("hunter2-canary"));
  });
});

describe("stock brain: queues and workers", () => {
  it("knows the depth of a queue whose jobs wait", async () => {
    const ids = await Promise.all(
      [1, 2, 3].map(() => enqueue("ok", {}, { delay: 3_600_000 })),
    );
    assert.equal(new Set(ids).size, 3);
    await until("queue depth of at least 3", async () => {
      const stats = await brain.get<
        { queue_depths: readonly { name: string; engine: string; pending_count: number }[] }
      >("stats");
      return stats.queue_depths.find((row) =>
        row.engine === "bullmq" && row.name === "jobs" && row.pending_count >= 3
      );
    }, 30_000);
  });

  it("shows the worker online with its pid, concurrency and queue", async () => {
    const worker = await until("worker row", async () => {
      const rows = await brain.get<
        readonly {
          name: string;
          state: string;
          pid: number | null;
          concurrency: number | null;
          queues: readonly string[];
        }[]
      >("workers");
      return rows.find((row) => row.name.startsWith("hono-bullmq-") && row.concurrency !== null);
    }, 30_000);
    assert.equal(worker.state, "online");
    assert.equal(worker.concurrency, 10);
    assert.equal(worker.pid, app.child.pid);
    assert.deepEqual(worker.queues, ["jobs"]);
  });

  it("shows the agent as current, with its engine and scheduler", async () => {
    const [agent] = await brain.get<
      readonly {
        state: string;
        framework_adapter: string;
        engine_adapters: readonly string[];
        scheduler_adapters: readonly string[];
        version_status: string;
      }[]
    >("agents");
    assert.equal(agent?.state, "online");
    assert.equal(agent?.framework_adapter, "hono");
    assert.deepEqual(agent?.engine_adapters, ["bullmq"]);
    assert.deepEqual(agent?.scheduler_adapters, ["croner"]);
    assert.equal(agent?.version_status, "current");
  });
});

describe("stock brain: schedules", () => {
  const tick = (): Promise<Schedule> =>
    until("schedule tick", async () => {
      const { items } = await brain.get<Items<Schedule>>("schedules?limit=50");
      return items.find((row) => row.name === "tick");
    });

  it("lists the croner schedule in the brain's dialect and counts its runs", async () => {
    const found = await tick();
    assert.equal(found.scheduler, "croner");
    assert.equal(found.expression, "* * * * * */2");
    assert.equal(found.is_enabled, true);
    await until("counted runs", async () => (await tick()).total_runs > 1);
  });

  it("triggers a run from REST, which completes with success", async () => {
    const { id } = await tick();
    const answer = await brain.post(`schedules/${id}/trigger`);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    await until("completed trigger command", async () => {
      const { items } = await brain.get<
        Items<{ action: string; status: string; payload: { operation?: string } }>
      >("commands?limit=50");
      return items.find((row) =>
        row.action === "schedule.external.mutate" && row.payload.operation === "trigger" &&
        row.status === "completed"
      );
    });
  });

  it("disables and enables the schedule from REST", async () => {
    const { id } = await tick();
    // The brain takes one operation per scheduler at a time and answers 409 meanwhile.
    const accepted = (operation: string): Promise<boolean> =>
      until(
        `accepted ${operation}`,
        async () => (await brain.post(`schedules/${id}/${operation}`)).status === 202,
      );
    await accepted("disable");
    await until("disabled schedule", async () => !(await tick()).is_enabled);
    await accepted("enable");
    await until("enabled schedule", async () => (await tick()).is_enabled);
  });
});

describe("stock brain: an outage", () => {
  it("gets every task exactly once when it is killed while jobs run", async () => {
    const ids: string[] = [];
    for (let n = 0; n < 40; n++) ids.push(await enqueue("slow", { ms: 200, n }));
    await until("first success", async () => (await task(ids[0] ?? "")).state === "success");
    await brain.kill();
    for (let n = 0; n < 40; n++) ids.push(await enqueue("ok", { during: "outage", n }));
    await brain.start();
    for (const id of ids) await taskIn(id, "success", 90_000);
    for (const id of ids) {
      const kinds = (await kindsOf(id)).filter((kind) => kind !== "task.sent");
      assert.deepEqual(kinds, ["task.received", "task.started", "task.succeeded"], id);
    }
  });
});
