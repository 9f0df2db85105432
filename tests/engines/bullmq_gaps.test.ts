import { deepStrictEqual as deepEqual, match, ok, strictEqual as equal } from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Queue, Worker } from "bullmq";
import { Redis } from "ioredis";
import type { EngineHost } from "../../src/engines/contract.ts";
import { bullmqEngine } from "../../src/engines/bullmq/mod.ts";
import { createHost, createSeen, type Seen } from "../_support/bullmq_stream.ts";
import { type RedisServer, startRedis, withoutRedis } from "../_support/redis.ts";
import { until } from "../_support/wait.ts";

let redis: RedisServer | undefined;

if (!withoutRedis()) {
  before(async () => {
    redis = await startRedis();
  });
  after(() => redis?.stop());
  describe("gaps in the streams of BullMQ", declare);
}

function declare(): void {
  it("accounts for 15 000 jobs that were added while no agent ran", async () => {
    const prefix = "many";
    const queue = new Queue<unknown>("bulk", { connection: address(), prefix });
    // The first of them run, and leave no trace but in a stream that is trimmed.
    await addJobs(queue, 1_000, { removeOnComplete: true });
    await runAll(queue, prefix);
    await addJobs(queue, 14_000, {});
    const bed = await attach(prefix);
    const told = await until(
      "the account",
      () => bed.seen.notices.find((text) => /Gap/.test(text)),
      60_000,
    );
    const [added, seen, rebuilt, lost] = numbers(told);
    equal(added, 15_000);
    equal((seen ?? 0) + (rebuilt ?? 0) + (lost ?? 0), 15_000);
    ok((seen ?? 0) > 4_000 && (rebuilt ?? 0) > 1_000, told);
    equal(lost, 1_000);
    const arrivals = bed.seen.of("task.received");
    equal(new Set(arrivals.map(({ taskId }) => taskId)).size, 14_000);
    equal(arrivals.filter(({ data }) => data.extra?.["rebuilt"] === true).length, rebuilt);
    ok(arrivals.every(({ data }) => data.extra?.["replayed"] === true), "all of it is history");
    deepEqual(bed.seen.lost.map(({ count }) => count), [1_000]);
    const facts = (await bed.engine.health?.())?.facts;
    equal(facts?.["gaps"], "1");
    equal(facts?.["gap_jobs_lost"], "1000");
    await bed.close();
    await queue.close();
  });

  it("names what was trimmed while no agent ran, and rebuilds the states", async () => {
    const prefix = "gap";
    const events = { maxLen: 200 };
    const queue = new Queue<unknown>("small", {
      connection: address(),
      prefix,
      streams: { events },
    });
    const host = createHost();
    await addJobs(queue, 5, {});
    const first = await attach(prefix, host);
    await until("the first jobs", () => first.seen.of("task.received").length === 5);
    await first.close();
    deepEqual(first.seen.lost, []);
    await addJobs(queue, 2_000, {});
    await runAll(queue, prefix, true);
    const second = await attach(prefix, host);
    const told = await until(
      "the gap",
      () => second.seen.notices.find((text) => /Gap/.test(text)),
      60_000,
    );
    match(told, /queue small: \d+ entries were trimmed while nobody read; jobs added 2000/);
    const [added, seen = 0, rebuilt = 0, lost] = numbers(told);
    equal(added, 2_000);
    equal(seen + rebuilt, 2_000);
    equal(lost, 0);
    const done = new Set(second.seen.of("task.succeeded").map(({ taskId }) => taskId));
    const failed = new Set(second.seen.of("task.failed").map(({ taskId }) => taskId));
    equal(failed.size, 200);
    equal(done.size, 1_805);
    equal(second.seen.lost.length, 1);
    ok((second.seen.lost[0]?.count ?? 0) > 3_000);
    const arrivals = second.seen.of("task.received");
    equal(arrivals.some(({ data }) => data.extra?.["replayed"] === true), false);
    await second.close();
    await queue.close();
  });

  it("goes on where it stopped, also when Redis forgot the positions", async () => {
    const prefix = "again";
    const queue = new Queue<unknown>("q", { connection: address(), prefix });
    const host = createHost();
    await addJobs(queue, 3, {});
    const first = await attach(prefix, host);
    await until("history", () => first.seen.of("task.received").length === 3);
    await first.close();
    const client = new Redis(address());
    await client.del(`z4j:cursor:test:${prefix}`);
    await addJobs(queue, 2, {});
    const second = await attach(prefix, host);
    await until("the new ones", () => second.seen.of("task.received").length === 2);
    deepEqual(second.seen.story("q:4"), ["sent", "received"]);
    equal(second.seen.of("task.received")[0]?.data.extra?.["replayed"], undefined);
    await queue.obliterate({ force: true });
    await addJobs(queue, 2, {});
    await until("the new life", () => second.seen.of("task.received").length === 4);
    deepEqual(second.seen.lost, []);
    deepEqual(second.seen.notices, []);
    await second.close();
    client.disconnect();
    await queue.close();
  });
}

/** Jobs added, seen, rebuilt and lost, from the notice of a gap. */
function numbers(text: string): readonly number[] {
  const found = /added (\d+), seen (\d+), rebuilt (\d+), lost (\d+)/.exec(text);
  return found?.slice(1).map(Number) ?? [];
}

async function addJobs(queue: Queue<unknown>, count: number, opts: object): Promise<void> {
  for (let left = count; left > 0; left -= 1_000) {
    const size = Math.min(1_000, left);
    await queue.addBulk(Array.from({ length: size }, (_, i) => ({ name: "x", data: { i }, opts })));
  }
}

async function runAll(queue: Queue<unknown>, prefix: string, some = false): Promise<void> {
  const worker = new Worker<{ readonly i: number }>(queue.name, (job) => {
    if (some && job.data.i % 10 === 0 && Number(job.id) > 5) throw new Error("tenth");
    return Promise.resolve(1);
  }, { connection: address(), prefix, concurrency: 100 });
  const open = async (): Promise<number> => await queue.getJobCountByTypes("wait", "active");
  await until("all jobs to run", async () => await open() === 0, 60_000);
  await worker.close();
}

function address(): { readonly host: string; readonly port: number } {
  return { host: "127.0.0.1", port: redis?.port ?? 0 };
}

async function attach(prefix: string, host: EngineHost = createHost()) {
  const seen: Seen = createSeen();
  const engine = bullmqEngine({
    prefix,
    connection: (options) => new Redis({ ...options, ...address() }),
  });
  await engine.attach(seen.sink, host);
  return { seen, engine, close: async () => await engine.detach() };
}
