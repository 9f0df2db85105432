import { deepStrictEqual as deepEqual, ok, strictEqual as equal } from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Redis } from "ioredis";
import { bullmqEngine } from "../../src/engines/bullmq/mod.ts";
import { type RedisServer, startRedis, withoutRedis } from "../_support/redis.ts";
import { until } from "../_support/wait.ts";
import { createHost, createSeen, MAJORS } from "../_support/bullmq_stream.ts";

let redis: RedisServer | undefined;
let count = 0;

if (!withoutRedis()) {
  before(async () => {
    redis = await startRedis();
  });
  after(() => redis?.stop());
  for (const [version, bullmq] of MAJORS) {
    describe(`stream reader, BullMQ ${version}`, () => declare(bullmq));
  }
}

function declare({ Queue, Worker, FlowProducer }: (typeof MAJORS)[number][1]): void {
  it("tells what workers without an agent do, with inputs, attempts and results", async () => {
    await using bed = await watch();
    const { prefix, seen } = bed;
    const queue = new Queue("mail", { connection: address(), prefix });
    const worker = new Worker("mail", (job) => {
      if (job.name === "bad") throw new RangeError("broken");
      if (job.name === "flaky" && job.attemptsMade === 0) throw new Error("once");
      return Promise.resolve({ echo: job.data });
    }, { connection: address(), prefix, name: "plain" });
    await queue.add("ok", { a: 1 }, { priority: 3 });
    await queue.add("bad", [1]);
    await queue.add("flaky", { b: 2 }, { attempts: 3, backoff: 10 });
    await until(
      "all ends",
      () => seen.of("task.succeeded").length === 2 && seen.of("task.failed").length === 1,
    );
    deepEqual(seen.story("mail:1"), ["sent", "received", "started", "succeeded"]);
    deepEqual(seen.story("mail:2"), ["sent", "received", "started", "failed"]);
    deepEqual(seen.story("mail:3"), [
      ...["sent", "received", "started", "retried", "started", "succeeded"],
    ]);
    const [received] = seen.of("task.received");
    deepEqual(received?.data.kwargs, { a: 1 });
    equal(received?.data.priority, "low");
    const failed = seen.of("task.failed")[0];
    equal(failed?.data.exception, "RangeError: broken");
    ok(failed?.data.traceback?.includes("broken"));
    equal(failed?.data.worker, "plain");
    const [retried] = seen.of("task.retried");
    equal(retried?.data.exception, "Error: once");
    equal(retried?.data.retryCount, 1);
    const starts = seen.of("task.started").filter(({ taskId }) => taskId === "mail:3");
    deepEqual(starts.map(({ data }) => data.attempt), [1, 2]);
    const done = seen.of("task.succeeded").find(({ taskId }) => taskId === "mail:1");
    deepEqual(done?.data.result, { echo: { a: 1 } });
    const stored = await queue.getJob("1");
    equal(done?.occurredAtMs, stored?.finishedOn);
    equal(
      new Set(seen.events.map((event) => "id" in event ? event.id : 0)).size,
      seen.events.length,
    );
    await worker.close();
    await queue.close();
  });

  it("gives the events of a worker with an agent the ids that its own hooks give them", async () => {
    await using bed = await watch();
    const { prefix, seen } = bed;
    const queue = new Queue("both", { connection: address(), prefix });
    const worker = new Worker("both", (job) => {
      if (job.attemptsMade === 0) throw new Error("once");
      return Promise.resolve(7);
    }, { connection: address(), prefix });
    const own = createSeen();
    // Without a host it tells nobody that it reports: the worst case.
    const engine = bullmqEngine({ workers: [worker] });
    await engine.attach(own.sink);
    await queue.add("x", {}, { attempts: 2 });
    await until(
      "both ends",
      () => seen.of("task.succeeded").length === 1 && own.of("task.succeeded").length === 1,
    );
    const ids = (all: typeof own) =>
      all.events.flatMap((event) => "taskId" in event ? [`${event.kind} ${event.id}`] : []).sort();
    deepEqual(ids(seen), ids(own));
    await engine.detach();
    await worker.close();
    await queue.close();
  });

  it("numbers attempts as the hooks do, also when later ones are far behind in the stream", async () => {
    const prefix = `p${++count}`;
    const queue = new Queue("numbers", { connection: address(), prefix });
    const worker = new Worker("numbers", (job) => {
      if (job.attemptsMade < 2) throw new Error("not yet");
      return Promise.resolve();
    }, { connection: address(), prefix });
    const own = createSeen();
    const engine = bullmqEngine({ workers: [worker] });
    await engine.attach(own.sink);
    await queue.add("at once", {}, { attempts: 3 });
    await queue.add("later", {}, { attempts: 3, backoff: 10 });
    const far = await queue.add("far", {}, { attempts: 3, backoff: 600_000 });
    await until("both ends", () => own.of("task.succeeded").length === 2);
    await until("its first end", () => own.of("task.retried").length === 5);
    const client = new Redis(address());
    const padding = client.pipeline();
    for (let i = 0; i < 7_000; i++) padding.xadd(queue.toKey("events"), "*", "event", "drained");
    await padding.exec();
    await far.promote();
    await until("its second end", () => own.of("task.retried").length === 6);
    await until("its delay", async () => await far.isDelayed());
    await far.promote();
    await until("all ends", () => own.of("task.succeeded").length === 3);
    client.disconnect();
    await using bed = await watch(prefix);
    const { seen } = bed;
    await until("all seen", () => seen.of("task.succeeded").length === 3);
    const numbers = (all: typeof own) =>
      all.events.flatMap((event) =>
        "taskId" in event && event.data.attempt !== undefined
          ? [`${event.taskId} ${event.kind}: ${event.data.attempt}, ${event.data.retryCount}`]
          : []
      ).sort();
    deepEqual(numbers(seen), numbers(own));
    await engine.detach();
    await worker.close();
    await queue.close();
  });

  it("leaves a worker with an agent to that agent", async () => {
    await using bed = await watch();
    const { prefix, seen } = bed;
    const queue = new Queue("own", { connection: address(), prefix });
    const worker = new Worker("own", () => Promise.resolve(7), { connection: address(), prefix });
    await worker.waitUntilReady();
    const own = createSeen();
    const engine = bullmqEngine({ workers: [worker] });
    await engine.attach(own.sink, createHost());
    const known = async () => await bed.client.hlen(`z4j:local:test:${prefix}`) === 1;
    await until("announcement", known);
    await until("the reader knows", async () => {
      const before = seen.events.length;
      const done = own.of("task.succeeded").length;
      await queue.add("x", {}, { removeOnComplete: true });
      await queue.add("x", {});
      await until("jobs", () => own.of("task.succeeded").length >= done + 2);
      // Behind them in the stream: what it tells comes after all that they could.
      const marker = ["event", "removed", "jobId", "none", "prev", "wait"];
      const revoked = seen.of("task.revoked").length;
      await bed.client.xadd(`${prefix}:own:events`, "*", ...marker);
      await until("the marker", () => seen.of("task.revoked").length === revoked + 1);
      return seen.events.length === before + 1 && done > 2;
    });
    await engine.detach();
    equal(await bed.client.hlen(`z4j:local:test:${prefix}`), 0);
    await worker.close();
    await queue.close();
  });

  it("tells of flows, delays, removals, deduplications, progress and logs", async () => {
    await using bed = await watch();
    const { prefix, seen } = bed;
    const flows = new FlowProducer({ connection: address(), prefix });
    const tree = await flows.add({
      name: "root",
      queueName: "top",
      children: [{ name: "mid", queueName: "low", children: [{ name: "leaf", queueName: "low" }] }],
    });
    await until("the leaf", () => seen.of("task.received").length === 3);
    const leaf = seen.of("task.received").find(({ data }) => data.taskName === "leaf");
    equal(leaf?.data.rootTaskId, `top:${tree.job.id}`);
    equal(leaf?.data.parentTaskId, `low:${tree.children?.[0]?.job.id}`);
    const queue = new Queue("side", { connection: address(), prefix });
    const later = await queue.add("later", {}, { delay: 60_000 });
    await queue.add("one", {}, { deduplication: { id: "d" } });
    await queue.add("two", {}, { deduplication: { id: "d" } });
    await until("its arrival", () => seen.of("task.received").length >= 5);
    await queue.remove(later.id ?? "");
    await until("revoked", () => seen.of("task.revoked").length === 1);
    equal(seen.of("task.revoked")[0]?.taskId, `side:${later.id}`);
    ok(seen.of("task.received").some(({ data }) => data.eta !== undefined));
    await until("rejected", () => seen.of("task.rejected").length === 1);
    const worker = new Worker("side", async (job) => {
      await job.updateProgress(40);
      await job.log("half way");
    }, { connection: address(), prefix });
    await until("end", () => seen.of("task.succeeded").length === 1);
    equal(seen.of("task.succeeded")[0]?.data.extra?.["progress"], 40);
    deepEqual(seen.of("task.succeeded")[0]?.data.extra?.["logs"], ["half way"]);
    await worker.close();
    await flows.close();
    await queue.close();
  });
}

function address(): { readonly host: string; readonly port: number } {
  return { host: "127.0.0.1", port: redis?.port ?? 0 };
}

async function watch(prefix = `p${++count}`) {
  const client = new Redis(address());
  const seen = createSeen();
  const host = createHost();
  const engine = bullmqEngine({
    prefix,
    connection: (options) => new Redis({ ...options, ...address() }),
  });
  await engine.attach(seen.sink, host);
  // History is what lies before the first connection.
  await until("lease", async () => await client.hlen(`z4j:cursor:test:${prefix}`) > 0);
  return {
    prefix,
    client,
    seen,
    host,
    engine,
    async [Symbol.asyncDispose]() {
      await engine.detach();
      client.disconnect();
    },
  };
}
