import type { Choices, Search } from "./choices.ts";
import { type Bench, Cluster } from "./cluster.ts";
import type { Connection, MessageFault } from "./network.ts";
import type { Player } from "./world.ts";

/** How one run of the smallest model went. */
export interface SmallestRun {
  readonly violations: readonly string[];
  /** Happenings. */
  readonly steps: number;
  /** What happened, line by line. */
  readonly trace: readonly string[];
}

// Before its agent has a connection, and on an open one.
const EVENTS = [{ node: 0, atMs: 0 }, { node: 0, atMs: 14 }, { node: 1, atMs: 14 }] as const;
const RESTART_MS = 20;
const LIMIT_MS = 1_800_000;
const FIXED: Choices = { of: () => 0, chance: () => false, jitter: () => 0.5 };

/** Two agents and the brain; every message may be the one that is duplicated. */
class SmallCluster extends Cluster {
  readonly #search: Search;
  #isDuplicated = false;

  constructor(bench: Bench, search: Search, choices: Choices, trace: string[]) {
    super({
      bench,
      choices,
      latencies: FIXED,
      agents: 2,
      limits: { maxEvents: 1000, maxBytes: 1_000_000 },
      latencyMs: 0,
      tell: (line) => void trace.push(line),
    });
    this.#search = search;
  }

  override fault(connection: Connection): MessageFault | null {
    if (this.#isDuplicated || !this.connections.has(connection)) return null;
    if (this.#search.choices.of(2) === 0) return null;
    this.#isDuplicated = true;
    this.tell(() => "the next message is duplicated");
    return "duplicate";
  }
}

/**
 * Plays one run of the smallest model: two agents, three events, at most one crash
 * and one duplicate. Latencies are fixed; where the faults fall is the search's choice:
 * the crash after any happening, of either agent or the brain, with its connections
 * reset or silent and any part of its unsynced writes kept, and any message twice.
 */
export async function playSmallest(
  bench: Bench,
  player: Player,
  search: Search,
): Promise<SmallestRun> {
  return await player(() => play(bench, search));
}

function* play(bench: Bench, search: Search): Generator<void, SmallestRun> {
  const trace: string[] = [];
  let isCrashing = false;
  const cluster = new SmallCluster(bench, search, {
    ...FIXED,
    of: (count) => isCrashing ? search.choices.of(count) : 0,
  }, trace);
  const { world, model, nodes } = cluster;
  let waiting: number = EVENTS.length;
  for (const { node, atMs } of EVENTS) {
    world.after(atMs, null, () => {
      waiting--;
      const one = nodes[node];
      if (one !== undefined) cluster.record(one);
    });
  }
  const crash = (victim: number, isTold: boolean): void => {
    const node = nodes[victim];
    cluster.tell(() => `${node?.name ?? "the brain"} crashes`);
    isCrashing = true;
    if (node === undefined) cluster.crashBrain(isTold);
    else cluster.crashNode(node, isTold);
    isCrashing = false;
    world.after(RESTART_MS, null, () => {
      if (node === undefined) cluster.brain.start();
      else cluster.restartNode(node);
    });
  };
  yield;
  let hasCrashed = false;
  let isDone = false;
  while (!isDone && model.violations.length === 0 && world.step(LIMIT_MS)) {
    yield;
    // 0: none here; else one of three victims, told or not.
    const way = hasCrashed ? 0 : search.choices.of(7);
    if (way > 0) {
      hasCrashed = true;
      crash((way - 1) >> 1, way % 2 === 1);
    }
    isDone = waiting === 0 && cluster.brain.isUp && cluster.isQuiet;
  }
  if (!isDone) model.fail("something still waits after the faults ended");
  for (const { runtime } of nodes) {
    if (runtime !== null) model.countLosses(runtime.buffer.losses());
  }
  if (isDone) {
    model.judge((name, run) => nodes.some((node) => node.name === name && node.runs === run));
  }
  return { violations: model.violations, steps: world.steps, trace };
}
