import { deepStrictEqual as deepEqual, ok, strictEqual as equal } from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Redis } from "ioredis";
import { type Bullmq, createHost, MAJORS, openCommandBed } from "../_support/bullmq_commands.ts";
import { type RedisServer, startRedis, withoutRedis } from "../_support/redis.ts";
import { until } from "../_support/wait.ts";

let redis: RedisServer | undefined;

if (!withoutRedis()) {
  before(async () => {
    redis = await startRedis();
  });
  after(() => redis?.stop());
  for (const [version, bullmq] of MAJORS) {
    describe(`queues and workers in the heartbeat, BullMQ ${version}`, () => declare(bullmq));
  }
}

function declare(bullmq: Bullmq): void {
  const open = (scope: string, name: string) =>
    openCommandBed({
      port: redis?.port ?? 0,
      bullmq,
      name,
      host: createHost(scope),
      processor: () => Promise.resolve(),
    });

  it("tells states, pause and limits, and workers without an agent, once per project", async () => {
    const name = `picture-${bullmq === MAJORS[0]?.[1] ? 6 : 5}`;
    await using first = await open(name, name);
    const connection = { host: "127.0.0.1", port: redis?.port ?? 0, maxRetriesPerRequest: null };
    const foreign = new bullmq.Worker(name, () => Promise.resolve(), {
      connection,
      name: "someone@example.com",
    });
    await foreign.waitUntilReady();
    await first.queue.setGlobalConcurrency(7);
    await first.queue.setGlobalRateLimit(3, 1000);
    await first.queue.pause();
    await first.queue.add("x", {}, { delay: 60_000 });
    const health = await first.engine.health?.();
    const states = JSON.parse(health?.facts?.["queue_states"] ?? "{}")[name];
    equal(states.delayed, 1);
    equal(states.is_paused, true);
    deepEqual([states.concurrency, states.rate, states.rate_period_ms], [7, 3, 1000]);
    const names = health?.workers?.map((worker) => worker.name) ?? [];
    deepEqual(names, [`${name}-w`, "someone-example.com"]);
    deepEqual(health?.workers?.[1]?.queues, [name]);

    await using second = await open(name, `${name}-b`);
    const told = async (): Promise<number> => {
      const all = await Promise.all([first.engine.health?.(), second.engine.health?.()]);
      return all.filter((one) => one?.facts?.["queue_states"] !== undefined).length;
    };
    await until("one of the two tells", async () => await told() === 1);
    const all = await Promise.all([first.engine.health?.(), second.engine.health?.()]);
    const reported = all.flatMap((one) => one?.workers?.map((worker) => worker.name) ?? []);
    equal(new Set(reported).size, reported.length, `${reported}`);
    ok(reported.includes(`${name}-w`) && reported.includes(`${name}-b-w`));
    await foreign.close();
  });

  it("tells of its own workers where Redis forbids the list of clients", async () => {
    const name = `forbidden-${bullmq === MAJORS[0]?.[1] ? 6 : 5}`;
    const raw = new Redis(redis?.port ?? 0, "127.0.0.1");
    await using bed = await open(name, name);
    await raw.call("ACL", "SETUSER", "default", "-client|list");
    const health = await bed.engine.health?.();
    await raw.call("ACL", "SETUSER", "default", "+client|list");
    deepEqual(health?.workers?.map((worker) => worker.name), [`${name}-w`]);
    equal(health?.brokerConnected, true);
    raw.disconnect();
  });
}
