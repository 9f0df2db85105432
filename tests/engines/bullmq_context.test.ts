import { deepStrictEqual as deepEqual, match, ok, strictEqual as equal } from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import * as bullmq6 from "bullmq";
import * as bullmq5 from "bullmq5";
import { Hono } from "hono";
import { createWorkTracker, type WorkTracker } from "../../src/agent/work_contexts.ts";
import type { WorkContext, WorkSource } from "../../src/base/work_context.ts";
import { contextInJob } from "../../src/engines/bullmq/job_contexts.ts";
import { bullmqEngine, type BullQueueLike } from "../../src/engines/bullmq/mod.ts";
import type { EngineSink, TaskEvent } from "../../src/engines/contract.ts";
import type { ScheduleRun } from "../../src/schedulers/contract.ts";
import { watchRuns } from "../../src/schedulers/bullmq/runs.ts";
import { systemClock } from "../../src/base/clock.ts";
import { createAsyncStore } from "../../src/platform/async_store.ts";
import { type HonoAgent, z4j } from "../../src/web/hono.ts";
import { type RedisServer, startRedis, withoutRedis } from "../_support/redis.ts";
import { until } from "../_support/wait.ts";

let redis: RedisServer | undefined;
let count = 0;

if (!withoutRedis()) {
  before(async () => {
    redis = await startRedis();
  });
  after(() => redis?.stop());
  for (
    const [name, bullmq] of [["6", bullmq6], ["5", bullmq5 as unknown as typeof bullmq6]] as const
  ) {
    describe(`context in jobs of BullMQ ${name}`, () => declare(bullmq));
  }
}

interface Bed extends AsyncDisposable {
  readonly queue: bullmq6.Queue;
  readonly worker: bullmq6.Worker;
  readonly work: WorkTracker;
  readonly events: TaskEvent[];
  readonly jobs: bullmq6.Job[];
  readonly seen: unknown[];
  readonly contexts: (WorkContext | undefined)[];
  detach(): Promise<void>;
}

async function open({ Queue, Worker }: typeof bullmq6): Promise<Bed> {
  const connection = { host: "127.0.0.1", port: redis?.port ?? 0 };
  const name = `context-${++count}`;
  const work = createWorkTracker(createAsyncStore<WorkSource>());
  const [events, jobs, seen]: [TaskEvent[], bullmq6.Job[], unknown[]] = [[], [], []];
  const contexts: (WorkContext | undefined)[] = [];
  const queue = new Queue(name, { connection });
  const worker = new Worker(name, async (job) => {
    await Promise.resolve();
    jobs.push(job);
    seen.push(work.current()?.user);
    contexts.push(work.current());
    if (job.name === "flaky" && job.attemptsMade === 0) throw new Error("once");
    if (job.name !== "again") return;
    await queue.add("child", {});
    await queue.upsertJobScheduler("second", { every: 600_000 });
  }, { connection });
  await worker.waitUntilReady();
  const engine = bullmqEngine({ queues: [queue as unknown as BullQueueLike], workers: [worker] });
  const sink: EngineSink = {
    event: (event) => void ("taskId" in event && events.push(event)),
    lost() {},
    notice() {},
    work,
  };
  await engine.attach(sink);
  return {
    ...{ queue, worker, work, events, jobs, seen, contexts },
    detach: async () => void await engine.detach(),
    async [Symbol.asyncDispose]() {
      await engine.detach();
      await worker.close(true);
      await queue.close();
    },
  };
}

function declare(bullmq: typeof bullmq6): void {
  const ended = (events: readonly TaskEvent[]): number =>
    events.filter(({ kind }) => kind === "task.succeeded").length;

  it("survives retries and addBulk, and leaves data and the caller's objects alone", async () => {
    await using bed = await open(bullmq);
    const { queue, work, events, jobs, seen } = bed;
    const opts = Object.freeze({
      attempts: 2,
      telemetry: Object.freeze({ metadata: "of the user" }),
    });
    const bulk = Object.freeze([
      Object.freeze({ name: "plain", data: Object.freeze({ n: 1 }) }),
      Object.freeze({ name: "flaky", data: Object.freeze({ n: 2 }), opts }),
    ]);
    await work.run({ user: "u1" }, async () => {
      await queue.addBulk([...bulk]);
      await queue.add("alone", { n: 3 });
    });
    await until("all ends", () => ended(events) === 3);
    deepEqual(jobs.map(({ data }) => data as unknown).sort(byText), [
      { n: 1 },
      { n: 2 },
      { n: 2 },
      { n: 3 },
    ]);
    deepEqual(seen, ["u1", "u1", "u1", "u1"]);
    ok(events.every(({ context }) => context?.user === "u1"));
    const spans = new Set(events.map(({ taskId, context }) => `${taskId} ${context?.spanId}`));
    equal(spans.size, 3);
    const flaky = jobs.find((job) => job.name === "flaky");
    equal(
      (flaky?.opts as { telemetry?: { metadata?: string } }).telemetry?.metadata,
      "of the user",
    );
  });

  it("is not carried outside of a request", async () => {
    await using bed = await open(bullmq);
    const { queue, events, jobs, seen } = bed;
    await queue.add("lone", {});
    await queue.upsertJobScheduler("every", { every: 600_000 }, { name: "ticked", data: {} });
    await until("both ends", () => ended(events) === 2);
    deepEqual(seen, [undefined, undefined]);
    for (const job of jobs) deepEqual(Object.keys(job.opts).filter((key) => /z4j/.test(key)), []);
    await queue.removeJobScheduler("every");
  });

  it("is a link in the runs of a schedule, each with a trace of its own", async () => {
    await using bed = await open(bullmq);
    const { queue, worker, work, events, jobs, contexts } = bed;
    const scheduled: ScheduleRun[] = [];
    const sink = { run: (run: ScheduleRun) => void scheduled.push(run) };
    const unwatch = watchRuns(worker, { sink, began() {}, clock: systemClock });
    const template = freeze({
      name: "ticked",
      data: { n: 1 },
      opts: { telemetry: { metadata: "of the user" } },
    });
    const facts = { user: "u1", tenant: "acme", requestId: "req-1", route: "/plan" };
    const maker = await work.run(facts, async () => {
      await queue.upsertJobScheduler("every", { every: 100 }, template);
      return work.current();
    });
    await until("three runs", () => ended(events) >= 3);
    await queue.removeJobScheduler("every");
    unwatch();
    const runs = contexts.slice(0, 3);
    for (const run of runs) {
      equal(run?.scheduledBy?.traceId, maker?.traceId);
      equal(run?.scheduledBy?.requestId, "req-1");
      equal(run?.scheduledBy?.spanId, runs[0]?.scheduledBy?.spanId);
      deepEqual([run?.user, run?.tenant], ["u1", "acme"]);
      deepEqual([run?.requestId, run?.route, run?.parentSpanId], [undefined, undefined, undefined]);
      match(run?.traceId ?? "", /^[0-9a-f]{32}$/);
      match(run?.spanId ?? "", /^[0-9a-f]{16}$/);
    }
    const traces = new Set([maker?.traceId, ...runs.map((run) => run?.traceId)]);
    equal(traces.size, 4);
    // Every process tells the same of a run, the stored job alone being the source.
    for (const [at, { id, data }] of jobs.slice(0, 3).entries()) {
      const told = events.filter(({ taskId }) => taskId === `${queue.name}:${id}`);
      ok(told.length >= 2);
      for (const event of told) deepEqual(event.context, runs[at]);
      const phases = scheduled.filter(({ runId }) => runId === `${queue.name}:${id}`);
      ok(phases.length >= 1);
      for (const run of phases) deepEqual([run.context, run.queue], [runs[at], queue.name]);
      deepEqual(data, { n: 1 });
      const stored = await queue.getJob(id ?? "");
      const { telemetry } = stored?.opts as { telemetry?: { metadata?: string } };
      equal(telemetry?.metadata, "of the user");
      deepEqual(stored && contextInJob(stored, queue.name), runs[at]);
    }
  });

  it("leads on from a run: to its jobs as a parent, to the schedule it makes as a link", async () => {
    await using bed = await open(bullmq);
    const { queue, work, events, contexts } = bed;
    await work.run(
      { user: "u1", requestId: "req-1" },
      () => queue.upsertJobScheduler("first", { every: 600_000 }, { name: "again", data: {} }),
    );
    await until("run, child and the run of its schedule", () => ended(events) === 3);
    const [run, ...others] = contexts;
    const child = others.find((one) => one?.parentSpanId !== undefined);
    const second = others.find((one) => one?.parentSpanId === undefined);
    deepEqual([child?.traceId, child?.parentSpanId], [run?.traceId, run?.spanId]);
    equal(child?.scheduledBy?.requestId, "req-1");
    equal(second?.scheduledBy?.traceId, run?.traceId);
    equal(second?.scheduledBy?.requestId, "req-1");
    equal(second?.user, "u1");
    for (const id of ["first", "second"]) await queue.removeJobScheduler(id);
  });

  it("gives a copied job its own context back, and reads no forged one", async () => {
    await using bed = await open(bullmq);
    const { queue, work, events, seen } = bed;
    const forged = { z4j: '{"traceId":"x","user":"admin"}' };
    await queue.add("forged", {}, forged as bullmq6.JobsOptions);
    const job = await work.run({ user: "u1" }, () => queue.add("first", {}));
    await until("two ends", () => ended(events) === 2);
    const { z4j } = job.opts as { z4j?: string };
    await work.run(
      { user: "u2" },
      () => queue.add("copy", {}, { z4j } as bullmq6.JobsOptions),
    );
    await until("three ends", () => ended(events) === 3);
    deepEqual(seen, [undefined, "u1", "u1"]);
  });

  it("is carried by every job of a flow, and leaves the caller's flow alone", async () => {
    await using bed = await open(bullmq);
    const { queue, work, events, seen } = bed;
    const flows = new bullmq.FlowProducer({ connection: { ...queue.opts.connection } });
    const watching = bullmqEngine({ flows: [flows] });
    await watching.attach({ event() {}, lost() {}, notice() {}, work });
    const leaf = (name: string): { name: string; queueName: string } => ({
      name,
      queueName: queue.name,
    });
    const flow = freeze({
      ...leaf("root"),
      children: [{ ...leaf("mid"), children: [leaf("low")] }],
    });
    await work.run({ user: "u1" }, () => flows.add(flow));
    await work.run({ user: "u2" }, () => flows.addBulk([freeze(leaf("alone"))]));
    await until("all ends", () => ended(events) === 4);
    deepEqual(seen.toSorted(), ["u1", "u1", "u1", "u2"]);
    const traces = new Set(events.map(({ context }) => context?.traceId));
    equal(traces.size, 2);
    await watching.detach();
    for (const name of ["add", "addBulk"]) equal(Object.hasOwn(flows, name), false, name);
    await flows.close();
  });

  it("finds the flows that the process adds through the module", async () => {
    await using bed = await open(bullmq);
    const { queue, work, events, seen } = bed;
    const watching = bullmqEngine({ bullmq });
    await watching.attach({ event() {}, lost() {}, notice() {}, work });
    const flows = new bullmq.FlowProducer({ connection: { ...queue.opts.connection } });
    await work.run({ user: "u1" }, () => flows.add({ name: "found", queueName: queue.name }));
    await until("it ends", () => ended(events) === 1);
    deepEqual(seen, ["u1"]);
    await watching.detach();
    await flows.close();
  });

  it("never mixes the jobs of 1 000 concurrent requests", async () => {
    await using bed = await open(bullmq);
    const { queue, worker, work } = bed;
    await worker.close();
    const agent: HonoAgent = {
      ...{ autostart: false, context: work, start: () => Promise.resolve() },
      status: () => ({ state: "connected" }),
    };
    const app = new Hono();
    app.use(z4j(agent, { identify: (c) => ({ user: c.req.header("x-user") }) }));
    app.post("/orders/:id", async (c) => {
      const id = c.req.param("id");
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 30));
      await queue.add("one", { id });
      await queue.addBulk([{ name: "two", data: { id } }]);
      return c.text("ok");
    });
    await Promise.all(Array.from({ length: 1000 }, async (_, n) => {
      const headers = { "x-request-id": `r${n}`, "x-user": `u${n}` };
      await app.request(`/orders/${n}`, { method: "POST", headers });
    }));
    const jobs = await queue.getJobs(["waiting"]);
    equal(jobs.length, 2000);
    const traces = new Map<string, Set<unknown>>();
    for (const job of jobs) {
      const { id } = job.data as { id: string };
      const context = contextInJob(job, queue.name);
      deepEqual([context?.requestId, context?.user, context?.route], [
        `r${id}`,
        `u${id}`,
        "/orders/:id",
      ]);
      traces.set(id, (traces.get(id) ?? new Set()).add(context?.traceId));
    }
    equal(new Set([...traces.values()].flatMap((found) => [...found])).size, 1000);
    ok([...traces.values()].every(({ size }) => size === 1));
  });

  it("leaves the objects of the program as they were", async () => {
    await using bed = await open(bullmq);
    const { queue, worker, work } = bed;
    await bed.detach();
    const touched = ["add", "addBulk", "upsertJobScheduler"].map((name) => [queue, name] as const);
    for (const [owner, name] of [...touched, [worker, "callProcessJob"] as const]) {
      equal(Object.hasOwn(owner, name), false, name);
    }
    const job = await work.run({ user: "u1" }, () => queue.add("after", {}));
    equal("z4j" in job.opts, false);
  });
}

function freeze<T extends object>(flow: T): T {
  const { children = [] } = flow as { readonly children?: readonly object[] };
  children.forEach(freeze);
  return Object.freeze(flow);
}

function byText(a: unknown, b: unknown): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
}
