/**
 * How fast a backlog drains into the stock brain on SQLite: the Python agent, a
 * raw sender, ours on Bun and on Deno, in turns against one brain.
 */
import { join } from "node:path";
import { startStockBrain, type StockBrain } from "../../tests/_support/stock_brain.ts";
import type { BrainAccess } from "./brain.ts";
import { withFolder } from "./folder.ts";
import { mixedJobs } from "./job_mix.ts";
import { figure, publish, type RuntimeName } from "./measure.ts";
import { type Peer, runtimeCommand, startProcess } from "./peer.ts";
import { findPython, pythonWord, startPython } from "./python.ts";

const ROUNDS = 8;
const EVENTS = 1000;
// It is slower: fewer events take as long.
const PYTHON_EVENTS = 200;
const NAMES = ["python", "raw", "bun", "deno"] as const;

type Name = (typeof NAMES)[number];

/** One participant; answers events a second. */
type Drain = () => Promise<number>;

type Rates = Readonly<Record<Name, readonly number[]>>;

interface Ready {
  readonly mode: string;
}

async function startOurs(
  runtime: RuntimeName,
  mode: "agent" | "raw",
  home: string,
  access: BrainAccess,
): Promise<Peer<Ready>> {
  const script = ["scripts/bench/drain_host.ts", mode, home, JSON.stringify(access)];
  const isReady = (value: unknown): value is Ready =>
    (value as Partial<Ready> | null)?.mode === mode;
  return await startProcess([...runtimeCommand(runtime), ...script], isReady);
}

async function drainOf(peer: Peer<unknown>, word: string, events: number): Promise<number> {
  const { ms } = await peer.ask(word) as { ms: number };
  return events / ms * 1000;
}

/** All participants, each with an agent of its own that is connected. */
async function withPeers(
  python: string,
  brain: StockBrain,
  folder: string,
  work: (drains: Readonly<Record<Name, Drain>>) => Promise<void>,
): Promise<void> {
  const access = (name: Name): BrainAccess => accessOf(brain, name);
  const peers: Peer<unknown>[] = [];
  const ours = async (name: Name, runtime: RuntimeName, mode: "agent" | "raw"): Promise<Drain> => {
    const peer = await startOurs(runtime, mode, join(folder, name), access(name));
    peers.push(peer);
    return () => drainOf(peer, String(EVENTS), EVENTS);
  };
  try {
    const agent = await startPython(python, join(folder, "python"), access("python"));
    peers.push(agent);
    await work({
      python: () => drainOf(agent, pythonWord("drain", pythonJobs()), PYTHON_EVENTS),
      raw: await ours("raw", "bun", "raw"),
      bun: await ours("bun", "bun", "agent"),
      deno: await ours("deno", "deno", "agent"),
    });
  } finally {
    await Promise.all(peers.map((peer) => peer.end()));
  }
}

// A Williams square: in four rounds each is once at each place and follows each
// other one once, since the brain is still busy with the one before.
const STEPS = [0, 1, 3, 2] as const;

/** The order of a round. */
function turnOf(round: number): readonly Name[] {
  return STEPS.flatMap((step) => NAMES[(step + round) % NAMES.length] ?? []);
}

function pythonJobs(): ReturnType<typeof mixedJobs> {
  return mixedJobs(PYTHON_EVENTS).slice(0, PYTHON_EVENTS);
}

function accessOf(brain: StockBrain, name: Name): BrainAccess {
  const agent = brain.agents.find((one) => one.name === name);
  if (agent === undefined) throw new Error(`the stock brain has no agent ${name}`);
  const { token, hmac_secret: hmacSecret } = agent;
  return { baseUrl: brain.baseUrl, token, hmacSecret, project: brain.slug };
}

async function measure(python: string, folder: string, brain: StockBrain): Promise<void> {
  const rates: Record<Name, number[]> = { python: [], raw: [], bun: [], deno: [] };
  await withPeers(python, brain, folder, async (drains) => {
    for (let i = 0; i < ROUNDS; i++) {
      const turn = turnOf(i);
      for (const name of turn) rates[name].push(await drains[name]());
    }
  });
  publishRates(rates);
}

function publishRates(rates: Rates): void {
  const ratio = (name: Name, to: Name): number[] =>
    rates[name].map((rate, i) => rate / (rates[to][i] ?? NaN));
  const ours = ["bun", "deno"] as const;
  publish("drain", [
    figure("the Python agent", "events/s", rates.python),
    figure("a raw sender", "events/s", rates.raw),
    ...ours.map((name) => figure(`ours on ${name}`, "events/s", rates[name])),
    ...ours.map((name) =>
      figure(`${name} to Python`, "times", ratio(name, "python"), { is: "at least", value: 3 })
    ),
    ...ours.map((name) =>
      figure(`${name} to raw`, "times", ratio(name, "raw"), { is: "at least", value: 0.95 })
    ),
  ], [
    `rounds of ${EVENTS} events (Python ${PYTHON_EVENTS}), recorded at once, to the last ack; ` +
    "ratios are within a round",
    "one stock brain 1.13.0 on SQLite, an agent of its own for each, in turns; the raw sender " +
    "has batches of 500, no buffer, and is told to have 4 on their way",
  ]);
}

const python = findPython();
if ("missing" in python) {
  console.log(JSON.stringify({ skipped: python.missing }));
} else {
  await withFolder(async (folder) => {
    const brain = await startStockBrain(NAMES);
    try {
      await measure(python.path, folder, brain);
    } finally {
      await brain.close();
    }
  });
}
