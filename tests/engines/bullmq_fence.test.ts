/**
 * The fence of the one reader: a process that slept while its lease went to
 * another must neither speak nor move positions when it wakes. The lease is taken
 * away right before the command that has to notice it, where no luck is needed.
 */
import { deepStrictEqual as deepEqual, strictEqual as equal } from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { bullmqEngine } from "../../src/engines/bullmq/mod.ts";
import { COLLECT, COMMIT } from "../../src/engines/bullmq/stream/scripts.ts";
import { createHost, createSeen } from "../_support/bullmq_stream.ts";
import { type RedisServer, startRedis, withoutRedis } from "../_support/redis.ts";
import { until } from "../_support/wait.ts";

let redis: RedisServer | undefined;

if (!withoutRedis()) {
  before(async () => {
    redis = await startRedis();
  });
  after(() => redis?.stop());
  describe("the fence of the stream reader", declare);
}

function declare(): void {
  it("a reader that lost its lease tells nothing, and the next one tells it once", async () => {
    await using bed = await open("silent");
    const stolen = bed.stealBefore(COLLECT);
    await bed.queue.add("x", {});
    await stolen;
    await bed.steps(1);
    deepEqual(bed.seen.events, []);
    await bed.client.del(bed.lease);
    await until("the job", () => bed.seen.events.length > 0);
    deepEqual(bed.seen.story("q:1"), ["sent", "received"]);
  });

  it("a reader that lost its lease moves no position of the one that has it", async () => {
    await using bed = await open("still");
    await bed.queue.add("x", {});
    await until("the job", () => bed.seen.story("q:1").length === 2);
    await bed.stealBefore(COMMIT);
    await bed.client.hset(bed.cursors, "q", FURTHER);
    await bed.steps(2);
    equal(await bed.client.get(bed.lease), SOMEBODY);
    equal(await bed.client.hget(bed.cursors, "q"), FURTHER);
  });
}

const SOMEBODY = "somebody else";
const FURTHER = "9999999999999-0 0 0 0";

async function open(prefix: string) {
  const address = { host: "127.0.0.1", port: redis?.port ?? 0 };
  const client = new Redis(address);
  const queue = new Queue("q", { connection: address, prefix });
  const seen = createSeen();
  const [lease, cursors] = [`z4j:lease:test:${prefix}`, `z4j:cursor:test:${prefix}`];
  let commits = 0;
  let target: string | undefined;
  let stolen = (): void => {};
  const engine = bullmqEngine({
    prefix,
    connection: (options) => {
      const reader = new Redis({ ...options, ...address });
      const call = reader.call.bind(reader) as (...values: unknown[]) => Promise<unknown>;
      reader.call = (async (...values: unknown[]) => {
        const script = values.flat().find((value) => value === COLLECT || value === COMMIT);
        if (script !== undefined && script === target) {
          target = undefined;
          await client.set(lease, SOMEBODY, "PX", 60_000);
          stolen();
        }
        const answer = await call(...values);
        if (script === COMMIT) commits++;
        return answer;
      }) as typeof reader.call;
      return reader;
    },
  });
  await engine.attach(seen.sink, createHost());
  await until("its lease", async () => await client.hexists(cursors, "q") === 1);
  return {
    client,
    queue,
    seen,
    lease,
    cursors,
    /** Gives the lease to somebody else right before the reader sends this script. */
    stealBefore(script: string): Promise<void> {
      target = script;
      return new Promise((resolve) => stolen = resolve);
    },
    /** Waits until the reader has asked for its lease so often again. */
    async steps(count: number): Promise<void> {
      const least = commits + count;
      await until("its next steps", () => commits >= least);
    },
    async [Symbol.asyncDispose]() {
      await engine.detach();
      client.disconnect();
      await queue.close();
    },
  };
}
