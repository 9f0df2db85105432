/** Starts a brain process and asks what it stored. */
import { join } from "node:path";
import { type Peer, startPeer } from "./peer.ts";

/** How an agent reaches the brain. */
export interface BrainAccess {
  readonly baseUrl: string;
  readonly token: string;
  readonly hmacSecret: string;
  readonly project: string;
}

/** What a brain process says first. */
export interface BrainFacts extends BrainAccess {
  /** A token for each agent that was asked for; the first one is `token`. */
  readonly tokens: readonly string[];
}

/** Where a brain listens and for how many agents it makes tokens. */
export interface BrainStart {
  /** Default: any free port. */
  readonly port?: number;
  /** Default: 1. */
  readonly agents?: number;
}

/** Starts a brain on disk in a process of its own. */
export function openBrain(folder: string, start: BrainStart = {}): Promise<Peer<BrainFacts>> {
  const { port = 0, agents = 1 } = start;
  const args = [join(folder, "brain"), String(port), String(agents)];
  return startPeer("scripts/bench/brain_host.ts", args, isFacts);
}

/** Starts a brain that was ended again, on its port and data. */
export function reopenBrain(folder: string, before: BrainFacts): Promise<Peer<BrainFacts>> {
  return openBrain(folder, { port: Number(new URL(before.baseUrl).port), agents: 0 });
}

/** Runs `work` with a brain on disk in a process of its own. */
export async function withBrain<T>(
  folder: string,
  work: (brain: Peer<BrainAccess>) => Promise<T>,
): Promise<T> {
  const brain = await openBrain(folder);
  try {
    return await work(brain);
  } finally {
    await brain.end();
  }
}

/** Fails unless the brain stored exactly so many events of tasks. */
export async function requireStored(brain: Peer<BrainAccess>, expected: number): Promise<void> {
  const stats = await brain.ask("stats") as { eventsByKind: Record<string, number> };
  const tasks = Object.entries(stats.eventsByKind).filter(([kind]) => kind.startsWith("task."));
  const stored = tasks.reduce((sum, [, count]) => sum + count, 0);
  if (stored !== expected) throw new Error(`the brain has ${stored} events, expected ${expected}`);
}

function isFacts(value: unknown): value is BrainFacts {
  const facts = value as Partial<BrainFacts> | null;
  return Array.isArray(facts?.tokens) &&
    [facts?.baseUrl, facts?.token, facts?.hmacSecret, facts?.project]
      .every((text) => typeof text === "string");
}
