import { deepStrictEqual as deepEqual, strictEqual as equal } from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { systemClock } from "../../src/base/clock.ts";
import { bullmqEngine } from "../../src/engines/bullmq/mod.ts";
import { BULLMQ } from "../../src/engines/bullmq/profile.ts";
import { openRedis, type RedisLink } from "../../src/engines/bullmq/redis/link.ts";
import { createRedisOrigin } from "../../src/engines/bullmq/redis/origin.ts";
import { createReporter } from "../../src/engines/bullmq/reporter.ts";
import { createGapReport } from "../../src/engines/bullmq/stream/gap_report.ts";
import { sharedKeys } from "../../src/engines/bullmq/stream/keys.ts";
import { LEASE_MS } from "../../src/engines/bullmq/stream/limits.ts";
import { parsePosition, type Position } from "../../src/engines/bullmq/stream/position.ts";
import { runStreamReader } from "../../src/engines/bullmq/stream/reader.ts";
import { COLLECT, COMMIT, RELEASE } from "../../src/engines/bullmq/stream/scripts.ts";
import { WatchedQueue } from "../../src/engines/bullmq/stream/watched_queue.ts";
import { createHost, createSeen } from "../_support/bullmq_stream.ts";
import { type RedisServer, startRedis, withoutRedis } from "../_support/redis.ts";
import { until } from "../_support/wait.ts";

let redis: RedisServer | undefined;
let client: Redis | undefined;

if (!withoutRedis()) {
  before(async () => {
    redis = await startRedis();
    client = new Redis({ ...address(), maxRetriesPerRequest: null });
  });
  after(async () => {
    client?.disconnect();
    await redis?.stop();
  });
  describe("the lease of the stream reader", declare);
}

describe("WatchedQueue", () => {
  it("begin() notes what was trimmed since the last reading, and settles nothing past it", () => {
    const read: Position = { id: "5-0", ordinal: 5, jobs: 5 };
    const queue = new WatchedQueue("bull", "q", read);
    const state = { length: 2, added: 10, first: "9-0", taken: 2, last: "10-0", jobs: 10 };
    queue.begin(state);
    queue.finish(state);
    equal(queue.gap?.entries, 3);
    equal(queue.gap?.jobsAdded, 5);
    queue.settle(Infinity);
    deepEqual(queue.settled, read);
    deepEqual(queue.read, { id: "10-0", ordinal: 10, jobs: 10 });
  });
});

function declare(): void {
  it("COLLECT answers LOST to whoever does not hold the lease", async () => {
    const collect = (token: string): Promise<unknown> =>
      server().eval(
        ...[COLLECT, 2, "lease-a", "a:q:events"] as const,
        ...[token, 10, 1000, 0, "{}", 10, "a:q", "0-0"],
      );
    await server().xadd("a:q:events", "*", "event", "added", "jobId", "1");
    equal(await collect("me"), "LOST", "without any lease");
    await server().set("lease-a", "somebody");
    equal(await collect("me"), "LOST", "under the lease of another");
    equal(Array.isArray(await collect("somebody")), true);
  });

  it("COMMIT neither renews the lease of another nor moves its positions", async () => {
    await server().set("lease-b", "somebody", "PX", 60_000);
    await server().hset("cursor-b", "q", "5-0 5 5");
    equal(await commit("b", "me", "q", "1-0 1 1"), 0);
    equal(await server().get("lease-b"), "somebody");
    deepEqual(await server().hgetall("cursor-b"), { q: "5-0 5 5" });
  });

  it("COMMIT keeps the positions of the holder", async () => {
    equal(await commit("c", "me", "q", "1-0 1 1"), 1);
    equal(await commit("c", "me", "q", "2-0 2 2", "other", "9-0 9 9"), 1);
    deepEqual(await server().hgetall("cursor-c"), { q: "2-0 2 2", other: "9-0 9 9" });
    equal(await server().get("lease-c"), "me");
  });

  it("RELEASE leaves the lease of another alone", async () => {
    await server().set("lease-d", "somebody");
    equal(await server().eval(RELEASE, 1, "lease-d", "me"), 0);
    equal(await server().get("lease-d"), "somebody");
    equal(await server().eval(RELEASE, 1, "lease-d", "somebody"), 1);
    equal(await server().exists("lease-d"), 0);
  });

  it("tells nothing of a round during which its lease ran out", frozenReader);

  it("moves no position past events that are not on disk", async () => {
    const prefix = "disk";
    const queue = new Queue<unknown>("q", { connection: address(), prefix });
    await queue.add("x", {});
    let isStored = false;
    let storing: (() => void)[] = [];
    const host = {
      ...createHost(),
      stored: () => isStored ? Promise.resolve() : new Promise<void>((done) => storing.push(done)),
    };
    const seen = createSeen();
    const engine = bullmqEngine({
      prefix,
      connection: (options) => new Redis({ ...options, ...address() }),
    });
    await engine.attach(seen.sink, host);
    await until("the event", () => seen.of("task.received").length === 1);
    const { cursors } = sharedKeys("test", prefix);
    const position = async (): Promise<string> =>
      parsePosition(await server().hget(cursors, "q"))?.id ?? "0-0";
    // More rounds than one, if the reader did not wait.
    for (let round = 0; round < 30; round++) {
      equal(await position(), "0-0");
      await new Promise((done) => setTimeout(done, 40));
    }
    isStored = true;
    for (const done of storing.splice(0)) done();
    storing = [];
    await until("the position", async () => await position() !== "0-0");
    await engine.detach();
    await queue.close();
  });
}

/** As if the process had been stopped between Redis' answer and its telling. */
async function frozenReader(): Promise<void> {
  const prefix = "frozen";
  const queue = new Queue<unknown>("q", { connection: address(), prefix });
  await queue.add("x", {});
  const keys = sharedKeys("test", prefix);
  let frozenMs = 0;
  const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + frozenMs };
  const seen = createSeen();
  const toldToTheFenced: number[] = [];
  const real = link("commands");
  const commands: RedisLink = {
    client: () => real.client(),
    drop: () => real.drop(),
    close: () => real.close(),
    async call(command, values = [], deadlineMs) {
      const answer = await real.call(command, values, deadlineMs);
      if (values[0] === COLLECT && frozenMs === 0) {
        frozenMs = LEASE_MS + 1;
        await server().set(keys.lease, "somebody", "PX", 300);
      }
      if (values[0] === COMMIT && answer.ended === "value" && answer.value === 0) {
        toldToTheFenced.push(seen.events.length);
      }
      return answer;
    },
  };
  const blocking = link("blocking");
  const control = new AbortController();
  const running = runStreamReader({
    ...{ commands, blocking, prefix, clock, token: "me", signal: control.signal },
    ownWorkers: () => [],
    known: () => [],
    host: createHost(),
    sink: seen.sink,
    reporter: createReporter(seen.sink, BULLMQ, clock),
    profile: BULLMQ,
    gaps: createGapReport(seen.sink),
  });
  await until("the arrival", () => seen.of("task.received").length === 1);
  equal(toldToTheFenced[0], 0, "it was told before the lease was back");
  control.abort();
  blocking.drop();
  await running;
  equal(seen.of("task.received").length, 1);
  commands.close();
  blocking.close();
  await queue.close();
}

function commit(name: string, token: string, ...fields: readonly string[]): Promise<unknown> {
  return server().eval(
    ...[COMMIT, 2, `lease-${name}`, `cursor-${name}`] as const,
    ...[token, 60_000, ...fields],
  );
}

function link(role: "commands" | "blocking"): RedisLink {
  const connection = (options: object): Redis => new Redis({ ...options, ...address() });
  return openRedis({
    origin: createRedisOrigin(connection, () => [], systemClock),
    role,
    clock: systemClock,
  });
}

function server(): Redis {
  if (client === undefined) throw new Error("Cannot ask Redis: it did not start");
  return client;
}

function address(): { readonly host: string; readonly port: number } {
  return { host: "127.0.0.1", port: redis?.port ?? 0 };
}
