/** A full buffer after an outage: how fast it drains, in how much memory, with which heartbeats. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { openBrain, reopenBrain, requireStored } from "./brain.ts";
import { withFolder } from "./folder.ts";
import { figure, publish } from "./measure.ts";
import { type Peer, startPeer } from "./peer.ts";
import { cpuMsOf, memoryOf, peakMemoryOf } from "./proc.ts";

// What a buffer holds unless told otherwise.
const EVENTS = 100_000;
const ROUNDS = 2;
// What the agent is made to run at, and what the brain would have told it.
const HEARTBEAT_MS = 1000;
const REAL_HEARTBEAT_MS = 10_000;

interface Recorded {
  readonly recordMs: number;
  readonly stored: number;
  readonly durable: boolean;
}

interface Drained {
  readonly drainMs: number;
  readonly beganAtMs: number;
  readonly endedAtMs: number;
  readonly reconnects: number;
}

interface Pace {
  readonly perSecond: number;
  readonly recordedPerSecond: number;
  readonly recordPeakMiB: number;
  readonly peakMiB: number;
  readonly startMiB: number;
  readonly agentCpuUs: number;
  readonly brainCpuUs: number;
  readonly beats: number;
  readonly latestMs: number;
}

type Ready = { readonly ready: true };

function isReady(value: unknown): value is Ready {
  return (value as Partial<Ready> | null)?.ready === true;
}

/** Fills the buffer of a fresh agent while the brain is away, then brings it back. */
async function round(folder: string): Promise<Pace> {
  const first = await openBrain(folder);
  await first.end();
  const args = [join(folder, "agent"), JSON.stringify(first.ready), String(EVENTS)];
  const agent = await startPeer("scripts/bench/backlog_host.ts", args, isReady);
  try {
    const startMiB = memoryOf(agent.pid).rss;
    const recorded = await agent.ask("record") as Recorded;
    if (recorded.stored !== EVENTS || !recorded.durable) {
      throw new Error(`the buffer says ${JSON.stringify(recorded)}, expected ${EVENTS} on disk`);
    }
    const recordPeakMiB = peakMemoryOf(agent.pid);
    const brain = await reopenBrain(folder, first.ready);
    try {
      return { startMiB, recordPeakMiB, ...await drain(agent, brain, recorded) };
    } finally {
      await brain.end();
    }
  } finally {
    await agent.end();
  }
}

async function drain(
  agent: Peer<Ready>,
  brain: Awaited<ReturnType<typeof openBrain>>,
  { recordMs }: Recorded,
): Promise<Omit<Pace, "startMiB" | "recordPeakMiB">> {
  const [agentCpu, brainCpu] = [cpuMsOf(agent.pid), cpuMsOf(brain.pid)];
  const { drainMs, beganAtMs, endedAtMs, reconnects } = await agent.ask("drain") as Drained;
  const each = (ms: number): number => ms * 1000 / EVENTS;
  const cost = {
    agentCpuUs: each(cpuMsOf(agent.pid) - agentCpu),
    brainCpuUs: each(cpuMsOf(brain.pid) - brainCpu),
  };
  if (reconnects > 0) throw new Error("the agent lost its session while it drained");
  await requireStored(brain, EVENTS);
  const beats = await brain.ask("beats") as number[];
  const during = beats.filter((atMs) => atMs >= beganAtMs && atMs <= endedAtMs);
  const gaps = beats.slice(1).map((atMs, i) => atMs - (beats[i] ?? NaN));
  if (beats.length < 3) throw new Error(`the brain stored ${beats.length} heartbeats`);
  return {
    ...cost,
    perSecond: EVENTS / drainMs * 1000,
    recordedPerSecond: EVENTS / recordMs * 1000,
    peakMiB: peakMemoryOf(agent.pid),
    beats: during.length,
    latestMs: Math.max(...gaps) - HEARTBEAT_MS,
  };
}

function gapOf({ latestMs }: Pace): number {
  return (REAL_HEARTBEAT_MS + latestMs) / REAL_HEARTBEAT_MS;
}

async function measure(folder: string): Promise<void> {
  const rounds: Pace[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const place = join(folder, String(i));
    mkdirSync(place);
    rounds.push(await round(place));
  }
  const all = (of: (pace: Pace) => number): number[] => rounds.map(of);
  publish("backlog", [
    figure("drained", "events/s", all((one) => one.perSecond), { is: "at least", value: 20_000 }),
    figure("peak RSS of the agent", "MiB", all((one) => one.peakMiB), { is: "below", value: 150 }),
    figure("longest heartbeat gap", "intervals", all(gapOf), { is: "at most", value: 1.5 }),
    figure("latest heartbeat", "ms late", all(({ latestMs }) => latestMs)),
    figure("heartbeats in the drain", "", all(({ beats }) => beats)),
    figure("peak RSS while recording", "MiB", all((one) => one.recordPeakMiB)),
    figure("RSS before the backlog", "MiB", all(({ startMiB }) => startMiB)),
    figure("CPU of the agent", "µs/event", all(({ agentCpuUs }) => agentCpuUs)),
    figure("CPU of the brain", "µs/event", all(({ brainCpuUs }) => brainCpuUs)),
    figure("recorded before", "events/s", all((one) => one.recordedPerSecond)),
  ], [
    `${EVENTS} events recorded while no brain answered, both files on disk; timed from the ` +
    "acknowledged session to the last ack",
    `heartbeats were made to go every ${HEARTBEAT_MS} ms, so that many fall into the drain; one ` +
    "is late by the time between two that the brain stored, less that interval",
    `the longest gap is that of the brain's own interval of ${REAL_HEARTBEAT_MS / 1000} s with ` +
    "the latest heartbeat in it",
    "peak RSS is that of the whole process since its start, recording included",
  ]);
}

await withFolder(measure);
