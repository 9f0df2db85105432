import { deepStrictEqual as deepEqual, ok, strictEqual as equal } from "node:assert/strict";
import process from "node:process";
import { after, before, describe, it } from "node:test";
import { Queue } from "bullmq";
import { Queue as Queue5 } from "bullmq5";
import { Redis } from "ioredis";
import { Redis as Redis5 } from "ioredis5";
import { systemClock } from "../../src/base/clock.ts";
import type { RedisRole } from "../../src/engines/bullmq/redis/client.ts";
import { openRedis, type RedisLink } from "../../src/engines/bullmq/redis/link.ts";
import { createRedisOrigin, type RedisConnection } from "../../src/engines/bullmq/redis/origin.ts";
import { type RedisServer, startRedis, withoutRedis } from "../_support/redis.ts";
import { until } from "../_support/wait.ts";

let redis: RedisServer | undefined;

if (!withoutRedis()) {
  before(async () => {
    redis = await startRedis();
  });
  after(() => redis?.stop());
  describe("openRedis()", declare);
}

function declare(): void {
  for (const [version, make] of [["5", queue5], ["6", queue6]] as const) {
    it(`copies the client behind a queue of BullMQ ${version}`, async () => {
      const queue = make();
      queue.on("error", () => {});
      const link = open(undefined, [{}, queue]);
      deepEqual(await link.call("PING"), { ended: "value", value: "PONG" });
      const answer = await link.call("CLIENT", ["GETNAME"]);
      deepEqual(answer, { ended: "value", value: "z4j-commands" });
      link.close();
      equal((await link.call("PING")).ended, "unreached");
      await queue.close();
    });
  }

  type Options = Readonly<Record<string, unknown>>;
  for (
    const [version, make] of [
      ["5", (options: Options) => new Redis5(options)],
      ["6", (options: Options) => new Redis(options)],
    ] as const
  ) {
    it(`takes a client, options and a factory of ioredis ${version}`, async () => {
      const client = make({ ...address(), lazyConnect: true });
      for (
        const connection of [
          client,
          (options: Options) => make({ ...options, ...address() }),
        ] as readonly RedisConnection[]
      ) {
        const link = open(connection, []);
        deepEqual(await link.call("ECHO", ["x"]), { ended: "value", value: "x" });
        link.close();
      }
      equal(client.status, "wait", "the given client itself is not used");
      client.disconnect();
    });
  }

  it("lets options replace those of a queue", async () => {
    const queue = queue6();
    const link = open({ url: `${redis?.url}/3` }, [queue]);
    await link.call("SET", ["there", 1]);
    deepEqual(await link.call("MOVE", ["there", 0]), { ended: "value", value: 1 });
    link.close();
    await queue.close();
  });

  it("tells a refusal from a command that never left", async () => {
    const link = open(factory(), []);
    await link.call("SET", ["text", "x"]);
    const refused = await link.call("XLEN", ["text"]);
    equal(refused.ended === "refused" && refused.code, "WRONGTYPE");
    link.close();
    const nowhere = open((options) => new Redis({ ...options, host: "127.0.0.1", port: 1 }), []);
    const before = performance.now();
    for (let i = 0; i < 50; i++) equal((await nowhere.call("PING")).ended, "unreached");
    ok(performance.now() - before < 5000, "it fails fast");
    nowhere.close();
  });

  it("survives a killed connection and a server that hangs", async () => {
    const own = await startRedis();
    const link = open((options) => new Redis({ ...options, port: own.port }), []);
    const other = new Redis({ port: own.port });
    other.on("error", () => {});
    equal((await link.call("PING")).ended, "value");
    const waiting = link.call("BLPOP", ["nothing", 0], 60_000);
    await until("a blocked client", async () => /z4j/.test(String(await other.client("LIST"))));
    await other.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    equal((await waiting).ended, "unknown");
    await until("a new connection", async () => (await link.call("PING")).ended === "value");
    process.kill(own.pid, "SIGSTOP");
    equal((await link.call("INCR", ["n"], 100)).ended, "unknown");
    process.kill(own.pid, "SIGCONT");
    await until("an answer again", async () => (await link.call("PING")).ended === "value");
    link.close();
    other.disconnect();
    await own.stop();
  });
}

function address(): { readonly host: string; readonly port: number } {
  return { host: "127.0.0.1", port: redis?.port ?? 0 };
}

function factory(): RedisConnection {
  return (options) => new Redis({ ...options, ...address() });
}

function queue6(): Queue {
  return new Queue("origin", { connection: address() });
}

function queue5(): Queue5 {
  return new Queue5("origin", { connection: address() });
}

function open(
  connection: RedisConnection | undefined,
  owners: readonly unknown[],
  role: RedisRole = "commands",
): RedisLink {
  const origin = createRedisOrigin(connection, () => owners, systemClock);
  return openRedis({ origin, role, clock: systemClock });
}
