import { deepStrictEqual as deepEqual } from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { DelayedError, type Job, Queue, UnrecoverableError, Worker } from "bullmq";
import { bullmqEngine } from "../../src/engines/bullmq/mod.ts";
import type { TaskEvent } from "../../src/engines/contract.ts";
import { type RedisServer, startRedis, withoutRedis } from "../_support/redis.ts";
import { until } from "../_support/wait.ts";

let redis: RedisServer | undefined;
let count = 0;

if (!withoutRedis()) {
  before(async () => {
    redis = await startRedis();
  });
  after(() => redis?.stop());
  describe("bullmqEngine() and attempts", declare);
}

function declare(): void {
  it("counts a job that succeeds at its last attempt", async () => {
    const story = await run({ attempts: 3 }, (job) => {
      if (job.attemptsMade < 2) throw new Error("not yet");
      return Promise.resolve();
    });
    deepEqual(story, [
      "task.started: attempt 1 of 3, retry 0",
      "task.retried: attempt 1 of 3, retry 1",
      "task.started: attempt 2 of 3, retry 1",
      "task.retried: attempt 2 of 3, retry 2",
      "task.started: attempt 3 of 3, retry 2",
      "task.succeeded: attempt 3 of 3, retry 2",
    ]);
  });

  it("counts a job that fails at every attempt, with a backoff", async () => {
    const story = await run({ attempts: 2, backoff: 10 }, () => {
      throw new Error("never");
    });
    deepEqual(story, [
      "task.started: attempt 1 of 2, retry 0",
      "task.retried: attempt 1 of 2, retry 1",
      "task.started: attempt 2 of 2, retry 1",
      "task.failed: attempt 2 of 2, retry 1",
    ]);
  });

  it("gives a job without attempts exactly one", async () => {
    const once = ["task.started: attempt 1 of 1, retry 0", "task.failed: attempt 1 of 1, retry 0"];
    const fail = (): never => {
      throw new Error("broken");
    };
    deepEqual(await run({}, fail), once);
    deepEqual(await run({ attempts: 0 }, fail), once);
  });

  it("fails at once when the error is unrecoverable", async () => {
    const story = await run({ attempts: 5 }, () => {
      throw new UnrecoverableError("hopeless");
    });
    deepEqual(story, [
      "task.started: attempt 1 of 5, retry 0",
      "task.failed: attempt 1 of 5, retry 0",
    ]);
  });

  it("does not count the steps of one attempt", async () => {
    const story = await run({ attempts: 1 }, async (job, token) => {
      if (job.data.step === 2) return;
      await job.updateData({ step: 2 });
      await job.moveToDelayed(Date.now() + 10, token);
      throw new DelayedError();
    });
    deepEqual(story, [
      "task.started: attempt 1 of 1, retry 0",
      "task.started: attempt 1 of 1, retry 0",
      "task.succeeded: attempt 1 of 1, retry 0",
    ]);
  });
}

type TestJob = Job<{ step: number }>;

async function run(
  options: { readonly attempts?: number; readonly backoff?: number },
  processor: (job: TestJob, token: string | undefined) => Promise<void>,
): Promise<readonly string[]> {
  const name = `attempts-${++count}`;
  const connection = { host: "127.0.0.1", port: redis?.port ?? 0, maxRetriesPerRequest: null };
  const queue = new Queue<{ step: number }>(name, { connection });
  const worker = new Worker(name, processor, { connection });
  const engine = bullmqEngine({ queues: [queue], workers: [worker] });
  const events: TaskEvent[] = [];
  await engine.attach({
    event: (event) => "taskId" in event ? void events.push(event) : undefined,
    lost() {},
    notice() {},
  });
  await queue.add("job", { step: 1 }, options);
  const isEnd = ({ kind }: TaskEvent) => kind === "task.succeeded" || kind === "task.failed";
  await until("end of the job", () => events.some(isEnd));
  await engine.detach();
  await Promise.all([worker.close(), queue.close()]);
  const attempts = events.filter(({ kind }) => kind !== "task.sent" && kind !== "task.received");
  return attempts.map(({ kind, data }) =>
    `${kind}: attempt ${data.attempt} of ${data.maxAttempts}, retry ${data.retryCount}`
  );
}
