/**
 * A Hono app with a BullMQ queue and a croner schedule, watched by z4j.
 *
 *     bun examples/hono-bullmq/main.ts
 *     deno run -A examples/hono-bullmq/main.ts
 *
 * Reads the `Z4J_*` variables, `REDIS_URL` and `PORT`. Then:
 *
 *     curl -X POST localhost:3000/jobs -d '{"name":"flaky"}'
 */
import process from "node:process";
import { createAgent } from "@z4j/core";
import { bullmqEngine } from "@z4j/core/engines/bullmq";
import { z4j } from "@z4j/core/hono";
import { cronerScheduler } from "@z4j/core/schedulers/croner";
import { type Job, type JobsOptions, Queue, Worker } from "bullmq";
import * as croner from "croner";
import { Hono } from "hono";
import { Redis } from "ioredis";
import { serve } from "./serve.ts";

const port = Number(process.env["PORT"] ?? 3000);
const connection = new Redis(process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379", {
  maxRetriesPerRequest: null,
});

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const handlers: Readonly<Record<string, (job: Job) => Promise<unknown>>> = {
  ok: (job) => Promise.resolve({ echo: job.data }),
  fail: () => Promise.reject(new Error("this job always fails")),
  flaky: (job) =>
    job.attemptsMade < 2
      ? Promise.reject(new Error(`attempt ${job.attemptsMade + 1} fails`))
      : Promise.resolve({ attempts: job.attemptsMade + 1 }),
  slow: async (job) => {
    const ms = Number(job.data?.ms ?? 1000);
    await pause(ms);
    return { ms };
  },
};

const jobs = new Queue("jobs", { connection });
const worker = new Worker(
  "jobs",
  (job) => handlers[job.name]?.(job) ?? Promise.reject(new Error(`no job is named ${job.name}`)),
  { connection, concurrency: 10, name: `hono-bullmq-${process.pid}` },
);
const tick = new croner.Cron(
  "*/2 * * * * *",
  { name: "tick", protect: true, catch: true },
  () => {},
);

const agent = createAgent({
  engines: [bullmqEngine({ queues: [jobs], workers: [worker] })],
  schedulers: [cronerScheduler({ croner })],
});

const app = new Hono();
app.use(z4j(agent, { healthPath: "/healthz" }));
app.post("/jobs", async (c) => {
  const { name = "ok", data = {}, opts = {} } = await c.req.json<
    { name?: string; data?: unknown; opts?: JobsOptions }
  >();
  if (!(name in handlers)) return c.json({ error: `no job is named ${name}` }, 400);
  const retries: JobsOptions = name === "flaky" ? { attempts: 3 } : {};
  const job = await jobs.add(name, data, { ...retries, ...opts });
  return c.json({ id: job.id, task_id: `jobs:${job.id}` }, 202);
});

const server = serve(app.fetch, port);
console.log(`listening on http://127.0.0.1:${port}`);

let stopping = false;
const shutdown = async (): Promise<void> => {
  if (stopping) return;
  stopping = true;
  tick.stop();
  await server.stop();
  await worker.close();
  await agent.stop();
  await jobs.close();
  connection.disconnect();
  process.exit(0);
};
process.on("SIGTERM", shutdown);
process.on("SIGINT", shutdown);
