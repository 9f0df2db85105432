/** Many agents after their brain was restarted: how soon they are back, how hard they dial. */
import { join } from "node:path";
import { type BrainFacts, openBrain, reopenBrain } from "./brain.ts";
import { withFolder } from "./folder.ts";
import { figure, publish } from "./measure.ts";
import { type Peer, startPeer } from "./peer.ts";

const AGENTS = 200;
const PROCESSES = 4;
const DEADLINE_MS = 50_000;
const SETTLE_MS = 2000;

interface Ready {
  readonly agents: number;
}

interface Report {
  readonly dials: readonly number[];
  readonly returns: readonly number[];
  readonly verified: number;
}

type Host = Peer<Ready>;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function startHosts(folder: string, brain: BrainFacts): Promise<Host[]> {
  const isReady = (value: unknown): value is Ready =>
    (value as Partial<Ready> | null)?.agents === AGENTS / PROCESSES;
  const each = AGENTS / PROCESSES;
  return Promise.all(Array.from({ length: PROCESSES }, (_, i) => {
    const tokens = brain.tokens.slice(i * each, (i + 1) * each);
    const access = JSON.stringify({ ...brain, tokens });
    return startPeer("scripts/bench/storm_host.ts", [join(folder, `host-${i}`), access], isReady);
  }));
}

async function ask(hosts: readonly Host[], word: string): Promise<Report> {
  const reports = await Promise.all(hosts.map((host) => host.ask(word) as Promise<Report>));
  return {
    dials: reports.flatMap(({ dials }) => dials).sort((a, b) => a - b),
    returns: reports.flatMap(({ returns }) => returns).sort((a, b) => a - b),
    verified: reports.reduce((sum, { verified }) => sum + verified, 0),
  };
}

async function untilBack(hosts: readonly Host[]): Promise<Report> {
  const deadline = performance.now() + DEADLINE_MS;
  while (performance.now() < deadline) {
    const report = await ask(hosts, "report");
    if (report.verified === AGENTS && report.returns.length >= AGENTS) return report;
    await pause(250);
  }
  throw new Error(`not all agents were back within ${DEADLINE_MS} ms`);
}

/** The most entries of a sorted list within any second, wherever it begins. */
function mostInASecond(times: readonly number[]): number {
  let [first, most] = [0, 0];
  times.forEach((atMs, last) => {
    while (atMs - (times[first] ?? atMs) >= 1000) first++;
    most = Math.max(most, last - first + 1);
  });
  return most;
}

async function measure(folder: string): Promise<void> {
  const before = await openBrain(folder, { agents: AGENTS });
  const hosts = await startHosts(folder, before.ready);
  await pause(SETTLE_MS);
  await ask(hosts, "forget");
  const downAt = Date.now();
  await before.end();
  const after = await reopenBrain(folder, before.ready);
  try {
    const upAt = Date.now();
    publishStorm(await untilBack(hosts), downAt, upAt);
  } finally {
    await Promise.all(hosts.map((host) => host.end()));
    await after.end();
  }
}

function publishStorm({ dials, returns }: Report, downAt: number, upAt: number): void {
  const seconds = (atMs: number): number => (atMs - upAt) / 1000;
  const at = (share: number): number => returns[Math.ceil(returns.length * share) - 1] ?? NaN;
  const answered = dials.filter((atMs) => atMs >= upAt);
  publish("storm", [
    figure("all are back after", "s", [seconds(at(1))], { is: "at most", value: 30 }),
    figure("most dials in a second", "% of agents", [mostInASecond(dials) / AGENTS * 100], {
      is: "at most",
      value: 20,
    }),
    figure("most dials in a second, brain up", "% of agents", [
      mostInASecond(answered) / AGENTS * 100,
    ]),
    figure("half are back after", "s", [seconds(at(0.5))]),
    figure("dials of an agent", "", [dials.length / AGENTS]),
    figure("the brain was away for", "s", [(upAt - downAt) / 1000]),
  ], [
    `${AGENTS} agents in ${PROCESSES} processes; times are from when the brain listened again`,
    "dials are counted where the agents open their sockets, refused ones too; a second may " +
    "begin at any moment",
  ]);
}

await withFolder(measure);
