/**
 * The demo app: a Hono app with a queue and two croner schedules. On Bun the
 * queue is bunqueue, embedded; on Deno it is BullMQ when `REDIS_URL` is set,
 * else plain functions with the manual engine.
 */
import process from "node:process";
import { createAgent } from "@z4j/core";
import { z4j } from "@z4j/core/hono";
import { cronerScheduler } from "@z4j/core/schedulers/croner";
import * as croner from "croner";
import { Hono } from "hono";
import { serve } from "../hono-bullmq/serve.ts";
import { openDemoQueue } from "./queue.ts";

const queue = await openDemoQueue();
let count = 0;

/** Enqueues one job of each kind. */
async function enqueueSome(): Promise<number> {
  count += 1;
  await queue.add("mail.send", { to: count });
  await queue.add("report.render", { page: count });
  if (count % 2 === 1) await queue.add("card.charge", { invoice: count });
  return count;
}

const jobs = [
  new croner.Cron("* * * * * *", { name: "enqueue", protect: true, catch: true }, async () => {
    await enqueueSome();
  }),
  new croner.Cron("*/5 * * * * *", { name: "cleanup", catch: true }, () => {
    if (count % 4 === 0) throw new Error("nothing to clean up");
  }),
];

const agent = createAgent({ engines: [queue.engine], schedulers: [cronerScheduler({ croner })] });
const app = new Hono();
app.use(z4j(agent, { healthPath: "/healthz" }));
app.post("/jobs", async (c) => c.json({ enqueued: await enqueueSome() }, 202));

const server = serve(app.fetch, Number(process.env["PORT"] ?? 0));

process.on("SIGTERM", async () => {
  for (const job of jobs) job.stop();
  await server.stop();
  await queue.close();
  await agent.stop({ timeoutMs: 2000 });
  process.exit(0);
});
