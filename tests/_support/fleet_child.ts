// One process of a fleet that shares tokens:
// `fleet_child.ts <web|worker|consumer> <queue> <redis url> [croner|bullmq]`. A consumer has
// a worker and no queue object; the last word names the scheduler that a worker brings.
import process from "node:process";
import { Queue, Worker } from "bullmq";
import { Cron } from "croner";
import { Redis } from "ioredis";
import { startAgent } from "../../mod.ts";
import { bullmqEngine } from "../../src/engines/bullmq/mod.ts";
import { bullmqScheduler } from "../../src/schedulers/bullmq/mod.ts";
import { cronerScheduler } from "../../src/schedulers/croner/mod.ts";

const [kind = "", name = "", url = "", brings = ""] = process.argv.slice(2);
if (kind === "web") {
  await startAgent({ framework: "hono", skip: false, logLevel: "error" });
  setInterval(() => {}, 1000);
} else {
  const connection = new Redis(url, { maxRetriesPerRequest: null });
  const queue = new Queue(name, { connection });
  const worker = new Worker(name, async (job) => {
    const isFirstTry = await connection.incr(`tries:${name}:${job.id}`) === 1;
    if (job.data.fail === true && isFirstTry) throw new Error("the first try fails");
    return { n: job.data.n };
  }, { connection, name: `${name}-${process.pid}`, concurrency: 2 });
  const schedulers = brings === "bullmq"
    ? [bullmqScheduler({ queues: [queue] })]
    : brings === "croner"
    ? [cronerScheduler({
      jobs: [new Cron("0 0 1 1 *", { name: "yearly" }, () => void connection.incr("runs"))],
    })]
    : [];
  await startAgent({
    engines: [bullmqEngine({ queues: kind === "worker" ? [queue] : [], workers: [worker] })],
    schedulers,
    skip: false,
    logLevel: "error",
  });
}
console.log("up");
