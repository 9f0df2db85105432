import { after, before, describe, it } from "node:test";
import { Queue, Worker } from "bullmq";
import { bullmqEngine } from "../../src/engines/bullmq/mod.ts";
import { manualEngine } from "../../src/engines/manual/mod.ts";
import { type EngineTestBed, testEngine } from "../../src/testing/engine_contract.ts";
import { type RedisServer, startRedis, withoutRedis } from "../_support/redis.ts";

let redis: RedisServer | undefined;
let queues = 0;

if (!withoutRedis()) {
  before(async () => {
    redis = await startRedis();
  });
  after(() => redis?.stop());
  testEngine("bullmq", openBullmq, { describe, it });
}
testEngine("manual", openManual, { describe, it });

async function openBullmq(): Promise<EngineTestBed> {
  const connection = {
    host: "127.0.0.1",
    port: redis?.port ?? 0,
    maxRetriesPerRequest: null,
  };
  const name = `contract-${++queues}`;
  const queue = new Queue(name, { connection });
  const worker = new Worker(name, (job) => {
    if (job.name === "fail") throw new RangeError("broken");
    if (job.name === "flaky" && job.attemptsMade === 0) throw new Error("first");
    return Promise.resolve({ echo: job.data });
  }, { connection, concurrency: 2 });
  await Promise.all([queue.waitUntilReady(), worker.waitUntilReady()]);
  return {
    engine: bullmqEngine({ queues: [queue], workers: [worker] }),
    queue: name,
    surface: () => [queue.add, queue.addBulk, worker.on, ...counts(worker)],
    async run(job, input) {
      await queue.add(job, input, job === "flaky" ? { attempts: 2, backoff: 20 } : {});
    },
    async close() {
      await worker.close(true);
      await queue.close();
    },
  };
}

function counts(worker: Worker): readonly number[] {
  const events = ["active", "completed", "failed", "ready", "closing", "closed", "error"] as const;
  return events.map((event) => worker.listenerCount(event));
}

function openManual(): Promise<EngineTestBed> {
  const engine = manualEngine();
  let failures = 0;
  const jobs = {
    ok: engine.task("ok", (input: unknown) => ({ echo: input })),
    fail: engine.task("fail", (_input: unknown) => {
      throw new RangeError("broken");
    }),
    flaky: engine.task("flaky", (_input: unknown) => {
      if (failures++ === 0) throw new Error("first");
      return "fine";
    }, { retries: 1, backoffMs: 5 }),
  };
  return Promise.resolve({
    engine,
    queue: null,
    surface: () => [],
    run(job, input) {
      jobs[job](input).catch(() => {});
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  });
}
