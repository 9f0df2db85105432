/** An agent as the registry of the process knows it. */
export interface RunningAgent {
  /** Stops it; must not reject. */
  stop(): Promise<unknown>;
  /** When it was made, among all agents of the process. */
  readonly generation?: number;
}

// A hot reload evaluates the modules again but keeps globalThis, timers and
// sockets, so only here can a new copy find the agent of the old one.
const SLOT: unique symbol = Symbol.for("z4j.agent") as typeof SLOT;

type Slots = Map<string, RunningAgent>;

const COUNTER: unique symbol = Symbol.for("z4j.generation") as typeof COUNTER;

/** Numbers the agents of this process across all copies of this module. */
export function nextGeneration(): number {
  const holder = globalThis as { [COUNTER]?: unknown };
  const before = holder[COUNTER];
  const next = (typeof before === "number" ? before : 0) + 1;
  Object.defineProperty(holder, COUNTER, { value: next, configurable: true, writable: true });
  return next;
}

/** Whether an agent that was made later runs under this name. */
export function isSuperseded(key: string, generation: number): boolean {
  return (runningAgent(key)?.generation ?? 0) > generation;
}

/**
 * Makes this agent the only one of its name in the process. The one before is
 * stopped first, so that two sessions never share a worker's place.
 */
export async function claimProcess(key: string, agent: RunningAgent): Promise<void> {
  for (;;) {
    const before = slots().get(key);
    if (before === agent) return;
    if (before === undefined) {
      slots().set(key, agent);
      return;
    }
    slots().delete(key);
    try {
      await before.stop();
    } catch {
      // An agent of an older copy may fail; its place is free all the same.
    }
  }
}

/** Frees the name, unless another agent has taken it meanwhile. */
export function releaseProcess(key: string, agent: RunningAgent): void {
  if (slots().get(key) === agent) slots().delete(key);
}

/** The agent that runs under a name, possibly of another copy of this module. */
export function runningAgent(key: string): RunningAgent | undefined {
  return slots().get(key);
}

function slots(): Slots {
  const holder = globalThis as { [SLOT]?: unknown };
  const found = holder[SLOT];
  // Structural on purpose: `instanceof` fails across copies and realms.
  if (isSlots(found)) return found;
  const created: Slots = new Map();
  Object.defineProperty(holder, SLOT, { value: created, configurable: true, writable: true });
  return created;
}

function isSlots(value: unknown): value is Slots {
  const map = value as Partial<Slots> | null | undefined;
  return typeof map === "object" && map !== null && typeof map.get === "function" &&
    typeof map.set === "function" && typeof map.delete === "function";
}
