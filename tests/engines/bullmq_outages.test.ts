import { deepStrictEqual as deepEqual, match, ok, strictEqual as equal } from "node:assert/strict";
import process from "node:process";
import { after, before, describe, it } from "node:test";
import { Queue, Worker } from "bullmq";
import { Redis } from "ioredis";
import type { Engine, EngineHost } from "../../src/engines/contract.ts";
import { bullmqEngine } from "../../src/engines/bullmq/mod.ts";
import { createHost, createSeen, MAJORS, type Seen } from "../_support/bullmq_stream.ts";
import { type RedisServer, startRedis, withoutRedis } from "../_support/redis.ts";
import { until } from "../_support/wait.ts";

let redis: RedisServer | undefined;

if (!withoutRedis()) {
  before(async () => {
    redis = await startRedis({ appendOnly: true });
  });
  after(() => redis?.stop());
  describe("the stream reader in trouble", declare);
}

function declare(): void {
  it("survives restarts, killed connections, frozen and read-only servers", async () => {
    await using bed = await attach("trouble");
    const { client, seen } = bed;
    const queue = bed.queue("q");
    let jobs = 0;
    const add = async (): Promise<void> => {
      await until("an add", async () => await queue.add("x", { n: jobs + 1 }).then(() => true));
      jobs++;
    };
    await add();
    await until("the first", () => arrivals(seen) === 1);
    await redis?.restart();
    await add();
    await until("after a restart", () => arrivals(seen) === jobs);
    await client.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    await add();
    await until("after a kill", () => arrivals(seen) === jobs);
    process.kill(redis?.pid ?? 0, "SIGSTOP");
    await new Promise((resolve) => setTimeout(resolve, 50));
    process.kill(redis?.pid ?? 0, "SIGCONT");
    await add();
    await until("after a freeze", () => arrivals(seen) === jobs);
    await client.call("REPLICAOF", "127.0.0.1", "1");
    await until("nobody to lead", async () => await client.exists("z4j:lease:test:trouble") === 0);
    await client.call("REPLICAOF", "NO", "ONE");
    await add();
    await until("after a failover", () => arrivals(seen) === jobs);
    equal(new Set(ids(seen)).size, ids(seen).length, "nothing twice");
    deepEqual(seen.lost, []);
    deepEqual(seen.notices, []);
  });

  it("hands over to the next agent, and fences one that was away", async () => {
    await using first = await attach("hand");
    const queue = first.queue("q");
    await using second = await attach("hand", createHost(), false);
    await queue.add("x", {});
    await until("the first job", () => arrivals(first.seen) === 1);
    equal(second.seen.events.length, 0);
    // As if the first one had been frozen for longer than its lease.
    await first.client.set("z4j:lease:test:hand", "somebody", "PX", 100);
    await queue.add("x", {});
    await until("all jobs", () => arrivals(first.seen) + arrivals(second.seen) >= 2);
    await first.engine.detach();
    await queue.add("x", {});
    await until(
      "the last job",
      () => second.seen.of("task.received").some(({ taskId }) => taskId === "q:3"),
    );
    const all = [...ids(first.seen), ...ids(second.seen)];
    equal(new Set(all).size, 6);
  });

  it("reports in the place of a worker whose agent died with its last events", async () => {
    await using bed = await attach("dead");
    const queue = bed.queue("q");
    const worker = new Worker("q", () => Promise.resolve(1), {
      connection: address(),
      prefix: "dead",
    });
    await worker.waitUntilReady();
    const host = createHost();
    let alive = true;
    // Its disk is never in time, and then the process is gone without a word.
    const dying: EngineHost = {
      ...host,
      stored: () => alive ? Promise.resolve() : new Promise(() => {}),
    };
    const engine = bullmqEngine({ workers: [worker] });
    const own = createSeen();
    await engine.attach(own.sink, dying);
    await until("the announcement", async () => {
      return /^\["q"/.test((await bed.client.hkeys("z4j:local:test:dead")).join());
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    alive = false;
    await until("jobs that are left to it", async () => {
      const before = bed.seen.of("task.succeeded").length;
      const job = await queue.add("x", {});
      await until("its end", async () => await job.getState() === "completed");
      return bed.seen.of("task.succeeded").length === before;
    });
    await until("all successes", () => {
      const own_ = own.of("task.succeeded").length;
      return own_ > 0 && new Set(bed.seen.of("task.succeeded").map(({ id }) => id)).size === own_;
    }, 30_000);
    await engine.detach();
    await worker.close();
  });

  it("says once what Redis forbids, and goes on with the rest", async () => {
    const admin = new Redis(address());
    await admin.call("ACL", "SETUSER", "noscan", "on", "nopass", "~*", "+@all", "-scan");
    await admin.call("ACL", "SETUSER", "noread", "on", "nopass", "~*", "+@all", "-xread");
    await admin.call("ACL", "SETUSER", "noclient", "on", "nopass", "~*", "+@all", "-client");
    await admin.call("ACL", "SETUSER", "nothing", "on", "nopass", "~*", "-@all", "+ping");
    for (
      const [username, notice, works] of [
        ["noscan", /forbids SCAN/, true],
        ["noread", /forbids XREAD/, true],
        ["noclient", undefined, true],
        ["nothing", /Redis refuses EVAL/, false],
      ] as const
    ) {
      const prefix = `acl-${username}`;
      const queue = new Queue("q", { connection: address(), prefix });
      await queue.waitUntilReady();
      const seen = createSeen();
      const engine = bullmqEngine({
        queues: [queue],
        prefix,
        connection: (options) => new Redis({ ...options, ...address(), username, password: "x" }),
      });
      await engine.attach(seen.sink, createHost());
      if (notice !== undefined) {
        await until("the notice", () => seen.notices.some((text) => notice.test(text)));
      }
      await admin.xadd(`${prefix}:q:events`, "*", "event", "removed", "jobId", "9", "prev", "wait");
      await queue.add("local", {});
      await until("the local job", () => arrivals(seen) === 1);
      if (works) await until("what the stream tells", () => seen.of("task.revoked").length === 1);
      equal(seen.notices.length, notice === undefined ? 0 : 1, String(seen.notices));
      await engine.detach();
      await queue.close();
    }
    admin.disconnect();
  });

  it("copes with corrupt, nameless, huge and oddly named jobs", async () => {
    await using bed = await attach("odd");
    const { client, seen } = bed;
    const queue = bed.queue("q ueue/é");
    const stream = "odd:q ueue/é:events";
    await client.hset("odd:q ueue/é:corrupt", {
      name: "x",
      data: "{not json",
      opts: "[1",
      timestamp: "1700000000000",
      stacktrace: "7",
    });
    await client.xadd(stream, "*", "event", "added", "jobId", "corrupt", "name", "x");
    await client.set("odd:q ueue/é:text", "not a hash");
    await client.xadd(stream, "*", "event", "added", "jobId", "text");
    await client.xadd(stream, "*", "nothing", "here");
    await client.xadd(stream, "*", "event", "active", "jobId", "x".repeat(300_000));
    await queue.add("", {}, { jobId: 'a"b\n✓ %' });
    const huge = await queue.add("huge", { text: "x".repeat(10_000_000) });
    await until("all arrivals", () => arrivals(seen) === 4);
    const name = (id: string) =>
      seen.of("task.received").find(({ taskId }) => taskId === `q ueue/é:${id}`)?.data;
    equal(name("corrupt")?.args?.[0], "[not JSON] {not json");
    equal(name('a"b\n✓ %')?.taskName, "q ueue/é");
    match(String(name(huge.id ?? "")?.args?.[0]), /10000\d+ bytes not read/);
    equal(name("text")?.extra?.["inputs_missing"], true);
    equal(seen.notices.length, 1);
    match(seen.notices[0] ?? "", /not JSON/);
    await queue.obliterate({ force: true });
    await queue.add("after", {});
    await until("the next life", () => arrivals(seen) === 5);
    deepEqual(seen.lost, []);
  });

  for (const [version, bullmq] of MAJORS) {
    it(`finds what a process makes from the module of BullMQ ${version}, with 2 connections`, async () => {
      const prefix = `mod${version}`;
      const seen = createSeen();
      const own = [bullmq.Queue.prototype.add, bullmq.Worker.prototype.run];
      const engine: Engine = bullmqEngine({ bullmq, prefix });
      await engine.attach(seen.sink, createHost());
      const queues = Array.from(
        { length: 5 },
        (_, i) => new bullmq.Queue(`m${i}`, { connection: address(), prefix }),
      );
      const worker = new bullmq.Worker("m0", () => Promise.resolve(1), {
        connection: address(),
        prefix,
      });
      for (const queue of queues) await queue.addBulk([{ name: "x", data: {} }]);
      await until("the run", () => seen.of("task.succeeded").length === 1);
      equal(new Set(seen.of("task.received").map(({ taskId }) => taskId)).size, 5);
      ok(seen.events.some(({ kind }) => kind === "worker.online"));
      const admin = new Redis(address());
      const count = async (): Promise<number> =>
        String(await admin.client("LIST")).match(/name=z4j-/g)?.length ?? 0;
      await until("two connections", async () => await count() === 2);
      await engine.detach();
      await until("no connections", async () => await count() === 0);
      deepEqual([bullmq.Queue.prototype.add, bullmq.Worker.prototype.run], own);
      admin.disconnect();
      await worker.close();
      for (const queue of queues) await queue.close();
    });
  }

  it("says that jobs elsewhere than in Redis are not watched", async () => {
    const queue = {
      ...{ name: "pg", add: fail, getJob: fail, getJobState: fail, getJobCounts: () => ({}) },
      getBackend: () => ({}),
    };
    const seen = createSeen();
    const engine = bullmqEngine({ queues: [queue] });
    await engine.attach(seen.sink, createHost());
    await until("the notice", () => seen.notices.length === 1);
    match(seen.notices[0] ?? "", /not kept in Redis/);
    await engine.detach();
  });
}

function fail(): Promise<never> {
  return Promise.reject(new Error("away"));
}

function arrivals(seen: Seen): number {
  return new Set(seen.of("task.received").map(({ id }) => id)).size;
}

function ids(seen: Seen): readonly unknown[] {
  return seen.events.flatMap((event) => "taskId" in event ? [event.id] : []);
}

function address(): { readonly host: string; readonly port: number } {
  return { host: "127.0.0.1", port: redis?.port ?? 0 };
}

async function attach(prefix: string, host: EngineHost = createHost(), first = true) {
  const client = new Redis({ ...address(), maxRetriesPerRequest: null });
  client.on("error", () => {});
  const seen = createSeen();
  const queues: Queue<unknown>[] = [];
  const engine = bullmqEngine({
    prefix,
    connection: (options) => new Redis({ ...options, ...address() }),
  });
  await engine.attach(seen.sink, host);
  if (first) await until("lease", async () => await client.hlen(`z4j:cursor:test:${prefix}`) > 0);
  return {
    client,
    seen,
    engine,
    queue(name: string): Queue<unknown> {
      const queue = new Queue<unknown>(name, { connection: address(), prefix });
      queue.on("error", () => {});
      queues.push(queue);
      return queue;
    },
    async [Symbol.asyncDispose]() {
      await engine.detach();
      for (const queue of queues) await queue.close();
      client.disconnect();
    },
  };
}
