/**
 * A Hono app on Bun whose background work is an async function, watched by z4j.
 *
 *     bun examples/hono-bun/main.ts
 *     curl -X POST localhost:3000/mails
 *
 * Reads the `Z4J_*` variables and `PORT`; with `REUSE_PORT=1` several processes
 * share the port, each with an agent of its own.
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

/** What Bun serves. On SIGTERM the agent flushes, and the process ends by the signal. */
const server: { port: number; reusePort: boolean; fetch: Hono["fetch"] } = {
  port: Number(process.env["PORT"] ?? 3000),
  reusePort: process.env["REUSE_PORT"] === "1",
  fetch: app.fetch,
};
export default server;
