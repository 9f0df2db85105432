/**
 * The main job with our own brain: the example app as one process, the brain as
 * another, a real Redis between app and worker.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type BrainProcess, startBrainProcess } from "../_support/embedded_brain.ts";
import { type ExampleApp, startExampleApp } from "../_support/example_app.ts";
import { type RedisServer, startRedis } from "../_support/redis.ts";
import { until } from "../_support/wait.ts";

interface Task {
  readonly state: string;
  readonly kwargs: unknown;
  readonly result: unknown;
  readonly exception: string | null;
  readonly retry_count: number;
  readonly worker_name: string | null;
}
interface Items<T> {
  readonly items: readonly T[];
}

let folder: string;
let redis: RedisServer;
let brain: BrainProcess;
let app: ExampleApp;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "z4j-e2e-"));
  redis = await startRedis();
  brain = await startBrainProcess([
    "--port",
    "0",
    "--data",
    join(folder, "brain"),
    "--mint",
    "app",
  ]);
  const [agent] = brain.line.agents;
  app = await startExampleApp({
    Z4J_BRAIN_URL: brain.line.base_url,
    Z4J_TOKEN: agent?.token ?? "",
    Z4J_HMAC_SECRET: agent?.hmac_secret ?? "",
    Z4J_PROJECT_ID: brain.line.project_slug,
    Z4J_HOME: join(folder, "agent"),
    Z4J_ENVIRONMENT: "e2e",
    Z4J_TAGS: "region=test",
    REDIS_URL: redis.url,
  });
}, { timeout: 60_000 });

after(async () => {
  await app?.stop();
  brain?.child.kill("SIGTERM");
  await brain?.child.ended().catch(() => brain.child.kill("SIGKILL"));
  await redis?.stop();
  rmSync(folder, { recursive: true, force: true });
}, { timeout: 60_000 });

const enqueue = (name: string, data?: unknown, opts?: unknown): Promise<string> =>
  app.enqueue(name, data, opts);

const taskIn = (id: string, state: string, deadlineMs?: number): Promise<Task> =>
  until(`task ${id} in state ${state}`, async () => {
    const found = await brain.get<Task>(`tasks/bullmq/${encodeURIComponent(id)}`);
    return found.state === state ? found : undefined;
  }, deadlineMs);

interface Event {
  readonly kind: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

const eventsOf = async (id: string): Promise<readonly Event[]> =>
  (await brain.get<Items<Event>>(`events?engine=bullmq&task_id=${encodeURIComponent(id)}`)).items;

describe("embedded brain: the main job", () => {
  it("shows jobs that work, fail, and work at the third attempt", async () => {
    const [ok, fail, flaky] = await Promise.all([
      enqueue("ok", { user: 7 }),
      enqueue("fail"),
      enqueue("flaky", {}, { attempts: 3 }),
    ]);
    const worked = await taskIn(ok ?? "", "success");
    assert.deepEqual(worked.kwargs, { user: 7 });
    assert.deepEqual(worked.result, { echo: { user: 7 } });
    assert.match(worked.worker_name ?? "", /^hono-bullmq-/);
    assert.match((await taskIn(fail ?? "", "failure")).exception ?? "", /always fails/);
    assert.equal((await taskIn(flaky ?? "", "success")).retry_count, 2);
  });

  it("keeps retries within one second apart", async () => {
    const id = await enqueue("flaky", {}, { attempts: 3 });
    await taskIn(id, "success");
    const kinds = (await eventsOf(id)).map(({ kind }) => kind);
    assert.equal(kinds.filter((kind) => kind === "task.retried").length, 2);
    assert.equal(kinds.filter((kind) => kind === "task.started").length, 3);
  });

  it("has environment and tags on every event", async () => {
    const id = await enqueue("ok");
    await taskIn(id, "success");
    const events = await eventsOf(id);
    assert.ok(events.length >= 3);
    for (const { payload } of events) {
      assert.equal(payload["environment"], "e2e");
      assert.deepEqual(payload["tags"], { region: "test" });
    }
  });

  it("lists the schedule and triggers it", async () => {
    const tick = await until("schedule tick", async () => {
      const { items } = await brain.get<Items<{ id: string; name: string }>>("schedules");
      return items.find(({ name }) => name === "tick");
    });
    const answer = await brain.post(`schedules/${tick.id}/trigger`);
    assert.ok(answer.status === 200 || answer.status === 202, JSON.stringify(answer));
    await until("completed command", async () => {
      const { items } = await brain.get<Items<{ action: string; status: string }>>("commands");
      return items.find(({ action, status }) =>
        action.startsWith("schedule.external.") && action !== "schedule.external.activate" &&
        status === "completed"
      );
    });
  });

  it("gets every task exactly once when it is killed while jobs run", async () => {
    const ids: string[] = [];
    for (let n = 0; n < 50; n++) ids.push(await enqueue("slow", { ms: 100, n }));
    await until(
      "first success",
      async () =>
        (await brain.get<Task>(`tasks/bullmq/${encodeURIComponent(ids[0] ?? "")}`)).state ===
          "success",
    );
    brain.child.kill("SIGKILL");
    await brain.child.ended();
    for (let n = 0; n < 50; n++) ids.push(await enqueue("ok", { during: "outage", n }));
    const port = new URL(brain.line.base_url).port;
    brain = await startBrainProcess(["--port", port, "--data", join(folder, "brain")]);
    for (const id of ids) await taskIn(id, "success", 40_000);
    for (const id of ids) {
      const kinds = (await eventsOf(id)).map(({ kind }) => kind).sort();
      assert.deepEqual(
        kinds.filter((kind) => kind !== "task.sent"),
        ["task.received", "task.started", "task.succeeded"],
        id,
      );
    }
  });
});
