import { readdirSync, readlinkSync } from "node:fs";
import process from "node:process";

/** What a process looks like at one moment. */
export interface Sample {
  /** Resident memory in bytes. */
  readonly rss: number;
  /** Live heap in bytes, after a collection. */
  readonly heap: number;
  /** Open sockets, or `null` where the system does not tell. */
  readonly sockets: number | null;
  /** Timers that are set. */
  readonly timers: number;
  /** Events recorded so far, by the agent's process. */
  readonly recorded: number;
}

/** Counts the timers of this process from now on; answers how many are set. */
export function countTimers(): () => number {
  const active = new Set<unknown>();
  const { setTimeout: set, clearTimeout: clear } = globalThis;
  const counting = (callback: (...rest: unknown[]) => void, ms?: number, ...rest: unknown[]) => {
    const timer = set(() => {
      active.delete(timer);
      callback(...rest);
    }, ms);
    active.add(timer);
    return timer;
  };
  const clearing = (timer?: Parameters<typeof clear>[0]): void => {
    active.delete(timer);
    clear(timer);
  };
  Object.assign(globalThis, { setTimeout: counting, clearTimeout: clearing });
  return () => active.size;
}

/** Prints a sample each second, as a line of JSON. */
export function printSamples(timers: () => number, recorded: () => number): () => void {
  const print = (): void => {
    collect();
    const { rss, heapUsed } = process.memoryUsage();
    const sample: Sample = {
      rss,
      heap: heapUsed,
      sockets: sockets(),
      timers: timers(),
      recorded: recorded(),
    };
    process.stdout.write(`${JSON.stringify(sample)}\n`);
  };
  const interval = setInterval(print, 1000);
  return () => clearInterval(interval);
}

function collect(): void {
  const { Bun, gc } = globalThis as { Bun?: { gc(force: boolean): void }; gc?: () => void };
  if (Bun !== undefined) Bun.gc(true);
  else gc?.();
}

function sockets(): number | null {
  try {
    return readdirSync("/proc/self/fd").filter(isSocket).length;
  } catch {
    return null;
  }
}

function isSocket(name: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${name}`).startsWith("socket:");
  } catch {
    return false;
  }
}
