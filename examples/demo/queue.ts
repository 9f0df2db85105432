import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { Engine } from "@z4j/core/engines";
import { bullmqEngine } from "@z4j/core/engines/bullmq";
import { bunqueueEngine } from "@z4j/core/engines/bunqueue";
import { manualEngine } from "@z4j/core/engines/manual";
import { chargeCard, renderReport, sendMail } from "./jobs.ts";

/** The queue of the demo, whatever keeps it. */
export interface DemoQueue {
  readonly engine: Engine;
  add(name: string, data: object): Promise<unknown>;
  close(): Promise<unknown>;
}

interface DemoJob {
  readonly name: string;
  // deno-lint-ignore no-explicit-any -- job data is whatever was enqueued
  readonly data: any;
  readonly attemptsMade: number;
}

const run = ({ name, data, attemptsMade }: DemoJob): Promise<unknown> => {
  if (name === "mail.send") return sendMail(data);
  if (name === "card.charge") return chargeCard(data, attemptsMade + 1);
  return renderReport(data);
};

// A card is worth two more attempts, a broken report is not.
const attempts = (name: string): number => name === "card.charge" ? 3 : 1;

/** Opens the queue that suits this runtime. */
export async function openDemoQueue(): Promise<DemoQueue> {
  const redisUrl = process.env["REDIS_URL"];
  if ("Bun" in globalThis) return await openBunqueue();
  return redisUrl === undefined ? openManual() : await openBullmq(redisUrl);
}

async function openBunqueue(): Promise<DemoQueue> {
  const { Queue, Worker } = await import("bunqueue/client");
  const dataPath = join(mkdtempSync(join(tmpdir(), "z4j-demo-queue-")), "queue.db");
  const queue = new Queue("demo", { embedded: true, dataPath });
  const worker = new Worker("demo", run, { embedded: true, dataPath, concurrency: 5 });
  worker.on("error", console.error);
  return {
    engine: bunqueueEngine({
      queues: [queue],
      workers: [worker],
      workerName: `demo-${process.pid}`,
      pid: process.pid,
    }),
    add: (name, data) => queue.add(name, data, { attempts: attempts(name), backoff: 300 }),
    close: () => worker.close(),
  };
}

async function openBullmq(redisUrl: string): Promise<DemoQueue> {
  const { Queue, Worker } = await import("bullmq");
  const { Redis } = await import("ioredis");
  const connection = new Redis(redisUrl, { maxRetriesPerRequest: null });
  const queue = new Queue("demo", { connection });
  const worker = new Worker("demo", run, { connection, name: `demo-${process.pid}` });
  worker.on("error", console.error);
  return {
    engine: bullmqEngine({ queues: [queue], workers: [worker], pid: process.pid }),
    add: (name, data) => queue.add(name, data, { attempts: attempts(name), backoff: 300 }),
    async close() {
      await worker.close();
      await queue.close();
      connection.disconnect();
    },
  };
}

function openManual(): DemoQueue {
  const engine = manualEngine({ workerName: `demo-${process.pid}`, pid: process.pid });
  const tries = new Map<object, number>();
  const names = ["mail.send", "card.charge", "report.render"];
  const tasks = new Map(names.map((name) => [
    name,
    engine.task(name, (data: object) => {
      const attemptsMade = tries.get(data) ?? 0;
      tries.set(data, attemptsMade + 1);
      return run({ name, data, attemptsMade });
    }, { retries: attempts(name) - 1, backoffMs: 300 }),
  ]));
  return {
    engine,
    add(name, data) {
      // A queue returns at once; whoever wants the outcome looks at the brain.
      tasks.get(name)?.(data).catch(() => {}).finally(() => tries.delete(data));
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}
