/** Findings about queues, workers and Redis, as data. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Redis } from "ioredis";
import type { EngineFinding } from "../../src/engines/contract.ts";
import { evictionFinding } from "../../src/engines/bullmq/lint/lint.ts";
import { createJobObserver } from "../../src/engines/bullmq/lint/observer.ts";
import { versionFindings } from "../../src/engines/bullmq/lint/rules.ts";
import { bullmqEngine } from "../../src/engines/bullmq/mod.ts";
import { createHost } from "../_support/bullmq_stream.ts";
import { BULLMQ_VERSIONS, type BullmqVersion } from "../_support/bullmq_versions.ts";
import { type RedisServer, startRedis, withoutRedis } from "../_support/redis.ts";
import { until } from "../_support/wait.ts";

const SINK = { event() {}, lost() {}, notice() {} };
let redis: RedisServer | undefined;
let count = 0;

if (!withoutRedis()) {
  before(async () => {
    redis = await startRedis();
  });
  after(() => redis?.stop());
  for (const version of BULLMQ_VERSIONS) {
    describe(`lint of ${version.name}`, () => declare(version));
  }
}

function declare(version: BullmqVersion): void {
  const connection = () => ({
    host: "127.0.0.1",
    port: redis?.port ?? 0,
    maxRetriesPerRequest: null,
  });

  it("finds nothing in a sound set-up", async () => {
    const name = `lint-${++count}`;
    const queue = new version.Queue(name, {
      connection: connection(),
      defaultJobOptions: { attempts: 3, backoff: 1000, removeOnFail: { count: 10 } },
    });
    const worker = new version.Worker(name, null, { connection: connection(), name: "steady" });
    worker.on("error", () => {});
    const engine = bullmqEngine({ queues: [queue], workers: [worker] });
    await queue.waitUntilReady();
    assert.deepEqual(await engine.lint?.({ runtime: "deno", envAccess: "full" }), []);
    await worker.close();
    await queue.close();
  });

  it("finds what is risky, and nothing of it after it is cured", async () => {
    const name = `lint-${++count}`;
    const queue = new version.Queue(name, {
      connection: connection(),
      defaultJobOptions: { attempts: 3, removeOnFail: true },
    });
    const worker = new version.Worker(name, () => Promise.resolve(), {
      connection: connection(),
    });
    const raw = new Redis(connection());
    const engine = bullmqEngine({ queues: [queue], workers: [worker], stream: false });
    await engine.attach(SINK);
    await Promise.all([queue.waitUntilReady(), worker.waitUntilReady()]);
    await raw.config("SET", "maxmemory-policy", "allkeys-lru");
    await raw.hset(
      queue.toKey("meta"),
      "version",
      version.name === "BullMQ 6" ? "bullmq:5.1.0" : "bullmq:6.0.0",
    );
    const found = await engine.lint?.({ runtime: "deno", envAccess: "scoped" }) ?? [];
    assert.deepEqual(codes(found), [
      "Z4J_LINT_DENO_ENV",
      "Z4J_LINT_MIXED_MAJORS",
      "Z4J_LINT_NO_BACKOFF",
      "Z4J_LINT_NO_ERROR_LISTENER",
      "Z4J_LINT_NO_FAILED_JOBS",
      "Z4J_LINT_REDIS_EVICTION",
      "Z4J_LINT_WORKER_UNNAMED",
    ]);
    assert.ok(found.every(({ message, remedy, subject }) => message && remedy && subject));
    await raw.config("SET", "maxmemory-policy", "noeviction");
    worker.on("error", () => {});
    const after = codes(await engine.lint?.() ?? []);
    for (const code of ["REDIS_EVICTION", "NO_ERROR_LISTENER", "DENO_ENV"]) {
      assert.ok(!after.includes(`Z4J_LINT_${code}`), code);
    }
    await engine.detach();
    raw.disconnect();
    await worker.close();
    await queue.close();
  });

  it("misses the name of a worker that the agent itself has named, before, during and after", async () => {
    const name = `lint-${++count}`;
    const worker = new version.Worker(name, () => Promise.resolve(), { connection: connection() });
    worker.on("error", () => {});
    const engines = [1, 2].map((pid) => bullmqEngine({ workers: [worker], pid }));
    const unnamed = async (): Promise<readonly number[]> =>
      await Promise.all(
        engines.map(async (engine) =>
          codes(await engine.lint?.() ?? []).filter((code) => code === "Z4J_LINT_WORKER_UNNAMED")
            .length
        ),
      );
    assert.deepEqual(await unnamed(), [1, 1]);
    for (const engine of engines) {
      await engine.attach(SINK, createHost());
      assert.ok(worker.opts.name, "the agent names it");
      assert.deepEqual(await unnamed(), [1, 1]);
    }
    for (const engine of engines) {
      await engine.detach();
      assert.deepEqual(await unnamed(), [1, 1]);
    }
    assert.equal(worker.opts.name, undefined);
    await worker.close();
  });

  it("learns from the jobs that run here", async () => {
    const name = `lint-${++count}`;
    const queue = new version.Queue(name, { connection: connection() });
    const worker = new version.Worker(name, () => Promise.resolve(), {
      connection: connection(),
      name: "steady",
    });
    worker.on("error", () => {});
    let ended = 0;
    worker.on("completed", () => ended++);
    const engine = bullmqEngine({ queues: [queue], workers: [worker], stream: false });
    await engine.attach(SINK);
    await queue.add("eager", {}, { attempts: 5 });
    await queue.add("traceless", {}, { removeOnFail: 0 });
    await until("both jobs", () => ended === 2, 10_000);
    const found = await engine.lint?.() ?? [];
    assert.deepEqual(found.map(({ code, subject }) => [code, subject]), [
      ["Z4J_LINT_NO_BACKOFF", `eager in queue ${name}`],
      ["Z4J_LINT_NO_FAILED_JOBS", `traceless in queue ${name}`],
    ]);
    await engine.detach();
    await worker.close();
    await queue.close();
  });

  it("leaves no connection open when no agent runs", async () => {
    const name = `lint-${++count}`;
    const queue = new version.Queue(name, { connection: connection() });
    await queue.waitUntilReady();
    const raw = new Redis(connection());
    const clients = async (): Promise<number> =>
      String(await raw.client("LIST")).trim().split("\n").length;
    const before = await clients();
    await bullmqEngine({ queues: [queue] }).lint?.();
    await until("as many connections as before", async () => await clients() === before, 10_000);
    raw.disconnect();
    await queue.close();
  });
}

describe("rules of the lint", () => {
  it("take eviction for an error only where memory is limited", () => {
    const info = (policy: string, limit: number) =>
      `# Memory\r\nmaxmemory:${limit}\r\nmaxmemory_policy:${policy}\r\n`;
    assert.equal(evictionFinding(info("noeviction", 5)), undefined);
    assert.equal(evictionFinding(info("allkeys-lru", 5))?.severity, "error");
    assert.equal(evictionFinding(info("allkeys-lru", 0))?.severity, "warning");
    assert.equal(evictionFinding("rubbish"), undefined);
  });

  it("know the versions whose workers stop, and two generations in one process", () => {
    const six = (version: string) => ({ getBackend: () => ({ version }) });
    const code = (objects: readonly unknown[]) => codes(versionFindings(objects));
    assert.deepEqual(code([six("6.1.2")]), ["Z4J_LINT_WORKER_STOPS"]);
    assert.deepEqual(code([six("6.0.10")]), ["Z4J_LINT_WORKER_STOPS"]);
    assert.deepEqual(code([six("6.2.0"), six("6.10.1")]), []);
    assert.deepEqual(code([six("6.7.0"), {}]), ["Z4J_LINT_MIXED_MAJORS"]);
    assert.deepEqual(code([{}, {}]), []);
  });

  it("reckon the run time that 99 of 100 attempts stay under", () => {
    const observer = createJobObserver();
    for (let i = 1; i <= 19; i++) observer.ended("q", { processedOn: 1000, finishedOn: 1000 + i });
    assert.equal(observer.p99Ms("q"), undefined, "too few");
    for (let i = 0; i < 1000; i++) observer.ended("q", { processedOn: 1000, finishedOn: 1007 });
    observer.ended("q", { processedOn: 1000, finishedOn: 41_000 });
    assert.equal(observer.p99Ms("q"), 7);
    for (let i = 0; i < 9; i++) observer.ended("q", { processedOn: 1000, finishedOn: 41_000 });
    assert.equal(observer.p99Ms("q"), 40_000);
  });
});

function codes(found: readonly EngineFinding[]): readonly string[] {
  return found.map(({ code }) => code).sort();
}
