import { deepStrictEqual as deepEqual, match, ok, strictEqual as equal } from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Redis } from "ioredis";
import type {
  ActionOutcome,
  DeadLetter,
  DeadLetterPage,
  DeadLetterQuery,
} from "../../src/engines/contract.ts";
import {
  type Bullmq,
  context,
  given,
  MAJORS,
  openCommandBed,
  resultOf,
} from "../_support/bullmq_commands.ts";
import { type RedisServer, startRedis, withoutRedis } from "../_support/redis.ts";
import { until } from "../_support/wait.ts";

let redis: RedisServer | undefined;
let raw: Redis;

if (!withoutRedis()) {
  before(async () => {
    redis = await startRedis();
    raw = new Redis(redis.port, "127.0.0.1");
  });
  after(async () => {
    raw.disconnect();
    await redis?.stop();
  });
  for (const [version, bullmq] of MAJORS) {
    describe(`commands on jobs, BullMQ ${version}`, () => declareJobs(bullmq));
    describe(`commands on queues, BullMQ ${version}`, () => declareQueues(bullmq));
    describe(`commands on workers, BullMQ ${version}`, () => declareWorkers(bullmq));
  }
}

const open = (bullmq: Bullmq, more: Partial<Parameters<typeof openCommandBed>[0]> = {}) =>
  openCommandBed({ port: redis?.port ?? 0, bullmq, ...more });

function declareJobs(bullmq: Bullmq): void {
  it("submit: delay, priority and an idempotent id, into the user's queue as the user set it", async () => {
    await using bed = await open(bullmq);
    const etaMs = Date.now() + 60_000;
    const first = await bed.submit({ kwargs: { a: 1 }, etaMs, idempotencyKey: "k" });
    const again = await bed.submit({ kwargs: { a: 2 }, idempotencyKey: "k" });
    const low = await bed.submit({ args: [7], priority: "low" });
    equal(first.status, "done");
    equal(again.status, "noop");
    deepEqual(resultOf(again), resultOf(first));
    const [delayed] = await bed.queue.getDelayed();
    deepEqual(delayed?.data, { a: 1 });
    const [job] = await bed.queue.getJobs("prioritized");
    deepEqual([job?.data, job?.opts.priority], [7, 1000]);
    equal(low.status, "done");
    equal(bed.seen.of("task.received").length, 2);
    const meta = await raw.hgetall(`bull:${bed.queue.name}:meta`);
    equal(meta["opts.maxLenEvents"], "10000");
    const refused = await bed.submit({ queue: "nobody" });
    match(reasonOf(refused), /queue nobody is not attached here/);
  });

  it("retry: by reference with the stored input and all attempts", async () => {
    let runs = 0;
    await using bed = await open(bullmq, {
      processor: () => {
        runs++;
        throw new Error("broken");
      },
    });
    const job = await bed.queue.add("bad", { secret: "s" }, { attempts: 2, backoff: 1 });
    await until("end", async () => await job.isFailed());
    equal(runs, 2);
    const outcome = await bed.retry(bed.id(job));
    deepEqual(resultOf(outcome), {
      task_id: bed.id(job),
      previous_task_id: bed.id(job),
      engine: "bullmq",
      from: "failed",
    });
    await until("two more runs", () => runs === 4);
    await until("end", async () => await job.isFailed());
    deepEqual((await bed.queue.getJob(job.id ?? ""))?.data, { secret: "s" });
  });

  it("retry: twice at once runs once; what is gone or not over is not touched", async () => {
    await using bed = await open(bullmq);
    const job = await failedJob(bed, bullmq, "bad", { n: 1 });
    const both = await Promise.all([bed.retry(bed.id(job)), bed.retry(bed.id(job))]);
    deepEqual(both.map(({ status }) => status).toSorted(), ["done", "noop"]);
    deepEqual(await bed.queue.getJobCountByTypes("wait"), 1);
    equal((await bed.retry(bed.id(job))).status, "noop");
    match(reasonOf(await bed.retry(`${bed.queue.name}:nothing`)), /not kept in queue/);
    match(reasonOf(await bed.retry("no-colon")), /no task id/);
  });

  it("retry: with overrides, later, and with a priority", async () => {
    await using bed = await open(bullmq);
    const first = await failedJob(bed, bullmq, "bad", { n: 1 });
    const changed = await bed.retry(bed.id(first), { overrides: { args: [], kwargs: { n: 2 } } });
    equal(changed.status, "done");
    deepEqual((await bed.queue.getJob(first.id ?? ""))?.data, { n: 2 });
    const wrong = { args: [1, 2], kwargs: {} };
    match(reasonOf(await bed.retry(bed.id(first), { overrides: wrong })), /either named inputs/);

    const second = await failedJob(bed, bullmq, "later", { n: 3 }, { attempts: 1 });
    const later = await bed.retry(bed.id(second), { etaMs: Date.now() + 60_000 });
    const copy = String(resultOf(later)["new_task_id"]).split(":")[1] ?? "";
    const delayed = await bed.queue.getJob(copy);
    deepEqual([delayed?.name, delayed?.data, await delayed?.getState()], [
      "later",
      { n: 3 },
      "delayed",
    ]);
    equal(await second.isFailed(), true);

    const third = await failedJob(bed, bullmq, "soon", {});
    equal((await bed.retry(bed.id(third), { priority: "high" })).status, "done");
    // At the end of the list, where the next job is taken.
    equal((await bed.queue.getWaiting()).map(({ name }) => name).at(0), "soon");
  });

  it("finds jobs under a prefix of the user's own", async () => {
    await using bed = await open(bullmq, { prefix: "{mine}" });
    const outcome = await bed.submit({ kwargs: { a: 1 } });
    equal(outcome.status, "done");
    equal(await bed.queue.getWaitingCount(), 1);
    const [job] = await bed.queue.getWaiting();
    equal((await bed.cancel(bed.id(job ?? {}))).status, "done");
    const list = bed.engine.actions.listDeadLetters;
    const page = await given(list?.({ queue: bed.queue.name, limit: 5, cursor: null }, context()));
    equal(page.status, "page");
  });

  it("cancel: waiting, delayed, prioritized and parked jobs; never the children", async () => {
    await using bed = await open(bullmq);
    const flow = new bullmq.FlowProducer({ connection: address() });
    const { name } = bed.queue;
    const tree = await flow.add({
      name: "parent",
      queueName: name,
      children: [{ name: "child", queueName: name, opts: { delay: 60_000 } }],
    });
    const jobs = [
      await bed.queue.add("w", {}),
      await bed.queue.add("d", {}, { delay: 60_000 }),
      await bed.queue.add("p", {}, { priority: 5 }),
    ];
    for (const job of [...jobs, tree.job]) {
      equal((await bed.cancel(bed.id(job))).status, "done", job.name);
      equal(await bed.queue.getJob(job.id ?? ""), undefined, job.name);
      equal((await bed.cancel(bed.id(job))).status, "noop", job.name);
    }
    const child = await bed.queue.getJob(tree.children?.[0]?.job.id ?? "");
    equal(await child?.getState(), "delayed");
    equal(bed.seen.of("task.revoked").length, 4);
    await flow.close();
  });

  it("cancel: refuses the next run of a schedule", async () => {
    await using bed = await open(bullmq);
    await bed.queue.upsertJobScheduler("nightly", { every: 3_600_000 }, { name: "tick" });
    const [next] = [...await bed.queue.getDelayed(), ...await bed.queue.getWaiting()];
    match(reasonOf(await bed.cancel(bed.id(next ?? {}))), /disable the schedule/);
    ok(await bed.queue.getJob(next?.id ?? ""));
  });

  it("cancel: a running job through its signal, and no further attempt", async () => {
    let runs = 0;
    await using bed = await open(bullmq, {
      processor: (_job, _token, signal) => {
        runs++;
        return new Promise((_resolve, reject) => {
          signal?.addEventListener("abort", () => reject(new Error("stopped")));
        });
      },
    });
    const job = await bed.queue.add("long", {}, { attempts: 3 });
    await until("start", () => runs === 1);
    const outcome = await bed.cancel(bed.id(job));
    deepEqual(resultOf(outcome), {
      task_id: bed.id(job),
      engine: "bullmq",
      was: "active",
      worker: `${bed.queue.name}-w`,
    });
    await until("failure", async () => await job.isFailed());
    equal(runs, 1);
    equal(bed.seen.of("task.revoked").length, 1);
  });

  it("cancel: one that ignores its signal is soft and goes on", async () => {
    let release = (): void => {};
    const held = new Promise<void>((resolve) => release = resolve);
    await using deaf = await open(bullmq, { processor: (_job, _token, _signal) => held });
    const job = await deaf.queue.add("deaf", {});
    await until("start", async () => await job.isActive());
    const soft = await given(deaf.engine.actions.cancel?.(deaf.id(job), context(2_000)));
    equal(resultOf(soft)["soft"], true);
    release();
    await until("success", async () => await job.isCompleted());
  });

  it("cancel: one without a signal fails at once, its result is discarded", async () => {
    const ends: (() => void)[] = [];
    await using bed = await open(bullmq, {
      concurrency: 1,
      processor: (job) =>
        job.name === "next" ? Promise.resolve(7) : new Promise((resolve, reject) => {
          ends.push(job.name === "resolves" ? () => resolve(1) : () => reject(new Error("late")));
        }),
    });
    for (const name of ["resolves", "rejects"]) {
      const job = await bed.queue.add(name, {}, { attempts: 3 });
      await until("start", () => ends.length === 1);
      const result = resultOf(await bed.cancel(bed.id(job)));
      equal(result["soft"], true);
      match(String(result["warning"]), /result is discarded/);
      equal(await job.isFailed(), true);
      equal(bed.seen.story(bed.id(job)).at(-1), "revoked");
      // The slot is free while the work of the cancelled job goes on.
      const next = await bed.queue.add("next", {});
      await until("the next one", async () => await next.isCompleted());
      ends.pop()?.();
      await new Promise((resolve) => setTimeout(resolve, 20));
      const after = await bed.queue.getJob(job.id ?? "");
      equal(await after?.getState(), "failed");
      equal(after?.failedReason, "cancelled by an operator");
      equal(after?.attemptsMade, 1);
    }
    deepEqual(bed.seen.lost, []);
  });

  it("cancel: refuses what began before the agent and takes no signal", async () => {
    let release = (): void => {};
    let begun = false;
    const held = new Promise<void>((resolve) => release = resolve);
    await using bed = await open(bullmq, {
      processor: () => {
        begun = true;
        return held;
      },
    });
    await bed.engine.detach();
    const job = await bed.queue.add("early", {}, { attempts: 2 });
    // Redis calls it active a moment before its processor is called.
    await until("start", () => begun);
    await bed.engine.attach(bed.seen.sink);
    const outcome = await bed.cancel(bed.id(job));
    equal(outcome.status, "refused");
    release();
    await until("success", async () => await job.isCompleted());
  });

  it("reconcile: knows every state and hints at a job that nobody holds", async () => {
    await using bed = await open(bullmq);
    const failed = await failedJob(bed, bullmq, "bad", {});
    const delayed = await bed.queue.add("d", {}, { delay: 60_000 });
    const look = (id: string) => given(bed.engine.actions.reconcile?.(id, context()));
    equal((await look(bed.id(failed))).state, "failure");
    equal((await look(bed.id(delayed))).state, "pending");
    equal((await look(`${bed.queue.name}:none`)).state, "unknown");
    const job = await bed.queue.add("a", {});
    const worker = new bullmq.Worker(bed.queue.name, null, { connection: address() });
    const taken = await worker.getNextJob("token");
    equal(taken?.id, job.id);
    deepEqual(await look(bed.id(job)), { state: "started" });
    await raw.del(`bull:${bed.queue.name}:${job.id}:lock`);
    deepEqual(await look(bed.id(job)), { state: "started", stalled: true });
    await worker.close(true);
  });
}

function declareQueues(bullmq: Bullmq): void {
  it("purge: clears what waits after its consent, keeps schedules, and names the ids", async () => {
    await using bed = await open(bullmq);
    await bed.queue.upsertJobScheduler("nightly", { every: 3_600_000 }, { name: "tick" });
    equal(await bed.queue.getJobCountByTypes("wait", "delayed"), 1);
    await bed.queue.addBulk(Array.from({ length: 1_200 }, (_, i) => ({ name: "w", data: { i } })));
    await bed.queue.add("p", {}, { priority: 1 });
    await bed.queue.add("d", {}, { delay: 60_000 });
    const kept = await failedJob(bed, bullmq, "bad", {}, { lifo: true });
    const purge = (ok: boolean, depths: number[]) =>
      given(
        bed.engine.actions.purge?.({
          queue: bed.queue.name,
          force: false,
          confirm(depth) {
            depths.push(depth);
            return Promise.resolve(ok ? { ok } : { ok, reason: "stale" });
          },
        }, context()),
      );
    const asked: number[] = [];
    deepEqual(await purge(false, asked), { status: "refused", reason: "stale" });
    // The pause of a second lets nothing count as added after the click.
    await new Promise((resolve) => setTimeout(resolve, 5));
    const outcome = await purge(true, asked);
    const purged = Number(resultOf(outcome)["purged"]);
    deepEqual(asked, [1_203, 1_203]);
    ok(purged >= 1_202, `purged ${purged}`);
    equal(bed.seen.of("task.revoked").length, purged);
    const schedulers = await bed.queue.getJobSchedulers();
    equal(schedulers.length, 1);
    equal(await bed.queue.getJobCountByTypes("wait", "delayed", "prioritized"), 1);
    equal(await kept.isFailed(), true);
  });

  it("purge: a paused queue as well", async () => {
    await using bed = await open(bullmq);
    await bed.queue.pause();
    await bed.queue.add("w", {});
    await new Promise((resolve) => setTimeout(resolve, 5));
    const outcome = await given(
      bed.engine.actions.purge?.({
        queue: bed.queue.name,
        force: true,
        confirm: () => Promise.resolve({ ok: true }),
      }, context()),
    );
    deepEqual(resultOf(outcome), {
      queue: bed.queue.name,
      depth_before: 1,
      purged: 1,
      force: true,
    });
    deepEqual(await bed.queue.getJobs(), []);
  });

  it("dead letters: newest first, pages that do not shift, and back into the queue", async () => {
    await using bed = await open(bullmq);
    const jobs = [];
    for (let i = 0; i < 7; i++) {
      jobs.push(await failedJob(bed, bullmq, `n${i}`, { i, pad: "x".repeat(2_000) }));
    }
    const list = (cursor: string | null, queue: string | null = bed.queue.name) =>
      given(bed.engine.actions.listDeadLetters?.({ queue, limit: 3, cursor }, context()));
    const seen: DeadLetter[] = [];
    const first = await list(null);
    ok(first.status === "page" && first.nextCursor !== null, JSON.stringify(first));
    equal(first.total, 7);
    seen.push(...first.entries);
    // What the first page showed is gone before the second is read.
    const requeued = await given(
      bed.engine.actions.requeueDeadLetter?.(first.entries[0]?.taskId ?? "", context()),
    );
    equal(requeued.status, "done");
    let cursor: string | null = first.nextCursor;
    while (cursor !== null) {
      ok(cursor.length <= 200);
      const page = await list(cursor);
      ok(page.status === "page");
      seen.push(...page.entries);
      cursor = page.nextCursor;
    }
    deepEqual(
      seen.map(({ taskId }) => taskId).toSorted(),
      jobs.map((job) => bed.id(job)).toSorted(),
    );
    deepEqual([seen[0]?.taskName, seen[0]?.error, seen[0]?.attempts], ["n6", "broken", 1]);
    equal(await jobs[6]?.getState(), "waiting");
    const all = await list(null, null);
    ok(all.status === "page");
    equal(all.total, 6);
    match(reasonOf(await list("!")), /invalid dead-letter cursor/);
    match(reasonOf(await list(null, "nobody")), /not attached/);
  });

  it("dead letters of one millisecond and with long ids are all listed once", async () => {
    await using bed = await open(bullmq);
    const jobs = await bed.queue.addBulk(
      Array.from({ length: 5 }, (_, i) => ({
        name: "long",
        data: {},
        opts: { jobId: `${"é".repeat(90)}-${i}` },
      })),
    );
    for (const job of jobs) await raw.zadd(`bull:${bed.queue.name}:failed`, 5, job.id ?? "");
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const query: DeadLetterQuery = { queue: bed.queue.name, limit: 2, cursor };
      const page: DeadLetterPage = await given(
        bed.engine.actions.listDeadLetters?.(query, context()),
      );
      ok(page.status === "page");
      seen.push(...page.entries.map(({ taskId }) => taskId));
      cursor = page.nextCursor;
      ok((cursor ?? "").length <= 200);
    } while (cursor !== null && seen.length < 20);
    deepEqual(seen.toSorted(), jobs.map((job) => bed.id(job)).toSorted());
  });

  it("rate limit, concurrency, pause and resume are there in Redis and gone again", async () => {
    await using bed = await open(bullmq);
    const { actions } = bed.engine;
    const { name } = bed.queue;
    const limit = (rate: { max: number; periodMs: number } | null, taskName = name) =>
      given(actions.rateLimit?.({ taskName, rate, worker: null }, context()));
    equal((await limit({ max: 10, periodMs: 60_000 })).status, "done");
    deepEqual(await bed.queue.getGlobalRateLimit(), { max: 10, duration: 60_000 });
    equal((await limit(null)).status, "done");
    equal(await bed.queue.getGlobalRateLimit(), null);
    match(reasonOf(await limit({ max: 1, periodMs: 1 }, "send.mail")), /limits whole queues/);
    const one = actions.rateLimit?.({ taskName: name, rate: null, worker: "w" }, context());
    match(reasonOf(await given(one)), /not for one/);
    const pool = (count: number | null) =>
      given(actions.limitConcurrency?.(name, count, context()));
    equal(resultOf(await pool(3))["concurrency"], 3);
    equal(await bed.queue.getGlobalConcurrency(), 3);
    equal((await pool(3)).status, "noop");
    equal(resultOf(await pool(null))["concurrency_before"], 3);
    equal(await bed.queue.getGlobalConcurrency(), null);
    equal((await given(actions.pauseQueue?.(name, context()))).status, "done");
    equal(await bed.queue.isPaused(), true);
    equal((await given(actions.pauseQueue?.(name, context()))).status, "noop");
    equal((await given(actions.resumeQueue?.(name, context()))).status, "done");
    equal(await bed.queue.isPaused(), false);
  });
}

function declareWorkers(bullmq: Bullmq): void {
  it("pool and consumers of a worker in this process", async () => {
    let runs = 0;
    await using bed = await open(bullmq, {
      processor: () => Promise.resolve(void runs++),
      concurrency: 2,
    });
    const { actions } = bed.engine;
    const worker = `${bed.queue.name}-w`;
    const queue = bed.queue.name;
    deepEqual(resultOf(await given(actions.poolGrow?.({ worker, delta: 3 }, context()))), {
      worker,
      engine: "bullmq",
      concurrency_before: 2,
      concurrency: 5,
    });
    equal(bed.worker?.concurrency, 5);
    await given(actions.poolShrink?.({ worker, delta: 100 }, context()));
    equal(bed.worker?.concurrency, 1);
    equal((await given(actions.poolShrink?.({ worker, delta: 1 }, context()))).status, "noop");
    const cancelled = await given(actions.cancelConsumer?.({ worker, queue }, context()));
    deepEqual([cancelled.status, bed.worker?.isPaused()], ["done", true]);
    const added = await given(actions.addConsumer?.({ worker, queue }, context()));
    deepEqual([added.status, bed.worker?.isPaused()], ["done", false]);
    await bed.queue.add("x", {});
    await until("run", () => runs === 1);
    const other = await given(actions.addConsumer?.({ worker, queue: "other" }, context()));
    match(reasonOf(other), /can take those of no other/);
    const nobody = await given(actions.poolGrow?.({ worker: "nobody", delta: 1 }, context()));
    match(reasonOf(nobody), /has a worker nobody/);
  });

  it("restart: closes workers gracefully, then ends the process, only where one can", async () => {
    let running = 0;
    const ends: string[] = [];
    let refusal: string | null = "nothing would start it again";
    const restart = { refusal: () => refusal, exit: () => void ends.push("exit") };
    const scope = `restart-${bullmq.Queue.name}-${Math.floor(performance.now())}`;
    await using bed = await open(bullmq, {
      host: {
        scope,
        state: { get: () => Promise.resolve(null), set: () => Promise.resolve() },
        stored: () => Promise.resolve(),
        restart,
      },
      processor: async () => {
        running++;
        await new Promise((resolve) => setTimeout(resolve, 40));
        ends.push("job");
      },
    });
    const order = () => given(bed.engine.actions.restartWorker?.(`${bed.queue.name}-w`, context()));
    match(reasonOf(await order()), /nothing would start it again/);
    equal(bed.worker?.isRunning(), true);
    refusal = null;
    await bed.queue.add("x", {});
    await until("start", () => running === 1);
    const result = resultOf(await order());
    deepEqual([result["restarted_via"], result["still_running"]], ["exit", 0]);
    deepEqual(ends, ["job", "exit"]);
  });
}

type Bed = Awaited<ReturnType<typeof openCommandBed>>;

// Fails a job by hand, so that no worker takes up what a command puts back.
async function failedJob(
  bed: Bed,
  { Worker }: Bullmq,
  name: string,
  data: object,
  opts: object = {},
) {
  const job = await bed.queue.add(name, data, { lifo: true, ...opts });
  const worker = new Worker(bed.queue.name, null, { connection: address() });
  let taken = await worker.getNextJob("token");
  while (taken !== undefined && taken.id !== job.id) {
    await taken.moveToWait("token");
    taken = await worker.getNextJob("token");
  }
  await taken?.moveToFailed(new Error("broken"), "token");
  await worker.close(true);
  equal(await job.isFailed(), true);
  return job;
}

function address() {
  return { host: "127.0.0.1", port: redis?.port ?? 0, maxRetriesPerRequest: null };
}

function reasonOf(outcome: ActionOutcome | { readonly status: "page" }): string {
  return outcome.status === "refused" ? outcome.reason : JSON.stringify(outcome);
}
