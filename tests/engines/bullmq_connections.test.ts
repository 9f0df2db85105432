import { ok } from "node:assert/strict";
import { describe, it } from "node:test";
import { Redis } from "ioredis";
import { context, createHost, given, MAJORS, openCommandBed } from "../_support/bullmq_commands.ts";
import { startRedis, withoutRedis } from "../_support/redis.ts";

if (!withoutRedis()) {
  describe("connections of the BullMQ engine", () => {
    for (const [version, bullmq] of MAJORS) {
      it(`are two per process, whatever the number of queues, BullMQ ${version}`, async () => {
        const redis = await startRedis();
        const raw = new Redis(redis.port, "127.0.0.1");
        const { Queue } = bullmq;
        const connection = { host: "127.0.0.1", port: redis.port, maxRetriesPerRequest: null };
        const others = Array.from({ length: 30 }, (_, i) => new Queue(`more-${i}`, { connection }));
        const bed = await openCommandBed({
          port: redis.port,
          bullmq,
          host: createHost(),
          processor: () => Promise.resolve(),
          engine: { queues: others },
        });
        for (const { name } of others) {
          await given(bed.engine.actions.pauseQueue?.(name, context()));
        }
        await bed.engine.health?.();
        const list = String(await raw.call("CLIENT", "LIST"));
        const own = list.split("\n").filter((line) => / name=z4j-/.test(line));
        ok(own.length >= 1 && own.length <= 2, own.join("\n"));
        await bed[Symbol.asyncDispose]();
        await Promise.all(others.map((queue) => queue.close()));
        raw.disconnect();
        await redis.stop();
      });
    }
  });
}
