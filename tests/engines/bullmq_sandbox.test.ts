/** The context of requests in processors that BullMQ runs in another process or thread. */
import {
  deepStrictEqual as deepEqual,
  match,
  ok,
  rejects,
  strictEqual as equal,
  throws,
} from "node:assert/strict";
import { resolve } from "node:path";
import process from "node:process";
import { after, before, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import * as bullmq6 from "bullmq";
import * as bullmq5 from "bullmq5";
import { createWorkTracker } from "../../src/agent/work_contexts.ts";
import { writeCarrier } from "../../src/base/work_carrier.ts";
import type { WorkContext, WorkSource } from "../../src/base/work_context.ts";
import { contextInJob } from "../../src/engines/bullmq/job_contexts.ts";
import { bullmqEngine, type BullQueueLike } from "../../src/engines/bullmq/mod.ts";
import type { TaskEvent } from "../../src/engines/contract.ts";
import { createAsyncStore } from "../../src/platform/async_store.ts";
import { createSandbox } from "../../src/sandbox/mod.ts";
import { type RedisServer, startRedis, withoutRedis } from "../_support/redis.ts";
import { until } from "../_support/wait.ts";

const PROCESSOR = pathToFileURL(resolve("tests/_support/sandboxed_processor.ts"));
const CONTEXT: WorkContext = {
  traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
  spanId: "00f067aa0ba902b7",
  traceState: "rojo=1,congo=2",
  requestId: "r1",
  user: "u1",
};
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null));

interface Answer {
  readonly seen?: WorkContext;
  readonly child: string;
  readonly data: unknown;
  readonly outside: unknown;
}

let redis: RedisServer | undefined;

describe("createSandbox()", () => {
  const job = { name: "j", id: "1", queueName: "q", opts: { z4j: writeCarrier(CONTEXT) } };

  it("runs work in the context of its job, and passes answers and errors on", async () => {
    const sandbox = createSandbox();
    deepEqual(plain(sandbox.run(job, () => sandbox.current())), { ...CONTEXT, sampled: true });
    deepEqual(plain(sandbox.of(job)), { ...CONTEXT, sampled: true });
    equal(sandbox.run({ ...job, opts: {} }, () => sandbox.current()), undefined);
    for (const odd of [undefined, null, 7, {}, { opts: null }]) {
      equal(sandbox.run(odd as unknown as typeof job, () => "ran"), "ran");
    }
    const boom = new Error("boom");
    throws(() =>
      sandbox.run(job, () => {
        throw boom;
      }), boom);
    await rejects(sandbox.run(job, () => Promise.reject(boom)), boom);
    equal(sandbox.current(), undefined);
  });

  it("wraps a processor and leaves its number of inputs: by it BullMQ hands out signals", () => {
    const sandbox = createSandbox();
    const one = sandbox.wrap((given: typeof job) => [given.id, sandbox.current()?.user]);
    const three = sandbox.wrap((
      _job: typeof job,
      token: string,
      signal: number,
    ) => [token, signal]);
    deepEqual([one.length, three.length], [1, 3]);
    deepEqual(one(job), ["1", "u1"]);
    deepEqual(three(job, "t", 3), ["t", 3]);
  });

  it("lets the queues of a module carry the context on, until it is closed", async () => {
    const added: unknown[] = [];
    class Queue {
      readonly name = "later";
      add(...inputs: unknown[]): Promise<unknown> {
        added.push(inputs[2]);
        return Promise.resolve({});
      }
    }
    const before = Queue.prototype.add;
    const sandbox = createSandbox({ bullmq: { Queue } });
    const queue = new Queue();
    await sandbox.run(job, () => queue.add("x", {}, { attempts: 2 }));
    await queue.add("x", {});
    sandbox.close();
    equal(Queue.prototype.add, before);
    await sandbox.run(job, () => queue.add("x", {}));
    const [{ z4j, ...options } = { z4j: "" }] = added as { z4j: string }[];
    deepEqual(options, { attempts: 2 });
    const carried = contextInJob({ opts: { z4j } as object, id: "2" }, "later");
    deepEqual([carried?.parentSpanId, carried?.user], [CONTEXT.spanId, "u1"]);
    deepEqual(added.slice(1), [undefined, undefined]);
  });
});

if (!withoutRedis()) {
  describe("context in sandboxed processors", () => {
    before(async () => {
      redis = await startRedis();
      process.env["Z4J_TEST_REDIS_PORT"] = String(redis.port);
      // BullMQ hands our own flags on; with those of Node's test runner no child starts.
      if (process.env["NODE_TEST_CONTEXT"] !== undefined) process.execArgv.splice(0);
    });
    after(() => redis?.stop());
    it("is there in a process of BullMQ 6", () => inSandbox(bullmq6, "bullmq", false));
    it("is there in a thread of BullMQ 5", () =>
      inSandbox(bullmq5 as unknown as typeof bullmq6, "bullmq5", true));
  });
}

async function inSandbox(
  { Queue, Worker }: typeof bullmq6,
  major: string,
  useWorkerThreads: boolean,
): Promise<void> {
  const connection = { host: "127.0.0.1", port: redis?.port ?? 0 };
  const name = `sandbox-${major}`;
  const work = createWorkTracker(createAsyncStore<WorkSource>());
  const events: TaskEvent[] = [];
  const [queue, audit] = [name, "sandbox-audit"].map((name) => new Queue(name, { connection }));
  ok(queue !== undefined && audit !== undefined);
  const worker = new Worker(name, PROCESSOR, { connection, useWorkerThreads });
  worker.on("error", () => {});
  const engine = bullmqEngine({ queues: [queue as unknown as BullQueueLike], workers: [worker] });
  await engine.attach({
    event: (event) => void ("taskId" in event && events.push(event)),
    lost() {},
    notice() {},
    work,
  });
  const data = { major };
  const end = (id: string | undefined): Promise<TaskEvent> =>
    until(
      `the end of ${id}`,
      () =>
        events.find(({ kind, taskId }) =>
          taskId === `${name}:${id}` && ["task.succeeded", "task.failed"].includes(kind)
        ),
      60_000,
    );
  try {
    const lone = await queue.add("lone", data);
    const asked = await work.follow({ read: () => CONTEXT }, () => queue.add("asked", data));
    const fails = await work.follow({ read: () => CONTEXT }, () => queue.add("fails", data));
    const ended = await end(asked.id);
    equal(ended.kind, "task.succeeded", String(ended.data.exception));
    const answer = ended.data.result as Answer;
    const own = contextInJob(asked, name);
    deepEqual(plain(answer.seen), plain(own));
    equal(answer.seen?.traceState, CONTEXT.traceState);
    deepEqual([answer.data, answer.outside], [data, null]);
    const child = await audit.getJob(answer.child);
    const carried = child && contextInJob(child, "sandbox-audit");
    deepEqual(
      [carried?.traceId, carried?.parentSpanId, carried?.requestId, carried?.user],
      [CONTEXT.traceId, own?.spanId, "r1", "u1"],
    );
    equal(carried?.traceState, CONTEXT.traceState);
    const failed = await end(fails.id);
    match(failed.data.exception ?? "", /asked by u1/);
    equal(failed.context?.requestId, "r1");
    const { seen, child: other } = (await end(lone.id)).data.result as Answer;
    equal(seen, undefined);
    deepEqual(Object.hasOwn((await audit.getJob(other))?.opts ?? {}, "z4j"), false);
  } finally {
    await engine.detach();
    await worker.close();
    await Promise.all([queue.close(), audit.close()]);
  }
}
