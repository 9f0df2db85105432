/**
 * Runs BullMQ workers: `bullmq_host.ts bare <redis port>` without an agent,
 * `bullmq_host.ts agent <redis port> <home> <access as JSON>` with one. A word is
 * `<queue> <jobs> <milliseconds of a job>`: it runs the jobs of the queue and
 * answers how long that took. `idle` waits until the agent has delivered.
 */
import process from "node:process";
import * as bullmq from "bullmq";
import { Redis } from "ioredis";
import { bullmqEngine } from "../../src/engines/bullmq/mod.ts";
import { benchAgent } from "./bench_agent.ts";
import type { BrainAccess } from "./brain.ts";
import { cpuMs } from "./measure.ts";
import { serveWords } from "./peer.ts";

const CONCURRENCY = 50;
const [mode = "bare", port = "6379", home = "", access = "{}"] = process.argv.slice(2);
const connection = { host: "127.0.0.1", port: Number(port) };

const agent = mode !== "agent" ? undefined : benchAgent(JSON.parse(access) as BrainAccess, home, {
  engines: [bullmqEngine({
    bullmq,
    pid: process.pid,
    connection: (options) => new Redis({ ...options, ...connection }),
  })],
});
await agent?.start();
await agent?.ready();

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function run(queue: string, jobs: number, takesMs: number): Promise<object> {
  let left = jobs;
  let over = (): void => {};
  const done = new Promise<void>((resolve) => over = resolve);
  const ends: [string, number][] = [];
  const worker = new bullmq.Worker(queue, async (job) => {
    if (takesMs > 0) await wait(takesMs);
    return { sent: 1, to: job.data.to };
  }, { connection, concurrency: CONCURRENCY, autorun: false });
  await worker.waitUntilReady();
  worker.on("completed", (job) => {
    if (jobs <= 1_000) ends.push([String(job.id), Date.now()]);
    if (--left === 0) over();
  });
  const cpuBefore = cpuMs();
  const startedAt = performance.now();
  worker.run().catch(() => {});
  await done;
  const ms = performance.now() - startedAt;
  const cpu = cpuMs() - cpuBefore;
  await worker.close();
  return { ms, cpuMs: cpu, ends };
}

await serveWords({ mode }, async (word) => {
  const [queue = "", jobs = "0", takesMs = "0"] = word.split(" ");
  if (queue !== "idle") return await run(queue, Number(jobs), Number(takesMs));
  // The reader may report more meanwhile.
  const until = performance.now() + 50_000;
  while (agent !== undefined && performance.now() < until) {
    if ((await agent.flush({ timeoutMs: 20_000 })).remaining === 0) break;
  }
  return {};
});
await agent?.stop();
process.exit();
