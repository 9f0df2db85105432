import {
  deepStrictEqual as deepEqual,
  ok,
  rejects,
  strictEqual as equal,
} from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Queue, Worker } from "bullmq";
import { Redis } from "ioredis";
import type {
  ActionContext,
  EngineEvent,
  SubmitInput,
  TaskEvent,
} from "../../src/engines/contract.ts";
import { bullmqEngine } from "../../src/engines/bullmq/mod.ts";
import { type RedisServer, startRedis, withoutRedis } from "../_support/redis.ts";
import { until } from "../_support/wait.ts";

let redis: RedisServer | undefined;
let count = 0;

if (!withoutRedis()) {
  before(async () => {
    redis = await startRedis();
  });
  after(() => redis?.stop());
  describe("bullmqEngine() with a real Redis", declare);
}

function declare(): void {
  it("reports what add() and addBulk() put into a queue", async () => {
    await using bed = await open();
    const first = await bed.queue.add("one", { a: 1 });
    const bulk = await bed.queue.addBulk([{ name: "two", data: [2] }, { name: "three", data: 3 }]);
    const ids = [first, ...bulk].map((job) => `${bed.queue.name}:${job.id}`);
    deepEqual(bed.of("task.received").map(({ taskId }) => taskId), ids);
    deepEqual(bed.of("task.sent").map(({ taskId }) => taskId), ids);
    deepEqual(bed.of("task.received").map(({ occurredAtMs }) => occurredAtMs), [
      first.timestamp,
      ...bulk.map((job) => job.timestamp),
    ]);
  });

  it("lets the errors of add() pass and reports nothing for them", async () => {
    await using bed = await open();
    await rejects(bed.queue.add("x", {}, { jobId: "12" }), /cannot be integers/i);
    await rejects(bed.queue.add("x", { n: 1n }), TypeError);
    equal(bed.events.length, 0);
  });

  it("does not report a job that a chosen id found already there", async () => {
    await using bed = await open();
    await bed.queue.add("x", { n: 1 }, { jobId: "mine" });
    await until("first arrival", () => bed.of("task.received").length === 1);
    await new Promise((resolve) => setTimeout(resolve, 5));
    await bed.queue.add("x", { n: 2 }, { jobId: "mine" });
    await bed.queue.add("last", {}, { jobId: "other" });
    await until("arrival of the other", () => bed.of("task.received").length >= 2);
    deepEqual(bed.of("task.received").map(({ data }) => data.taskName), ["x", "last"]);
    deepEqual(bed.lost, []);
  });

  it("names the parent of a child that was added", async () => {
    await using bed = await open();
    const parent = await bed.queue.add("parent", {});
    const queueKey = `bull:${bed.queue.name}`;
    await bed.queue.add("child", {}, { parent: { id: parent.id ?? "", queue: queueKey } });
    await until("arrival of the child", () => bed.of("task.received").length === 2);
    equal(bed.of("task.received")[1]?.data.parentTaskId, `${bed.queue.name}:${parent.id}`);
    equal(bed.of("task.received")[1]?.data.rootTaskId, `${bed.queue.name}:${parent.id}`);
  });

  it("submits with time, priority and one argument", async () => {
    await using bed = await open();
    const etaMs = Date.now() + 60_000;
    const outcome = await bed.submit({ args: [5], etaMs, priority: "low" });
    equal(outcome?.status, "done");
    const [job] = await bed.queue.getDelayed();
    equal(job?.data, 5);
    ok(Math.abs((job?.opts.delay ?? 0) - 60_000) < 2000);
    equal(job?.opts.priority, 1000);
    const health = await bed.engine.health?.();
    deepEqual(health?.queueDepths, { [bed.queue.name]: 1 });
    equal(health?.brokerConnected, true);
  });

  it("refuses what it cannot submit and says why", async () => {
    await using bed = await open();
    const reasons: string[] = [];
    for (const input of [{ queue: "nowhere" }, { args: [1, 2] }, { args: [1], kwargs: { a: 1 } }]) {
      const outcome = await bed.submit(input);
      reasons.push(
        outcome?.status === "refused" ? outcome.reason : `not refused: ${outcome?.status}`,
      );
    }
    equal(reasons[0], `queue nowhere is not attached here; attached: ${bed.queue.name}`);
    equal(reasons[1], "a job takes either named inputs or exactly one argument");
    equal(reasons[2], reasons[1]);
    deepEqual((await bed.queue.getJobCounts()).waiting, 0);
  });

  it("keeps a wrapper that somebody put over ours when it detaches", async () => {
    await using bed = await open();
    const inner = bed.queue.add;
    const outer: typeof inner = (...values) => inner.apply(bed.queue, values);
    bed.queue.add = outer;
    await bed.engine.detach();
    equal(bed.queue.add, outer);
    await bed.queue.add("x", {});
    equal(bed.events.length, 0);
  });

  it("answers health and submit within their deadlines while Redis is away", async () => {
    const own = await startRedis();
    const connection = new Redis(own.port, { maxRetriesPerRequest: null });
    connection.on("error", () => {});
    const queue = new Queue("away", { connection });
    queue.on("error", () => {});
    await queue.waitUntilReady();
    const engine = bullmqEngine({ queues: [queue] });
    await own.stop();
    const health = await engine.health?.();
    equal(health?.brokerConnected, false);
    const outcome = await engine.actions.submit?.(INPUT, context(300));
    ok(outcome?.status === "indeterminate" || outcome?.status === "failed");
    const state = await engine.actions.reconcile?.("away:1", context(300));
    equal(state?.state, "unknown");
    connection.disconnect();
  });

  it("tells once when a worker comes and goes", async () => {
    await using bed = await open();
    const worker = new Worker(bed.queue.name, null, { connection: connectionOf(), name: "w@1" });
    await worker.waitUntilReady();
    const engine = bullmqEngine({ workers: [worker], pid: 12 });
    const events: EngineEvent[] = [];
    await engine.attach({ event: (event) => void events.push(event), lost() {}, notice() {} });
    await worker.close();
    deepEqual(events.map(({ kind }) => kind), ["worker.online", "worker.offline"]);
    deepEqual(events.map((event) => "worker" in event ? event.worker : ""), ["w-1", "w-1"]);
    await engine.detach();
  });

  it("reports received before started from a worker alone", async () => {
    await using bed = await open();
    await bed.engine.detach();
    const worker = new Worker(bed.queue.name, () => Promise.resolve(1), {
      connection: connectionOf(),
      autorun: false,
    });
    const engine = bullmqEngine({ workers: [worker] });
    const events: EngineEvent[] = [];
    await engine.attach({ event: (event) => void events.push(event), lost() {}, notice() {} });
    const job = await bed.queue.add("x", { a: 1 });
    worker.run().catch(() => {});
    await until("success", () => events.some(({ kind }) => kind === "task.succeeded"));
    const tasks = events.filter((event): event is TaskEvent => "taskId" in event);
    deepEqual(tasks.map(({ kind }) => kind), [
      ...["task.sent", "task.received", "task.started", "task.succeeded"],
    ]);
    equal(tasks[1]?.occurredAtMs, job.timestamp);
    deepEqual(tasks[1]?.data.kwargs, { a: 1 });
    await engine.detach();
    await worker.close(true);
  });

  it("attaches nothing to commands when it has no queues", async () => {
    const engine = bullmqEngine({});
    deepEqual(engine.capabilities, []);
    equal(engine.actions.submit, undefined);
    await engine.detach();
  });
}

const INPUT: SubmitInput = {
  name: "x",
  args: [],
  kwargs: {},
  queue: null,
  etaMs: null,
  priority: null,
  idempotencyKey: null,
};

function context(remainingMs: number): ActionContext {
  return { signal: AbortSignal.timeout(remainingMs), remainingMs };
}

function connectionOf(): { host: string; port: number; maxRetriesPerRequest: null } {
  return { host: "127.0.0.1", port: redis?.port ?? 0, maxRetriesPerRequest: null };
}

async function open() {
  const queue: Queue<unknown> = new Queue(`live-${++count}`, { connection: connectionOf() });
  await queue.waitUntilReady();
  const engine = bullmqEngine({ queues: [queue] });
  const events: EngineEvent[] = [];
  const lost: string[] = [];
  await engine.attach({
    event: (event) => void events.push(event),
    lost: (_count, reason) => void lost.push(reason),
    notice: (_facts, message) => void lost.push(message),
  });
  return {
    queue,
    engine,
    events,
    lost,
    of: (kind: TaskEvent["kind"]): TaskEvent[] =>
      events.filter((event): event is TaskEvent => event.kind === kind),
    submit: (input: Partial<SubmitInput>) =>
      engine.actions.submit?.({ ...INPUT, ...input }, context(5000)),
    async [Symbol.asyncDispose]() {
      await engine.detach();
      await queue.close();
    },
  };
}
