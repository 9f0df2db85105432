/**
 * An agent with a backlog: `backlog_host.ts <home> <access as JSON> <events>`.
 * The word `record` fills the buffer while no brain answers; `drain` waits for
 * the brain and delivers everything.
 */
import process from "node:process";
import type { BrainAccess } from "./brain.ts";
import { benchAgent, deliverAll, recordBacklog } from "./bench_agent.ts";
import { serveWords } from "./peer.ts";
import { hastenedSocket } from "./sockets.ts";

const DEADLINE_MS = 55_000;
const HEARTBEAT_SECONDS = 1;
// Heartbeats before and after the backlog, to see the first and last interval.
const AFTER_MS = 2500;

const [home = "", access = "{}", events = "0"] = process.argv.slice(2);
const agent = benchAgent(JSON.parse(access) as BrainAccess, home, {
  webSocket: hastenedSocket(HEARTBEAT_SECONDS),
});
let verifiedAt = NaN;
agent.on("connected", () => verifiedAt = performance.now());

async function record(): Promise<unknown> {
  const startedAt = performance.now();
  await recordBacklog(agent, Number(events));
  const recordMs = performance.now() - startedAt;
  // Until the last group is on disk.
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const { buffer } = agent.status();
  return { recordMs, stored: buffer?.count, durable: buffer?.capabilities.durable };
}

async function drain(): Promise<unknown> {
  await agent.ready({ timeoutMs: DEADLINE_MS });
  await deliverAll(agent, DEADLINE_MS);
  const drainMs = performance.now() - verifiedAt;
  const endedAtMs = Date.now();
  await new Promise((resolve) => setTimeout(resolve, AFTER_MS));
  return {
    drainMs,
    beganAtMs: endedAtMs - drainMs,
    endedAtMs,
    reconnects: agent.status().reconnects,
  };
}

await agent.start();
await serveWords({ ready: true }, (word) => word === "record" ? record() : drain());
await agent.stop();
process.exit();
