import { deepStrictEqual as deepEqual, ok, strictEqual as equal } from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { FlowProducer, Queue, Worker } from "bullmq";
import { Redis } from "ioredis";
import { bullmqEngine } from "../../src/engines/bullmq/mod.ts";
import type { BullWorkerLike } from "../../src/engines/bullmq/mod.ts";
import type { Engine, EngineEvent, TaskEvent } from "../../src/engines/contract.ts";
import { type RedisServer, startRedis, withoutRedis } from "../_support/redis.ts";
import { until } from "../_support/wait.ts";

let redis: RedisServer | undefined;
let count = 0;

if (!withoutRedis()) {
  before(async () => {
    redis = await startRedis();
  });
  after(() => redis?.stop());
  describe("bullmqEngine() and flows", declare);
}

function declare(): void {
  it("gives every job of a flow over three queues its parent and the root", async () => {
    const names = ["top", "mid", "low"].map((name) => `${name}-${++count}`);
    const [top = "", mid = "", low = ""] = names;
    // Colons in a prefix must not be taken for the end of the queue's name.
    const options = { connection: connectionOf(), prefix: "app:jobs" };
    const workers = names.map((name) => new Worker(name, () => Promise.resolve(1), options));
    const seen = await watch(workers);
    const producer = new FlowProducer(options);
    const { job } = await producer.add({
      name: "root",
      queueName: top,
      children: [1, 2].map((n) => ({
        name: `mid ${n}`,
        queueName: mid,
        children: [1, 2].map((m) => ({ name: `leaf ${n}${m}`, queueName: low })),
      })),
    });
    const root = `${top}:${job.id}`;
    await until("end of the flow", () => seen.of("task.succeeded").length === 7);
    const received = seen.of("task.received");
    equal(received.length, 7);
    const idOf = (name: string) => received.find(({ data }) => data.taskName === name)?.taskId;
    for (const { taskId, data } of received) {
      const name = data.taskName ?? "";
      const parent = name.startsWith("leaf") ? idOf(`mid ${name.charAt(5)}`) : root;
      const expected = taskId === root ? [undefined, undefined] : [parent, root];
      deepEqual([data.parentTaskId, data.rootTaskId], expected, name);
      deepEqual(seen.story(taskId), STORY, name);
    }
    deepEqual(seen.lost, []);
    await seen.engine.detach();
    await Promise.all([producer, ...workers].map((each) => each.close()));
  });

  it("walks once for many children of one parent", async () => {
    const name = `wide-${++count}`;
    const connection = new Redis(redis?.port ?? 0, { maxRetriesPerRequest: null });
    const worker = new Worker(name, () => Promise.resolve(1), { connection, concurrency: 20 });
    const reads = countReads(connection);
    const seen = await watch([worker]);
    const producer = new FlowProducer({ connection: connectionOf() });
    const children = Array.from({ length: 200 }, (_, i) => ({ name: `c${i}`, queueName: name }));
    const mid = { name: "mid", queueName: name, children };
    const { job } = await producer.add({ name: "root", queueName: name, children: [mid] });
    await until("end of the flow", () => seen.of("task.succeeded").length === 202);
    const below = seen.of("task.received").filter(({ data }) => data.taskName !== "root");
    deepEqual([...new Set(below.map(({ data }) => data.rootTaskId))], [`${name}:${job.id}`]);
    equal(below.length, 201);
    // The parent of "mid", and that "root" has none.
    equal(reads(), 2);
    for (const { taskId } of below) deepEqual(seen.story(taskId), STORY);
    await seen.engine.detach();
    await Promise.all([worker.close(), producer.close()]);
    connection.disconnect();
  });

  it("keeps the order of a child that is added and run in one process", async () => {
    const name = `both-${++count}`;
    const connection = connectionOf();
    const queue = new Queue(name, { connection });
    const parents = new Queue(`${name}-parents`, { connection });
    const queueKey = `bull:${parents.name}`;
    const root = await parents.add("root", {});
    const parent = await parents.add("mid", {}, {
      parent: { id: root.id ?? "", queue: queueKey },
    });
    const worker = new Worker(name, () => Promise.resolve(1), { connection, concurrency: 5 });
    const seen = await watch([worker], [queue]);
    const options = { parent: { id: parent.id ?? "", queue: queueKey } };
    await Promise.all([1, 2, 3].map((n) => queue.add(`child ${n}`, {}, options)));
    const lonely = await queue.add("lonely", {});
    ok(seen.story(`${name}:${lonely.id}`).includes("task.received"), "not delayed by others");
    await until("end of all", () => seen.of("task.succeeded").length === 4);
    for (const { taskId, data } of seen.of("task.received")) {
      deepEqual(seen.story(taskId), STORY, taskId);
      equal(data.rootTaskId, data.taskName === "lonely" ? undefined : `${parents.name}:${root.id}`);
    }
    await seen.engine.detach();
    await Promise.all([worker, queue, parents].map((each) => each.close()));
  });

  it("names the highest known ancestor in time while Redis hangs", async () => {
    await using bed = await openHanging();
    const { seen, flow } = bed;
    await until("start of the leaf", () => seen.of("task.started").length === 1, 5000);
    const [, received] = seen.tasks();
    equal(bed.isHanging(), true, "the events came while nothing answered");
    equal(received?.data.parentTaskId, flow.mid);
    equal(received?.data.rootTaskId, flow.mid);
    deepEqual(seen.story(flow.leaf), STORY.slice(0, 3));
    await until("end of the flow", () => seen.of("task.succeeded").length === 3);
    deepEqual(seen.story(flow.leaf), STORY);
    deepEqual(seen.story(flow.root), STORY);
    equal(
      seen.of("task.received").find((event) => event.taskId === flow.mid)?.data.rootTaskId,
      flow.root,
    );
    deepEqual(seen.lost, []);
  });

  it("detach() gives on what still waits for a root", async () => {
    await using bed = await openHanging();
    const { seen, flow } = bed;
    await bed.hangs;
    deepEqual(seen.tasks(), []);
    const detached = seen.engine.detach();
    deepEqual(seen.story(flow.leaf), STORY.slice(0, 3));
    equal(seen.tasks()[1]?.data.rootTaskId, flow.mid);
    await detached;
    const before = seen.tasks().length;
    await until("end of the hanging", () => !bed.isHanging());
    await until(
      "end of the job",
      async () => await bed.queue.getJobState(bed.flow.rootId) === "completed",
    );
    equal(seen.tasks().length, before);
    deepEqual(seen.lost, []);
  });

  it("loses nothing when Redis dies during a walk", async () => {
    const own = await startRedis();
    const name = `dies-${++count}`;
    const connection = new Redis(own.port, { maxRetriesPerRequest: null });
    connection.on("error", () => {});
    const ended = Promise.withResolvers<void>();
    const worker = new Worker(name, () => ended.promise, { connection, autorun: false });
    worker.on("error", () => {});
    const producer = new FlowProducer({ connection: { ...connectionOf(), port: own.port } });
    producer.on("error", () => {});
    const tree = await producer.add(threeLevels(name));
    await producer.close();
    let stopped: Promise<void> | undefined;
    // Before the engine's own listener: the question meets a dying server.
    worker.on("active", () => stopped ??= own.stop());
    const seen = await watch([worker]);
    worker.run().catch(() => {});
    const leaf = `${name}:${tree.children?.[0]?.children?.[0]?.job.id}`;
    const mid = `${name}:${tree.children?.[0]?.job.id}`;
    await until("start of the leaf", () => seen.of("task.started").length === 1, 5000);
    deepEqual(seen.story(leaf), STORY.slice(0, 3));
    equal(seen.of("task.received")[0]?.data.parentTaskId, mid);
    const known = [mid, `${name}:${tree.job.id}`];
    ok(known.includes(seen.of("task.received")[0]?.data.rootTaskId ?? ""));
    deepEqual(seen.lost, []);
    await stopped;
    await seen.engine.detach();
    ended.resolve();
    worker.close(true).catch(() => {});
    connection.disconnect();
  });
}

const STORY: readonly string[] = ["task.sent", "task.received", "task.started", "task.succeeded"];

// Longer than the wait for a root, so that the two can be told apart.
const HANG_MS = 1500;

function connectionOf(): { host: string; port: number; maxRetriesPerRequest: null } {
  return { host: "127.0.0.1", port: redis?.port ?? 0, maxRetriesPerRequest: null };
}

function threeLevels(queueName: string) {
  const children = [{ name: "mid", queueName, children: [{ name: "leaf", queueName }] }];
  return { name: "root", queueName, children };
}

// A Redis that stops to answer everybody the moment the leaf of a flow begins.
async function openHanging() {
  const own = await startRedis();
  const name = `hangs-${++count}`;
  const connection = new Redis(own.port, { maxRetriesPerRequest: null });
  const address = { ...connectionOf(), port: own.port };
  const worker = new Worker(name, () => Promise.resolve(1), { connection, autorun: false });
  const queue = new Queue(name, { connection: address });
  const producer = new FlowProducer({ connection: address });
  const tree = await producer.add(threeLevels(name));
  const hangs = Promise.withResolvers<void>();
  let untilMs = Infinity;
  // Before the engine's listener and on the connection that it will ask through.
  worker.once("active", () => {
    void connection.call("CLIENT", "PAUSE", String(HANG_MS), "ALL");
    untilMs = Date.now() + HANG_MS - 100;
    queueMicrotask(() => queueMicrotask(hangs.resolve));
  });
  const seen = await watch([worker]);
  worker.run().catch(() => {});
  const idOf = (job: { readonly id?: string | undefined } | undefined) => `${name}:${job?.id}`;
  return {
    seen,
    queue,
    hangs: hangs.promise,
    isHanging: () => Date.now() < untilMs,
    flow: {
      root: idOf(tree.job),
      rootId: tree.job.id ?? "",
      mid: idOf(tree.children?.[0]?.job),
      leaf: idOf(tree.children?.[0]?.children?.[0]?.job),
    },
    async [Symbol.asyncDispose]() {
      await seen.engine.detach();
      await Promise.all([worker, queue, producer].map((each) => each.close()));
      connection.disconnect();
      await own.stop();
    },
  };
}

function countReads(connection: Redis): () => number {
  const hget = connection.hget;
  let reads = 0;
  connection.hget = function (this: Redis, ...values: Parameters<typeof hget>) {
    reads++;
    return Reflect.apply(hget, this, values);
  } as typeof hget;
  return () => reads;
}

interface Seen {
  readonly engine: Engine;
  readonly lost: readonly string[];
  tasks(): readonly TaskEvent[];
  of(kind: TaskEvent["kind"]): readonly TaskEvent[];
  /** Kinds of the events of one job, in the order of their report. */
  story(taskId: string): readonly string[];
}

async function watch(
  workers: readonly BullWorkerLike[],
  queues: readonly Queue[] = [],
): Promise<Seen> {
  const engine = bullmqEngine({ workers, queues });
  const events: EngineEvent[] = [];
  const lost: string[] = [];
  await engine.attach({
    event: (event) => void events.push(event),
    lost: (_count, reason) => void lost.push(reason),
    notice: (_facts, message) => void lost.push(message),
  });
  const tasks = () => events.filter((event): event is TaskEvent => "taskId" in event);
  return {
    engine,
    lost,
    tasks,
    of: (kind) => tasks().filter((event) => event.kind === kind),
    story: (id) => tasks().filter(({ taskId }) => taskId === id).map(({ kind }) => kind),
  };
}
