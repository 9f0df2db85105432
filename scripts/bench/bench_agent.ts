/** Agents as the measurements run them. */
import { noopLogger } from "../../src/base/logger.ts";
import { createAgent } from "../../src/install/create_agent.ts";
import type { ManagedAgent } from "../../src/install/managed_agent.ts";
import type { AgentOptions } from "../../src/install/options.ts";
import type { BrainAccess } from "./brain.ts";
import { mixedJobs } from "./job_mix.ts";

// A portion of jobs between two turns of the event loop.
const PORTION_JOBS = 64;

/** A full agent with its files in a folder; wrong settings and starts throw. */
export function benchAgent(
  brain: BrainAccess,
  home: string,
  options: AgentOptions = {},
): ManagedAgent {
  return createAgent({
    brainUrl: brain.baseUrl,
    token: brain.token,
    hmacSecret: brain.hmacSecret,
    projectId: brain.project,
    home,
    env: false,
    strictMode: true,
    logger: noopLogger,
    ...options,
  });
}

/** Records the events of new jobs until there are so many. */
export async function recordBacklog(agent: ManagedAgent, events: number): Promise<void> {
  for (let left = events; left > 0;) {
    const portion = mixedJobs(PORTION_JOBS).slice(0, left);
    for (const event of portion) agent.record("bullmq", event);
    left -= portion.length;
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

/** Delivers what waits, or fails. */
export async function deliverAll(agent: ManagedAgent, timeoutMs: number): Promise<void> {
  const { timedOut, remaining } = await agent.flush({ timeoutMs });
  if (timedOut || remaining > 0) {
    throw new Error(`${remaining} events were not delivered within ${timeoutMs} ms`);
  }
}
