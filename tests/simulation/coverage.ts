import type { LinkState } from "./agent_node.ts";

/** Everything that goes wrong. */
export const FAULTS = [
  "drop",
  "duplicate",
  "reorder",
  "delay",
  "cut",
  "half_open",
  "partition",
  "crash_agent",
  "crash_brain",
  "disk_full",
  "clock_agent",
  "clock_brain",
  "twin",
  "rotation",
  "command_twice",
] as const;

/** One kind of fault. */
export type Fault = typeof FAULTS[number];

/** States of a process; `+` means that events wait in its buffer. */
export const STATES = [
  "down",
  "down+",
  "dialling",
  "dialling+",
  "unproven",
  "unproven+",
  "idle",
  "idle+",
  "busy+",
  "waiting",
  "waiting+",
] as const;

/** One state of a process. */
export type NodeState = typeof STATES[number];

const OF_CONNECTION: ReadonlySet<Fault> = new Set<Fault>([
  "drop",
  "duplicate",
  "reorder",
  "delay",
  "cut",
  "half_open",
]);

/** Whether a fault can meet a state at all. */
export function isPossible(state: NodeState, fault: Fault): boolean {
  const link = state.replace("+", "") as LinkState;
  if (OF_CONNECTION.has(fault)) return link !== "down" && link !== "waiting";
  if (fault === "crash_agent") return link !== "down";
  if (fault === "command_twice") {
    return link !== "down" && link !== "waiting" && link !== "dialling";
  }
  return true;
}

/** How often each fault met each state. */
export type Visits = Record<string, number>;

/** Notes a meeting. */
export function visit(visits: Visits, state: NodeState, fault: Fault): void {
  const key = `${state} ${fault}`;
  visits[key] = (visits[key] ?? 0) + 1;
}

/** Rows of the table, and how much of what is possible was visited. */
export function coverageOf(visits: Visits): {
  readonly rows: Readonly<Record<string, Readonly<Record<string, number | string>>>>;
  readonly visited: number;
  readonly possible: number;
  readonly missing: readonly string[];
} {
  const missing: string[] = [];
  let possible = 0;
  const rows = Object.fromEntries(FAULTS.map((fault) => [
    fault,
    Object.fromEntries(STATES.map((state) => {
      if (!isPossible(state, fault)) return [state, "-"];
      possible++;
      const count = visits[`${state} ${fault}`] ?? 0;
      if (count === 0) missing.push(`${state} ${fault}`);
      return [state, count];
    })),
  ]));
  return { rows, visited: possible - missing.length, possible, missing };
}
