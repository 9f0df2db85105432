/**
 * What an idle, connected agent takes from its host: CPU, memory and timers,
 * beside equal processes without an agent. All processes idle at the same time.
 */
import { join } from "node:path";
import { type BrainAccess, withBrain } from "./brain.ts";
import { withFolder } from "./folder.ts";
import { figure, type Goal, median, publish } from "./measure.ts";
import { type Peer, startPeer } from "./peer.ts";
import { cpuMsBetween, type Memory, memoryOf, threadTimesOf } from "./proc.ts";

const PAIRS = 3;
const SETTLE_MS = 4000;
// Two heartbeats of the embedded brain's interval of 10 s.
const IDLE_MS = 20_000;
const CPU_GOAL: Goal = { is: "below", value: 0.5 };
const MEMORY_GOAL: Goal = { is: "below", value: 25 };

interface Ready {
  readonly mode: string;
}

interface Report {
  readonly collected: boolean;
  readonly fired: number;
  readonly connected: boolean | null;
}

/** What one process was seen to take. */
interface Sample {
  readonly settled: Memory;
  readonly collected: Memory;
  readonly idle: Memory;
  readonly cpuShare: number;
  readonly timersPerMinute: number;
}

type Host = Peer<Ready>;

function startHost(args: readonly string[]): Promise<Host> {
  const isReady = (value: unknown): value is Ready =>
    (value as Partial<Ready> | null)?.mode === args[0];
  return startPeer("scripts/bench/idle_host.ts", args, isReady);
}

function startAgent(folder: string, access: BrainAccess, name: string): Promise<Host> {
  return startHost(["agent", join(folder, name), JSON.stringify(access)]);
}

async function observe(hosts: readonly Host[]): Promise<readonly Sample[]> {
  const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  await wait(SETTLE_MS);
  const settled = hosts.map(({ pid }) => memoryOf(pid));
  const reports = await Promise.all(hosts.map((host) => host.ask("gc") as Promise<Report>));
  if (!reports.every(({ collected }) => collected)) throw new Error("no garbage was collected");
  await wait(1000);
  const collected = hosts.map(({ pid }) => memoryOf(pid));
  const before = await Promise.all(hosts.map((host) => host.ask("timers") as Promise<Report>));
  const [cpu, startedAt] = [hosts.map(({ pid }) => threadTimesOf(pid)), performance.now()];
  await wait(IDLE_MS);
  const spentMs = performance.now() - startedAt;
  const cpuAfter = hosts.map(({ pid }) => threadTimesOf(pid));
  const idle = hosts.map(({ pid }) => memoryOf(pid));
  const after = await Promise.all(hosts.map((host) => host.ask("timers") as Promise<Report>));
  if (after.some(({ connected }) => connected === false)) {
    throw new Error("an agent lost its brain");
  }
  const of = <T>(list: readonly T[], i: number): T => list[i] as T;
  return hosts.map((_, i) => ({
    settled: of(settled, i),
    collected: of(collected, i),
    idle: of(idle, i),
    cpuShare: cpuMsBetween(of(cpu, i), of(cpuAfter, i)) / spentMs * 100,
    timersPerMinute: (of(after, i).fired - of(before, i).fired) / spentMs * 60_000,
  }));
}

function publishSamples(bare: readonly Sample[], agents: readonly Sample[]): void {
  const over = (memory: (sample: Sample) => number): number[] => {
    const base = median(bare.map(memory));
    return agents.map((sample) => memory(sample) - base);
  };
  publish("idle", [
    figure("CPU of one core", "%", agents.map(({ cpuShare }) => cpuShare), CPU_GOAL),
    figure("CPU of the bare runtime", "%", bare.map(({ cpuShare }) => cpuShare)),
    figure("RSS over bare, after a gc", "MiB", over(({ idle }) => idle.rss), MEMORY_GOAL),
    figure("RSS over bare, without gc", "MiB", over(({ settled }) => settled.rss)),
    figure("own pages over bare", "MiB", over(({ idle }) => idle.anonymous)),
    figure("RSS of the bare runtime", "MiB", bare.map(({ idle }) => idle.rss)),
    figure("timers of the agent", "per min", agents.map((one) => one.timersPerMinute)),
  ], [
    `${PAIRS} bare processes and ${PAIRS} agents with one idle engine, ${IDLE_MS / 1000} s`,
    "RSS counts pages of the runtime's own binary that the agent is the first to touch",
  ]);
}

async function measure(folder: string, access: BrainAccess): Promise<void> {
  // The first one fills the caches of compiled code.
  await (await startAgent(folder, access, "first")).end();
  const hosts: Host[] = [];
  try {
    for (let i = 0; i < PAIRS; i++) {
      hosts.push(await startHost(["bare"]), await startAgent(folder, access, `agent-${i}`));
    }
    const samples = await observe(hosts);
    const of = (mode: string): Sample[] => samples.filter((_, i) => hosts[i]?.ready.mode === mode);
    publishSamples(of("bare"), of("agent"));
  } finally {
    await Promise.all(hosts.map((host) => host.end()));
  }
}

await withFolder((folder) => withBrain(folder, ({ ready }) => measure(folder, ready)));
