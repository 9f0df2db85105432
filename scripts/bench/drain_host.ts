/**
 * An agent for the stock brain: `drain_host.ts agent|raw <home> <access as JSON>`.
 * Each line is a number: it records so many events at once and delivers them.
 */
import process from "node:process";
import { benchAgent, deliverAll, recordBacklog } from "./bench_agent.ts";
import type { BrainAccess } from "./brain.ts";
import { mixedJobs, storedEntries } from "./job_mix.ts";
import { serveWords } from "./peer.ts";
import { RawAgent } from "./raw_agent.ts";

const BATCH_EVENTS = 500;
const IN_FLIGHT = 4;
const DEADLINE_MS = 55_000;

const [mode = "agent", home = "", access = "{}"] = process.argv.slice(2);
const brain = JSON.parse(access) as BrainAccess;

interface Drainer {
  /** Delivers so many new events; how long it took, in milliseconds. */
  drain(events: number): Promise<number>;
  close(): Promise<unknown>;
}

async function openAgent(): Promise<Drainer> {
  const agent = benchAgent(brain, home);
  await agent.start();
  await agent.ready();
  return {
    async drain(events) {
      const startedAt = performance.now();
      await recordBacklog(agent, events);
      await deliverAll(agent, DEADLINE_MS);
      return performance.now() - startedAt;
    },
    close: () => agent.stop(),
  };
}

async function openRaw(): Promise<Drainer> {
  const agent = new RawAgent();
  await agent.open(brain);
  return {
    async drain(events) {
      const entries = storedEntries(mixedJobs(events)).slice(0, events);
      const startedAt = performance.now();
      await agent.deliver(await agent.sign(entries, BATCH_EVENTS), IN_FLIGHT);
      return performance.now() - startedAt;
    },
    close: () => agent.close(),
  };
}

const drainer = await (mode === "raw" ? openRaw() : openAgent());
await serveWords({ mode }, async (word) => ({ ms: await drainer.drain(Number(word)) }));
await drainer.close();
process.exit();
