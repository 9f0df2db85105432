/** What bunqueue can be told, embedded and through a server of its own. */
import { deepStrictEqual as deepEqual, match, strictEqual as equal } from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, before, describe, it } from "node:test";
import { Queue, shutdownManager, Worker } from "bunqueue/client";
import type { ActionContext, Engine, EngineEvent } from "../../../src/engines/contract.ts";
import { bunqueueEngine } from "../../../src/engines/bunqueue/mod.ts";
import { freePort } from "../../_support/free_port.ts";
import { until } from "../../_support/wait.ts";

type Place = Readonly<Record<string, unknown>>;

let folder = "";
let server: ChildProcess | undefined;
let port = 0;
let count = 0;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "z4j-bunqueue-"));
  port = await freePort();
  const httpPort = await freePort();
  server = spawn("node_modules/.bin/bunqueue", [
    ...["start", "--host", "127.0.0.1", "--tcp-port", String(port)],
    ...["--http-port", String(httpPort), "--data-path", join(folder, "server.db")],
  ], { stdio: "ignore" });
  await until("start of the bunqueue server", async () => {
    try {
      return (await fetch(`http://127.0.0.1:${httpPort}/health`)).ok;
    } catch {
      return false;
    }
  }, 20_000);
}, { timeout: 30_000 });

after(async () => {
  shutdownManager();
  if (server?.pid !== undefined) process.kill(server.pid, "SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

describe("bunqueueEngine() embedded", () => {
  declare(() => ({ embedded: true, dataPath: join(folder, "jobs.db") }));
});
describe("bunqueueEngine() against a bunqueue server", () => {
  declare(() => ({ connection: { host: "127.0.0.1", port } }));
});

function declare(place: () => Place): void {
  it("declares what it can do, and submits", async () => {
    await using bed = open(place());
    deepEqual([...bed.engine.capabilities].sort(), [
      ...["bulk_retry", "cancel_task", "retry_by_reference_v1", "retry_task", "submit_task"],
    ]);
    const outcome = await bed.engine.actions.submit?.({
      name: "ok",
      args: [],
      kwargs: { a: 1 },
      queue: null,
      etaMs: null,
      priority: null,
      idempotencyKey: null,
    }, context());
    equal(outcome?.status, "done");
    await until("success", () => bed.kinds().includes("task.succeeded"), 10_000);
  });

  it("retries a failed job as it was, once, and refuses everything else", async () => {
    await using bed = open(place());
    const job = await bed.queue.add("broken", { a: 7 }, { attempts: 1 });
    await until("failure", () => bed.kinds().includes("task.failed"), 10_000);
    const taskId = `${bed.queue.name}:${job.id}`;
    await until(
      "state",
      async () => (await bed.engine.actions.reconcile?.(taskId, context()))?.state === "failure",
      10_000,
    );
    const delayed = await bed.retry(taskId, Date.now() + 60_000);
    match(JSON.stringify(delayed), /refused.*no other inputs, time or priority/);
    bed.heal();
    equal((await bed.retry(taskId))?.status, "done");
    await until("success", () => bed.kinds().includes("task.succeeded"), 10_000);
    deepEqual(bed.inputs, [{ a: 7 }, { a: 7 }]);
    await until("end", async () => await bed.queue.getJobState(job.id) === "completed", 10_000);
    match(JSON.stringify(await bed.retry(taskId)), /refused.*completed/);
    match(JSON.stringify(await bed.retry(`${bed.queue.name}:nothing`)), /refused.*gone/);
    match(JSON.stringify(await bed.retry("elsewhere:1")), /refused.*not attached/);
  });

  it("cancels a job that waits, and says what it cannot tell about a running one", async () => {
    await using bed = open(place());
    const job = await bed.queue.add("later", {}, { delay: 600_000 });
    const taskId = `${bed.queue.name}:${job.id}`;
    equal((await bed.cancel(taskId))?.status, "done");
    equal((await bed.cancel(taskId))?.status, "noop");
    const slow = await bed.queue.add("slow", {});
    await until("start", () => bed.kinds().includes("task.started"), 10_000);
    const outcome = await bed.cancel(`${bed.queue.name}:${slow.id}`);
    deepEqual(outcome, { status: "done", result: { soft: true } });
    bed.heal();
  });
}

interface Bed extends AsyncDisposable {
  readonly engine: Engine;
  readonly queue: Queue;
  readonly inputs: readonly unknown[];
  kinds(): readonly string[];
  heal(): void;
  retry(taskId: string, etaMs?: number): ReturnType<NonNullable<Engine["actions"]["retry"]>>;
  cancel(taskId: string): ReturnType<NonNullable<Engine["actions"]["cancel"]>>;
}

function open(place: Place): Bed {
  const name = `commands-${++count}`;
  const events: EngineEvent[] = [];
  const inputs: unknown[] = [];
  let isBroken = true;
  const queue = new Queue(name, place);
  const worker = new Worker(name, async (job) => {
    inputs.push(job.data);
    if (job.name === "broken" && isBroken) throw new Error("broken");
    if (job.name === "slow") await until("the end of the test", () => !isBroken, 20_000);
    return true;
  }, { ...place, concurrency: 2 });
  worker.on("error", () => {});
  const engine = bunqueueEngine({ queues: [queue], workers: [worker] });
  void engine.attach({ event: (event) => void events.push(event), lost() {}, notice() {} });
  return {
    ...{ engine, queue, inputs },
    kinds: () => events.map(({ kind }) => kind),
    heal: () => void (isBroken = false),
    retry(taskId, etaMs) {
      const input = { taskId, overrides: null, etaMs: etaMs ?? null, priority: null };
      return engine.actions.retry?.(input, context()) ?? Promise.reject(new Error("no retry"));
    },
    cancel: (taskId) =>
      engine.actions.cancel?.(taskId, context()) ?? Promise.reject(new Error("no cancel")),
    async [Symbol.asyncDispose]() {
      await engine.detach();
      await worker.close(true);
      await queue.close();
    },
  };
}

function context(): ActionContext {
  return { signal: AbortSignal.timeout(10_000), remainingMs: 10_000 };
}
