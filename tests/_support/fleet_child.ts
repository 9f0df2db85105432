// One process of a fleet that shares tokens: `fleet_child.ts <web|worker> <queue> <redis url>`.
import process from "node:process";
import { Queue, Worker } from "bullmq";
import { Redis } from "ioredis";
import { startAgent } from "../../mod.ts";
import { bullmqEngine } from "../../src/engines/bullmq/mod.ts";

const [kind = "", name = "", url = ""] = process.argv.slice(2);
if (kind === "web") {
  await startAgent({ framework: "hono", skip: false, logLevel: "error" });
  setInterval(() => {}, 1000);
} else {
  const connection = new Redis(url, { maxRetriesPerRequest: null });
  const queue = new Queue(name, { connection });
  const worker = new Worker(name, (job) => {
    if (job.data.fail === true && job.attemptsMade === 0) throw new Error("the first try fails");
    return Promise.resolve({ n: job.data.n });
  }, { connection, name: `${name}-${process.pid}` });
  await startAgent({
    engines: [bullmqEngine({ queues: [queue], workers: [worker] })],
    skip: false,
    logLevel: "error",
  });
}
console.log("up");
