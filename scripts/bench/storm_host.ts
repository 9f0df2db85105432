/**
 * Many agents in one process: `storm_host.ts <home> <access as JSON>`, where
 * `access.tokens` has one token for each. The word `forget` drops what was
 * noted, every other one tells it.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { benchAgent } from "./bench_agent.ts";
import type { BrainFacts } from "./brain.ts";
import { serveWords } from "./peer.ts";
import { countedSocket } from "./sockets.ts";

const READY_DEADLINE_MS = 30_000;

const [home = "", access = "{}"] = process.argv.slice(2);
const brain = JSON.parse(access) as BrainFacts;
const dials: number[] = [];
const returns: number[] = [];
const webSocket = countedSocket((atMs) => dials.push(atMs));

const agents = brain.tokens.map((token, i) => {
  const own = join(home, String(i));
  mkdirSync(own, { recursive: true });
  // Agents of one process are told apart by their names.
  const agentName = `storm-${process.pid}-${i}`;
  const agent = benchAgent({ ...brain, token }, own, { agentName, webSocket });
  agent.on("connected", () => returns.push(Date.now()));
  return agent;
});
for (const agent of agents) await agent.start();
await Promise.all(agents.map((agent) => agent.ready({ timeoutMs: READY_DEADLINE_MS })));
await serveWords({ agents: agents.length }, (word) => {
  if (word === "forget") dials.length = returns.length = 0;
  const verified = agents.filter((agent) => agent.status().verified).length;
  return { dials, returns, verified };
});
await Promise.all(agents.map((agent) => agent.stop({ timeoutMs: 500 })));
process.exit();
