// One half of an app: `context_child.ts <web|worker> <bullmq|bullmq5>`, with the
// agent's variables and REDIS_URL in the environment. The web half answers one
// request, which also makes a schedule; the worker half runs its job, the child
// job that this one adds, and the runs of the schedule in a sandbox.
import process from "node:process";
import { Hono } from "hono";
import { createAgent, type ManagedAgent } from "../../mod.ts";
import { bullmqEngine } from "../../src/engines/bullmq/mod.ts";
import { z4j } from "../../src/web/hono.ts";

const [role = "", major = "bullmq"] = process.argv.slice(2);
const { Queue, Worker } = await import(major) as typeof import("bullmq");
const port = Number(new URL(process.env["REDIS_URL"] ?? "").port);
const connection = { host: "127.0.0.1", port };

if (role === "web") {
  const mail = new Queue("mail", { connection });
  const digest = new Queue("digest", { connection });
  const agent = createAgent({ engines: [bullmqEngine({ queues: [mail, digest] })], skip: false });
  const app = new Hono();
  app.use(z4j(agent, { identify: (c) => ({ user: c.req.header("x-user"), tenant: "acme" }) }));
  app.post("/orders/:id/mail", async (c) => {
    const opts = Object.freeze({ attempts: 2 });
    const job = await mail.add("welcome", { order: c.req.param("id") }, opts);
    const cadence = { every: 3_600_000, limit: 1 };
    const run = await digest.upsertJobScheduler(major, cadence, { name: "run", data: { major } });
    const { traceId: trace, spanId: span } = agent.context.current() ?? {};
    return c.json({ id: `mail:${job.id}`, run: `digest:${run?.id}`, trace, span });
  });
  await agent.start();
  const headers = {
    "x-request-id": "req-42",
    "x-user": "u7",
    traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    tracestate: "rojo=1,congo=2",
  };
  const response = await app.request("/orders/9/mail", { method: "POST", headers });
  console.log(await response.text());
  await agent.stop();
  await Promise.all([mail.close(), digest.close()]);
} else {
  const audit = new Queue("audit", { connection });
  process.env["Z4J_TEST_REDIS_PORT"] = String(port);
  const processor = new URL("./sandboxed_processor.ts", import.meta.url);
  const held: { agent?: ManagedAgent } = {};
  const current = () => held.agent?.context.current();
  const workers = [
    new Worker("mail", async (job) => {
      await Promise.resolve();
      if (job.attemptsMade === 0) throw new Error("once");
      const child = await audit.add("note", { about: job.id });
      return { data: job.data as unknown, child: `audit:${child.id}`, seen: current() };
    }, { connection, autorun: false }),
    new Worker("audit", (job) => Promise.resolve({ data: job.data as unknown, seen: current() }), {
      connection,
      autorun: false,
    }),
    new Worker("digest", processor, { connection, autorun: false }),
  ];
  const engine = bullmqEngine({ queues: [audit], workers });
  const agent = held.agent = createAgent({ engines: [engine], skip: false });
  await agent.start();
  await agent.ready({ timeoutMs: 20_000 });
  for (const worker of workers) void worker.run();
  console.log("ready");
  setInterval(() => {}, 1000);
}
