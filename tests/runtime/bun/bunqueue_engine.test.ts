import { deepStrictEqual as deepEqual, ok, strictEqual as equal } from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Queue, shutdownManager, UnrecoverableError, Worker } from "bunqueue/client";
import { createWorkTracker } from "../../../src/agent/work_contexts.ts";
import type { WorkSource } from "../../../src/base/work_context.ts";
import type { EngineEvent, TaskEvent } from "../../../src/engines/contract.ts";
import { bunqueueEngine } from "../../../src/engines/bunqueue/mod.ts";
import { createAsyncStore } from "../../../src/platform/async_store.ts";
import { type EngineTestBed, testEngine } from "../../../src/testing/engine_contract.ts";
import { until } from "../../_support/wait.ts";

let folder = "";
let queues = 0;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "z4j-bunqueue-"));
});
after(async () => {
  shutdownManager();
  await rm(folder, { recursive: true, force: true });
});

testEngine("bunqueue", openBed, { describe, it });

describe("bunqueueEngine()", () => {
  it("reports failed at once when the error is unrecoverable", async () => {
    const { queue, worker } = open("fatal", () => {
      throw new UnrecoverableError("never again");
    });
    const events: EngineEvent[] = [];
    const engine = bunqueueEngine({ queues: [queue], workers: [worker] });
    await engine.attach({ event: (event) => void events.push(event), lost() {}, notice() {} });
    await queue.add("fatal", { a: 1 }, { attempts: 3 });
    await until("failure", () => kinds(events).includes("task.failed"));
    equal(kinds(events).includes("task.retried"), false);
    await engine.detach();
    await close(queue, worker);
  });

  it("reports retried for every attempt but the last one", async () => {
    const { queue, worker } = open("always", () => {
      throw new RangeError("broken");
    });
    const events: EngineEvent[] = [];
    const engine = bunqueueEngine({ queues: [queue], workers: [worker] });
    await engine.attach({ event: (event) => void events.push(event), lost() {}, notice() {} });
    const job = await queue.add("always", { a: 1 }, { attempts: 3, backoff: 1 });
    await until("failure", () => kinds(events).includes("task.failed"));
    const ends = events.filter((event): event is TaskEvent =>
      event.kind === "task.retried" || event.kind === "task.failed"
    );
    deepEqual(ends.map(({ kind, data }) => [kind, data.attempt]), [
      ["task.retried", 1],
      ["task.retried", 2],
      ["task.failed", 3],
    ]);
    ok(ends.every(({ taskId }) => taskId === `${queue.name}:${job.id}`));
    ok(ends.every(({ data }) => data.traceback?.startsWith("RangeError: broken\n")));
    await engine.detach();
    await close(queue, worker);
  });

  it("asks for no name of a worker, because bunqueue has none", async () => {
    const { queue, worker } = open("unnamed", () => Promise.resolve());
    worker.on("error", () => {});
    const engine = bunqueueEngine({ queues: [queue], workers: [worker] });
    deepEqual(await engine.lint?.(), []);
    await close(queue, worker);
  });

  it("runs labelled priorities in their order", async () => {
    const order: string[] = [];
    const name = `order-${++queues}`;
    const options = { embedded: true, dataPath: join(folder, "jobs.db") } as const;
    const queue = new Queue(name, options);
    const engine = bunqueueEngine({ queues: [queue] });
    const context = { signal: AbortSignal.timeout(5000), remainingMs: 5000 };
    for (const priority of ["low", null, "high", "critical"] as const) {
      await engine.actions.submit?.({
        name: priority ?? "normal",
        args: [],
        kwargs: {},
        queue: name,
        etaMs: null,
        priority,
        idempotencyKey: null,
      }, context);
    }
    const worker = new Worker(name, (job) => {
      order.push(job.name);
      return Promise.resolve(true);
    }, { ...options, concurrency: 1 });
    await until("all four", () => order.length === 4);
    deepEqual(order, ["critical", "high", "normal", "low"]);
    await close(queue, worker);
  });

  it("carries the context of a request into the job and to its child, beside the data", async () => {
    const work = createWorkTracker(createAsyncStore<WorkSource>());
    const seen: unknown[] = [];
    const { queue, worker } = open("context", async (job) => {
      await Promise.resolve();
      seen.push(job.data, work.current()?.user);
      if (job.name === "parent") await queue.add("child", { n: 2 });
    });
    const events: TaskEvent[] = [];
    const engine = bunqueueEngine({ queues: [queue], workers: [worker] });
    await engine.attach({
      event: (event) => void ("taskId" in event && events.push(event)),
      lost() {},
      notice() {},
      work,
    });
    await work.run({ user: "u1" }, () => queue.addBulk([{ name: "parent", data: { n: 1 } }]));
    const ended = () => events.filter(({ kind }) => kind === "task.succeeded").length;
    await until("both ends", () => ended() === 2);
    await queue.add("lone", { n: 3 });
    await until("the third end", () => ended() === 3);
    deepEqual(seen, [{ n: 1 }, "u1", { n: 2 }, "u1", { n: 3 }, undefined]);
    for (const { data, context } of events) {
      equal(context?.user, data.taskName === "lone" ? undefined : "u1");
    }
    const spans = (name: string) => events.find(({ data }) => data.taskName === name)?.context;
    equal(spans("child")?.parentSpanId, spans("parent")?.spanId);
    await engine.detach();
    await close(queue, worker);
  });
});

function kinds(events: readonly EngineEvent[]): readonly string[] {
  return events.map(({ kind }) => kind);
}

function open(
  name: string,
  process: (
    job: { readonly name: string; readonly data: unknown; attemptsMade: number },
  ) => unknown,
): { readonly queue: Queue; readonly worker: Worker } {
  const own = `${name}-${++queues}`;
  const options = { embedded: true, dataPath: join(folder, "jobs.db") } as const;
  const queue = new Queue(own, options);
  const worker = new Worker(own, async (job) => await process(job), { ...options, concurrency: 2 });
  return { queue, worker };
}

async function close(queue: Queue, worker: Worker): Promise<void> {
  await worker.close(true);
  await queue.close();
}

function openBed(): Promise<EngineTestBed> {
  const { queue, worker } = open("contract", (job) => {
    if (job.name === "fail") throw new RangeError("broken");
    if (job.name === "flaky" && job.attemptsMade === 0) throw new Error("first");
    return { echo: job.data };
  });
  return Promise.resolve({
    engine: bunqueueEngine({ queues: [queue], workers: [worker] }),
    queue: queue.name,
    surface: () => [queue.add, queue.addBulk, worker.listenerCount("active")],
    async run(job, input) {
      await queue.add(job, input, { attempts: job === "flaky" ? 2 : 1, backoff: 5 });
    },
    close: () => close(queue, worker),
  });
}
