// One process of a fleet that shares tokens:
// `fleet_child.ts <web|clock|worker|kept> <queue> <redis url> [bullmq]`. A clock has a croner job
// and no engine; a worker has BullMQ's, and its schedulers with the last word; the kept one has
// been up for a minute, has an engine `manual` of its own, and drains at SIGTERM.
import process from "node:process";
import { Queue, Worker } from "bullmq";
import { Cron } from "croner";
import { Redis } from "ioredis";
import { type AgentOptions, createAgent } from "../../mod.ts";
import { bullmqEngine } from "../../src/engines/bullmq/mod.ts";
import { manualEngine } from "../../src/engines/manual/mod.ts";
import { bullmqScheduler } from "../../src/schedulers/bullmq/mod.ts";
import { cronerScheduler } from "../../src/schedulers/croner/mod.ts";

const [kind = "", name = "", url = "", brings = ""] = process.argv.slice(2);

/** Starts an agent; that of the kept process tells that it is older than it is. */
async function run(options: AgentOptions): Promise<void> {
  const { now } = Date;
  // Nothing younger than a minute is restarted.
  if (kind === "kept") Date.now = () => now() - 61_000;
  const agent = createAgent({ logLevel: "error", ...options });
  Date.now = now;
  await agent.start();
  await agent.ready({ timeoutMs: 30_000 });
  process.on("SIGUSR2", async () => {
    await agent.stop();
    await agent.start();
  });
}

const redis = (): Redis => new Redis(url, { maxRetriesPerRequest: null });

if (kind === "web") {
  await run({ framework: "hono" });
  setInterval(() => {}, 1000);
} else if (kind === "clock") {
  const runs = redis();
  const yearly = new Cron("0 0 1 1 *", { name: "yearly" }, () => void runs.incr("runs"));
  await run({ schedulers: [cronerScheduler({ jobs: [yearly] })] });
} else {
  const connection = redis();
  const isKept = kind === "kept";
  const queue = new Queue(name, { connection });
  const worker = new Worker(name, async (job) => {
    const isFirstTry = await connection.incr(`tries:${name}:${job.id}`) === 1;
    if (job.data.fail === true && isFirstTry) throw new Error("the first try fails");
    while (job.data.gate === true && await connection.get("gate") !== "open") {
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
    return { n: job.data.n };
  }, { connection, name: `${name}-${isKept ? "kept-" : ""}${process.pid}`, concurrency: 2 });
  const manual = manualEngine();
  manual.task("tick", () => connection.incr("ticks"));
  await run({
    engines: [
      bullmqEngine({ queues: [queue], workers: [worker] }),
      ...(isKept ? [manual] : []),
    ],
    schedulers: brings === "bullmq" ? [bullmqScheduler({ queues: [queue] })] : [],
  });
  if (isKept) {
    worker.on("closing", () => console.log("draining"));
    process.once("SIGTERM", async () => {
      await worker.close();
      console.log("ended");
      process.exit(0);
    });
  }
}
console.log(`up ${process.pid}`);
