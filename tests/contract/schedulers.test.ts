import { after, before, describe, it } from "node:test";
import { Cron } from "croner";
import { bullmqScheduler } from "../../src/schedulers/bullmq/mod.ts";
import { cronerScheduler } from "../../src/schedulers/croner/mod.ts";
import { type SchedulerFixture, testScheduler } from "../../src/testing/scheduler_contract.ts";
import { BULLMQ_VERSIONS, type BullmqVersion } from "../_support/bullmq_versions.ts";
import { type RedisServer, startRedis, withoutRedis } from "../_support/redis.ts";

let redis: RedisServer | undefined;
let queues = 0;

if (!withoutRedis()) {
  before(async () => {
    redis = await startRedis();
  });
  after(() => redis?.stop());
  for (const version of BULLMQ_VERSIONS) {
    const title = `bullmqScheduler() with ${version.name}`;
    testScheduler({ describe, it }, title, () => openBullmq(version));
  }
}

async function openBullmq({ Queue, Worker }: BullmqVersion): Promise<SchedulerFixture> {
  const connection = { host: "127.0.0.1", port: redis?.port ?? 0, maxRetriesPerRequest: null };
  const name = `contract-${++queues}`;
  let runs = 0;
  const queue = new Queue(name, { connection });
  const worker = new Worker(name, () => Promise.resolve(void runs++), { connection });
  await queue.upsertJobScheduler("yearly", { pattern: "0 0 1 1 *", tz: "UTC" }, { name: "report" });
  await worker.waitUntilReady();
  return {
    scheduler: bullmqScheduler({ queues: [queue], workers: [worker] }),
    key: `${name}:yearly`,
    runs: () => runs,
    async close() {
      await worker.close(true);
      await queue.close();
    },
  };
}

testScheduler({ describe, it }, "cronerScheduler()", () => {
  let runs = 0;
  const job = new Cron("0 0 1 1 *", { name: "contract-yearly", unref: true }, () => {
    runs++;
  });
  return {
    scheduler: cronerScheduler({ jobs: [job] }),
    key: "contract-yearly",
    runs: () => runs,
    close: () => job.stop(),
  };
});
