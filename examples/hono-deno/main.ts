/**
 * A Hono app on Deno whose background work is an async function, watched by z4j.
 *
 *     deno run -A examples/hono-deno/main.ts
 *     curl -X POST localhost:3000/mails
 *
 * Reads the `Z4J_*` variables and `PORT`.
 */
import process from "node:process";
import { createAgent } from "@z4j/core";
import { manualEngine } from "@z4j/core/engines/manual";
import { z4j } from "@z4j/core/hono";
import { Hono } from "hono";

const jobs = manualEngine();
const sendMail = jobs.task("sendMail", (to: string) => Promise.resolve({ sentTo: to }));

const agent = createAgent({ engines: [jobs] });
const app = new Hono();
app.use(z4j(agent, { healthPath: "/healthz" }));
app.post("/mails", async (c) => c.json(await sendMail("user@example.com"), 202));

const server = Deno.serve({ port: Number(process.env["PORT"] ?? 3000) }, app.fetch);

process.once("SIGTERM", async () => {
  await server.shutdown();
  await agent.stop();
});
