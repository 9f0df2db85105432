import { type Clock, withDeadline } from "../../base/clock.ts";
import { createExpiring, type Expiring } from "./expiring.ts";
import { flowKey, type FlowPlace, flowTaskId } from "./flow.ts";
import type { ReadParent } from "./flow_reader.ts";
import {
  EDGE_TTL_MS,
  MAX_FLOW_EDGES,
  MAX_FLOW_LEVELS,
  MAX_OPEN_READS,
  WALK_DEADLINE_MS,
} from "./limits.ts";

/** Finds the top of the flow above a job. Never throws, never rejects. */
export interface Ancestors {
  /** Whether something has, and is able, to be read to know the root above a parent. */
  needsWalk(parent: FlowPlace): boolean;
  /** Task id of the highest ancestor known so far, at least the parent itself. */
  highest(parent: FlowPlace): string;
  /** Reads what is missing; ends at the deadline at the latest. */
  walk(parent: FlowPlace): Promise<void>;
}

/** `null`: it is known to have no parent. */
type Edges = Expiring<FlowPlace | null>;

interface Climb {
  readonly top: FlowPlace;
  /** Whether nothing is above `top`, or nothing that we would follow. */
  readonly ended: boolean;
}

/**
 * Creates the finder of one queue or worker. It remembers who is above whom, so
 * a thousand children of one parent cost one walk. Reads without an answer are
 * shared and counted: a broker that hangs must not collect them.
 */
export function createAncestors(read: ReadParent, clock: Clock): Ancestors {
  const edges: Edges = createExpiring(MAX_FLOW_EDGES, EDGE_TTL_MS, clock);
  const reads = new Map<string, Promise<boolean>>();
  const walks = new Map<string, Promise<void>>();
  return {
    needsWalk(parent) {
      const { top, ended } = climb(edges, parent);
      return !ended && (reads.size < MAX_OPEN_READS || reads.has(flowKey(top)));
    },
    highest: (parent) => flowTaskId(climb(edges, parent).top),
    walk(parent) {
      const key = flowKey(parent);
      const walk = walks.get(key) ?? begin(parent).finally(() => walks.delete(key));
      walks.set(key, walk);
      return walk;
    },
  };

  async function begin(parent: FlowPlace): Promise<void> {
    const control = new AbortController();
    await withDeadline(clock, follow(parent, control.signal), WALK_DEADLINE_MS);
    control.abort();
  }

  async function follow(parent: FlowPlace, signal: AbortSignal): Promise<void> {
    for (let level = 0; level < MAX_FLOW_LEVELS && !signal.aborted; level++) {
      const { top, ended } = climb(edges, parent);
      if (ended || !(await readOnce(top))) return;
    }
  }

  function readOnce(place: FlowPlace): Promise<boolean> {
    const key = flowKey(place);
    const open = reads.get(key);
    if (open !== undefined) return open;
    if (reads.size >= MAX_OPEN_READS) return Promise.resolve(false);
    const begun = read(place).then((above) => {
      edges.set(key, above ?? null);
      return true;
    }).catch(() => false).finally(() => reads.delete(key));
    reads.set(key, begun);
    return begun;
  }
}

function climb(edges: Edges, from: FlowPlace): Climb {
  const seen = new Set<string>([flowKey(from)]);
  let top = from;
  while (seen.size < MAX_FLOW_LEVELS) {
    const above = edges.get(flowKey(top));
    if (above === undefined) return { top, ended: false };
    if (above === null || seen.has(flowKey(above))) break;
    seen.add(flowKey(above));
    top = above;
  }
  return { top, ended: true };
}
