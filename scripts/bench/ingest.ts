/** How fast the embedded brain stores events of one agent, durably, on disk. */
import { type BrainAccess, requireStored, withBrain } from "./brain.ts";
import { withFolder } from "./folder.ts";
import { meanBytes, mixedJobs, storedEntries } from "./job_mix.ts";
import { figure, publish, short } from "./measure.ts";
import { cpuMsOf } from "./proc.ts";
import type { Peer } from "./peer.ts";
import { RawAgent } from "./raw_agent.ts";

const BATCH_EVENTS = 500;
const IN_FLIGHT = 4;
const JOBS_PER_ROUND = 3200;
const ROUNDS = 5;

interface Pace {
  readonly events: number;
  readonly bytes: number;
  readonly perSecond: number;
  readonly brainCpuUs: number;
}

/** Sends one round of new jobs; signing is done before the clock starts. */
async function round(agent: RawAgent, brain: Peer<BrainAccess>): Promise<Pace> {
  const entries = storedEntries(mixedJobs(JOBS_PER_ROUND));
  const frames = await agent.sign(entries, BATCH_EVENTS);
  const [cpu, startedAt] = [cpuMsOf(brain.pid), performance.now()];
  await agent.deliver(frames, IN_FLIGHT);
  const spentMs = performance.now() - startedAt;
  const events = entries.length;
  return {
    events,
    bytes: meanBytes(entries),
    perSecond: events / spentMs * 1000,
    brainCpuUs: (cpuMsOf(brain.pid) - cpu) * 1000 / events,
  };
}

async function measure(brain: Peer<BrainAccess>): Promise<void> {
  const agent = new RawAgent();
  await agent.open(brain.ready);
  const rounds: Pace[] = [];
  for (let i = 0; i <= ROUNDS; i++) rounds.push(await round(agent, brain));
  await agent.close();
  const events = rounds.reduce((sum, one) => sum + one.events, 0);
  await requireStored(brain, events);
  const warm = rounds.slice(1);
  publish("ingest", [
    figure("to the last ack", "events/s", warm.map(({ perSecond }) => perSecond), {
      is: "at least",
      value: 10_000,
    }),
    figure("CPU of the brain", "µs/event", warm.map(({ brainCpuUs }) => brainCpuUs)),
  ], [
    `batches of ${BATCH_EVENTS} events of ${short(rounds[0]?.bytes ?? NaN)} bytes, ` +
    `${IN_FLIGHT} on their way, signed beforehand`,
    `the brain syncs every commit and holds ${short(events)} events at the end`,
  ]);
}

await withFolder((folder) => withBrain(folder, measure));
