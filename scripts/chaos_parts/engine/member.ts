/**
 * A process with an agent, workers, or both: `member.ts MEMBER` with a JSON of
 * what it is. The agent takes its settings from `Z4J_*`.
 */
import process from "node:process";
import { Worker } from "bullmq";
import { Redis } from "ioredis";
import { bullmqEngine } from "../../../src/engines/bullmq/mod.ts";
import { createAgent } from "../../../src/install/create_agent.ts";

/** What a process is. */
export interface Member {
  readonly name: string;
  readonly redisPort: number;
  readonly hasAgent: boolean;
  /** Queues that it has a worker for. */
  readonly queues: readonly string[];
}

/** What a job of the scenario does. */
export interface ChaosJob {
  readonly does: "ok" | "fail" | "flaky";
  readonly takesMs: number;
}

const member = JSON.parse(process.argv[2] ?? "{}") as Member;
const connection = { host: "127.0.0.1", port: member.redisPort };

async function work(job: {
  readonly data: ChaosJob;
  readonly attemptsMade: number;
}): Promise<string> {
  const { does, takesMs } = job.data;
  if (takesMs > 0) await new Promise((resolve) => setTimeout(resolve, takesMs));
  if (does === "fail") throw new RangeError("to the end");
  if (does === "flaky" && job.attemptsMade === 0) throw new Error("at first");
  return "done";
}

const workers = member.queues.map((queue) => {
  const worker = new Worker<ChaosJob, string>(queue, work, {
    connection,
    concurrency: 10,
    lockDuration: 4_000,
    stalledInterval: 1_500,
    maxStalledCount: 20,
    ...(member.hasAgent ? {} : { name: member.name }),
  });
  worker.on("error", () => {});
  return worker;
});

if (member.hasAgent) {
  const agent = createAgent({
    engines: [bullmqEngine({
      workers,
      pid: process.pid,
      connection: (options) => new Redis({ ...options, ...connection }),
    })],
  });
  await agent.start();
}
const alive = member.queues.length === 0 ? setInterval(() => {}, 60_000) : undefined;
console.log("ready");
process.once("SIGTERM", () => {
  clearInterval(alive);
  void Promise.all(workers.map((worker) => worker.close(true))).then(() => process.exit(0));
});
