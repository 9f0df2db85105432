/** The whole way: record, buffer on disk, signed batches, brain on disk, ack. */
import { join } from "node:path";
import { noopLogger } from "../../src/base/logger.ts";
import { createAgent } from "../../src/install/create_agent.ts";
import type { ManagedAgent } from "../../src/install/managed_agent.ts";
import { type BrainAccess, requireStored, withBrain } from "./brain.ts";
import { withFolder } from "./folder.ts";
import { mixedJobs } from "./job_mix.ts";
import { cpuMs, figure, publish } from "./measure.ts";
import type { Peer } from "./peer.ts";
import { cpuMsOf } from "./proc.ts";

const JOBS_PER_ROUND = 6400;
const ROUNDS = 5;
// A portion of events between two turns of the event loop.
const PORTION = 200;
const DEADLINE_MS = 60_000;

interface Pace {
  readonly events: number;
  readonly perSecond: number;
  readonly agentCpuUs: number;
  readonly brainCpuUs: number;
}

/** Records new jobs as fast as it goes and waits for the last ack. */
async function round(agent: ManagedAgent, brain: Peer<BrainAccess>): Promise<Pace> {
  const events = mixedJobs(JOBS_PER_ROUND);
  const [cpu, brainCpu, startedAt] = [cpuMs(), cpuMsOf(brain.pid), performance.now()];
  for (let i = 0; i < events.length; i += PORTION) {
    for (const event of events.slice(i, i + PORTION)) agent.record("bullmq", event);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  const report = await agent.flush({ timeoutMs: DEADLINE_MS });
  const spentMs = performance.now() - startedAt;
  if (report.timedOut || report.remaining > 0) {
    throw new Error(`${report.remaining} events were not delivered within ${DEADLINE_MS} ms`);
  }
  const each = (ms: number): number => ms * 1000 / events.length;
  return {
    events: events.length,
    perSecond: events.length / spentMs * 1000,
    agentCpuUs: each(cpuMs() - cpu),
    brainCpuUs: each(cpuMsOf(brain.pid) - brainCpu),
  };
}

async function measure(folder: string, brain: Peer<BrainAccess>): Promise<void> {
  const { baseUrl, token, hmacSecret, project } = brain.ready;
  const agent = createAgent({
    brainUrl: baseUrl,
    token,
    hmacSecret,
    projectId: project,
    home: join(folder, "agent"),
    env: false,
    strictMode: true,
    logger: noopLogger,
  });
  await agent.start();
  await agent.ready();
  const rounds: Pace[] = [];
  for (let i = 0; i <= ROUNDS; i++) rounds.push(await round(agent, brain));
  const { buffer } = agent.status();
  if (buffer?.capabilities.durable !== true) throw new Error("the agent's buffer is not durable");
  await agent.stop();
  await requireStored(brain, rounds.reduce((sum, { events }) => sum + events, 0));
  const warm = rounds.slice(1);
  publish("delivery", [
    figure("record to the last ack", "events/s", warm.map(({ perSecond }) => perSecond), {
      is: "at least",
      value: 10_000,
    }),
    figure("CPU of the agent", "µs/event", warm.map(({ agentCpuUs }) => agentCpuUs)),
    figure("CPU of the brain", "µs/event", warm.map(({ brainCpuUs }) => brainCpuUs)),
  ], [
    "events are recorded as fast as the agent takes them; both files are on disk",
    "agent and brain have a process each; with one core they share it",
  ]);
}

await withFolder((folder) => withBrain(folder, (brain) => measure(folder, brain)));
