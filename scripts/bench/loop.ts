/**
 * What an agent at 1000 events/s adds to the delay of its host's event loop,
 * beside an equal process that throws its events away. Both run at the same time.
 */
import { join } from "node:path";
import { type BrainAccess, withBrain } from "./brain.ts";
import { withFolder } from "./folder.ts";
import { figure, type Goal, publish } from "./measure.ts";
import { type Peer, startPeer } from "./peer.ts";

const PER_SECOND = 1000;
const WINDOWS = 5;
const WINDOW_S = 2;
const GOAL: Goal = { is: "below", value: 2 };

interface Ready {
  readonly mode: string;
}

/** What one window of one process showed, in milliseconds. */
interface Delay {
  readonly timerP99: number;
  readonly arrivalP99: number;
  readonly longest: number;
  readonly recorded: number;
  readonly acked: number;
}

interface Pair {
  readonly bare: Delay;
  readonly agent: Delay;
}

type Host = Peer<Ready>;

function startHost(args: readonly string[]): Promise<Host> {
  const isReady = (value: unknown): value is Ready =>
    (value as Partial<Ready> | null)?.mode === args[0];
  return startPeer("scripts/bench/loop_host.ts", args, isReady);
}

async function window(bare: Host, agent: Host): Promise<Pair> {
  const [one, other] = await Promise.all([bare.ask("window"), agent.ask("window")]);
  return { bare: one as Delay, agent: other as Delay };
}

/** Fails unless the agent recorded at the pace and delivered what it recorded. */
function checkPace(first: Delay, last: Delay): void {
  const perSecond = (last.recorded - first.recorded) / ((WINDOWS - 1) * WINDOW_S);
  if (Math.abs(perSecond / PER_SECOND - 1) > 0.1) {
    throw new Error(`the agent recorded ${perSecond} events/s, expected ${PER_SECOND}`);
  }
  if (last.acked < last.recorded - 2 * PER_SECOND) {
    throw new Error(`${last.acked} of ${last.recorded} events were delivered`);
  }
}

async function measure(folder: string, brain: Peer<BrainAccess>): Promise<void> {
  const access = JSON.stringify(brain.ready);
  const bare = await startHost(["bare"]);
  const agent = await startHost(["agent", join(folder, "agent"), access]);
  try {
    await window(bare, agent);
    const pairs: Pair[] = [];
    for (let i = 0; i < WINDOWS; i++) pairs.push(await window(bare, agent));
    const [first, last] = [pairs[0]?.agent, pairs.at(-1)?.agent];
    if (first === undefined || last === undefined) throw new Error("there was no window");
    checkPace(first, last);
    publishPairs(pairs);
  } finally {
    await agent.end();
    await bare.end();
  }
}

function publishPairs(pairs: readonly Pair[]): void {
  const over = (of: (delay: Delay) => number): number[] =>
    pairs.map(({ bare, agent }) => of(agent) - of(bare));
  const agents = pairs.map(({ agent }) => agent);
  const bares = pairs.map(({ bare }) => bare);
  publish("loop", [
    figure("p99 of a timer, over bare", "ms", over(({ timerP99 }) => timerP99), GOAL),
    figure("p99 of an arrival, over bare", "ms", over(({ arrivalP99 }) => arrivalP99), GOAL),
    figure("p99 of a timer, agent", "ms", agents.map(({ timerP99 }) => timerP99)),
    figure("p99 of a timer, bare", "ms", bares.map(({ timerP99 }) => timerP99)),
    figure("p99 of an arrival, agent", "ms", agents.map(({ arrivalP99 }) => arrivalP99)),
    figure("p99 of an arrival, bare", "ms", bares.map(({ arrivalP99 }) => arrivalP99)),
    figure("longest delay, agent", "ms", agents.map(({ longest }) => longest)),
    figure("longest delay, bare", "ms", bares.map(({ longest }) => longest)),
  ], [
    `${PER_SECOND} events/s, ${WINDOWS} windows of ${WINDOW_S} s; goals are for the difference ` +
    "within a window, in which both processes meet the same load of the machine",
    "a delay is how late a timer of 1 ms comes, measured alike on both runtimes " +
    "(monitorEventLoopDelay is not the same measure on the two)",
    "an arrival is something that comes at any moment, so that long delays meet more of them",
  ]);
}

await withFolder((folder) => withBrain(folder, (brain) => measure(folder, brain)));
