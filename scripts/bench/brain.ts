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

/** Runs `work` with a brain on disk in a process of its own. */
export async function withBrain<T>(
  folder: string,
  work: (brain: Peer<BrainAccess>) => Promise<T>,
): Promise<T> {
  const brain = await startPeer("scripts/bench/brain_host.ts", [join(folder, "brain")], isAccess);
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

function isAccess(value: unknown): value is BrainAccess {
  const access = value as Partial<BrainAccess> | null;
  return [access?.baseUrl, access?.token, access?.hmacSecret, access?.project]
    .every((text) => typeof text === "string");
}
