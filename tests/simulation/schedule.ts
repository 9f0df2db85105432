import type { AgentNode } from "./agent_node.ts";
import type { Choices } from "./choices.ts";
import { type Bench, Cluster, NO_TRACE } from "./cluster.ts";
import { type Fault, FAULTS, isPossible, type NodeState, STATES } from "./coverage.ts";
import type { Player } from "./world.ts";

/** How one schedule went. */
export interface Played {
  /** What broke the model; empty when it holds. */
  readonly violations: readonly string[];
  /** Happenings. */
  readonly steps: number;
  /** Virtual milliseconds from the end of the faults until all was quiet. */
  readonly drainMs: number;
  /** Faults that came to pass. */
  readonly faults: readonly Fault[];
}

/** How a schedule is played. */
export interface PlayOptions {
  readonly bench: Bench;
  readonly player: Player;
  readonly choices: Choices;
  /** Receives one line for each happening. */
  readonly trace?: (line: string) => void;
  /** Leaves out the planned faults of these indexes, to find the ones that matter. */
  readonly without?: ReadonlySet<number>;
}

interface Planned {
  readonly fault: Fault;
  readonly node: number;
  /** When it happens: at a time, or the first time that its process is in a state. */
  readonly atMs: number | null;
  readonly state: NodeState;
}

// Everything has to be delivered within this after the last fault: the longest
// wait for credentials (600 s), twice, and what it takes to notice a dead peer.
const DRAIN_LIMIT_MS = 1_800_000;
const MESSAGE_FAULTS = ["drop", "duplicate", "reorder", "delay"] as const;

/** Plays one schedule: work and faults, then peace, then the judgement. */
export async function playSchedule(options: PlayOptions): Promise<Played> {
  return await options.player(() => new Schedule(options).play());
}

class Schedule {
  readonly #choices: Choices;
  readonly #cluster: Cluster;
  readonly #faults: Fault[] = [];
  readonly #endMs: number;
  #planned: Planned[];
  #isPeace = false;
  #drainedAtMs: number | null = null;

  constructor(options: PlayOptions) {
    const { choices, bench, trace = NO_TRACE } = options;
    this.#choices = choices;
    this.#endMs = 500 + choices.of(choices.chance(0.2) ? 60_000 : 6000);
    this.#cluster = new Cluster({
      bench,
      choices,
      latencies: choices,
      agents: choices.chance(0.3) ? 2 : 1,
      limits: { maxEvents: choices.chance(0.15) ? 3 : 1000, maxBytes: 1_000_000 },
      latencyMs: choices.chance(0.3) ? 1 + choices.of(40) : 0,
      tell: trace,
    });
    const without = options.without ?? new Set();
    this.#planned = this.#plan().filter((_, index) => !without.has(index));
    this.#work();
  }

  *play(): Generator<void, Played> {
    const { world, model } = this.#cluster;
    yield* this.#run(this.#endMs);
    world.nowMs = Math.max(world.nowMs, this.#endMs);
    this.#makePeace();
    yield* this.#run(this.#endMs + DRAIN_LIMIT_MS);
    if (this.#drainedAtMs === null) model.fail("something still waits after the faults ended");
    else {
      for (const { runtime } of this.#cluster.nodes) {
        if (runtime !== null) model.countLosses(runtime.buffer.losses());
      }
      model.judge((name, run) =>
        this.#cluster.nodes.some((node) => node.name === name && node.runs === run)
      );
    }
    return {
      violations: model.violations,
      steps: world.steps,
      drainMs: (this.#drainedAtMs ?? world.nowMs) - this.#endMs,
      faults: this.#faults,
    };
  }

  *#run(untilMs: number): Generator<void, void> {
    const { world, model } = this.#cluster;
    // What the start of the agents set off.
    yield;
    while (world.step(untilMs)) {
      yield;
      if (model.violations.length > 0) return;
      if (!this.#isPeace) this.#trigger();
      else if (this.#cluster.isQuiet) return void (this.#drainedAtMs = world.nowMs);
    }
  }

  /** Events and commands at random times. */
  #work(): void {
    const { world, nodes } = this.#cluster;
    const span = this.#endMs;
    const node = (): AgentNode => nodes[this.#choices.of(nodes.length)] as AgentNode;
    for (let left = 1 + this.#choices.of(6); left > 0; left--) {
      const isEarly = this.#choices.chance(0.5);
      world.after(this.#choices.of(isEarly ? 150 : span), null, () => this.#cluster.record(node()));
    }
    for (let left = this.#choices.of(3); left > 0; left--) {
      world.after(this.#choices.of(span), null, () => this.#cluster.command(node()));
    }
  }

  #plan(): Planned[] {
    const planned: Planned[] = [];
    for (let left = 1 + this.#choices.of(4); left > 0; left--) {
      const fault = FAULTS[this.#choices.of(FAULTS.length)] as Fault;
      const isTimed = this.#choices.chance(0.3);
      const states = STATES.filter((state) => isPossible(state, fault));
      planned.push({
        fault,
        node: this.#choices.of(2),
        atMs: isTimed ? this.#choices.of(this.#endMs) : null,
        state: states[this.#choices.of(states.length)] as NodeState,
      });
    }
    return planned;
  }

  /** Lets the planned faults happen whose time or state has come. */
  #trigger(): void {
    if (this.#planned.length === 0) return;
    const { nodes, world } = this.#cluster;
    for (const planned of this.#planned) {
      const node = nodes[planned.node % nodes.length] as AgentNode;
      const isDue = planned.atMs === null
        ? this.#cluster.stateOf(node) === planned.state
        : world.nowMs >= planned.atMs;
      if (!isDue || !this.#happens(planned.fault, node)) continue;
      this.#planned = this.#planned.filter((other) => other !== planned);
      this.#faults.push(planned.fault);
    }
  }

  /** Lets a fault happen; `false` when it cannot now. */
  #happens(fault: Fault, node: AgentNode): boolean {
    const cluster = this.#cluster;
    const isMessage = (MESSAGE_FAULTS as readonly string[]).includes(fault);
    if (isMessage) {
      cluster.armed.set(node, fault as typeof MESSAGE_FAULTS[number]);
      return true;
    }
    const note = (): void => {
      // What hits the brain meets every process.
      const all = fault === "crash_brain" || fault === "clock_brain" || fault === "rotation";
      for (const one of all ? cluster.nodes : [node]) cluster.note(one, fault);
    };
    return FAULT_ACTIONS[fault as keyof typeof FAULT_ACTIONS]({
      cluster,
      node,
      choices: this.#choices,
      note,
      later: (delayMs, action) =>
        void cluster.world.after(delayMs, null, () => {
          if (!this.#isPeace) action();
        }),
    });
  }

  /** No more faults: what was broken is repaired by those who can. */
  #makePeace(): void {
    this.#isPeace = true;
    const cluster = this.#cluster;
    cluster.tell(() => "peace");
    cluster.armed.clear();
    cluster.partitioned.clear();
    if (!cluster.brain.isUp) cluster.brain.start();
    cluster.brain.life.skewMs = 0;
    for (const node of cluster.nodes) {
      node.disk.full = false;
      node.life.skewMs = 0;
      if (node.secret !== cluster.brain.secret) cluster.crashNode(node, true);
      cluster.restartNode(node);
    }
  }
}

interface FaultContext {
  readonly cluster: Cluster;
  readonly node: AgentNode;
  readonly choices: Choices;
  readonly note: () => void;
  /** Does something later, unless the faults are over by then. */
  readonly later: (delayMs: number, action: () => void) => void;
}

const JUMPS_MS = [-86_400_000, -3_600_000, -90_000, -5000, 5000, 50_000, 90_000, 86_400_000];
const BRAIN_JUMPS_MS = [-90_000, -30_000, 30_000, 90_000];

const FAULT_ACTIONS = {
  cut: (context: FaultContext) => endConnection(context, ["to_brain", "to_agent"]),
  half_open: (context: FaultContext) =>
    endConnection(context, context.choices.chance(0.5) ? ["to_agent"] : []),
  partition({ cluster, node, choices, note, later }: FaultContext): boolean {
    if (cluster.partitioned.has(node)) return false;
    note();
    cluster.partitioned.add(node);
    for (const connection of cluster.connectionsOf(node)) connection.cut([]);
    later(100 + choices.of(20_000), () => void cluster.partitioned.delete(node));
    return true;
  },
  crash_agent({ cluster, node, choices, note, later }: FaultContext): boolean {
    if (node.runtime === null) return false;
    note();
    cluster.crashNode(node, choices.chance(0.7));
    later(choices.of(3000), () => cluster.restartNode(node));
    return true;
  },
  crash_brain({ cluster, choices, note, later }: FaultContext): boolean {
    if (!cluster.brain.isUp) return false;
    note();
    cluster.crashBrain(choices.chance(0.7));
    later(choices.of(3000), () => {
      if (!cluster.brain.isUp) cluster.brain.start();
    });
    return true;
  },
  disk_full({ node, choices, note, later }: FaultContext): boolean {
    if (node.disk.full) return false;
    note();
    node.disk.full = true;
    later(10 + choices.of(5000), () => void (node.disk.full = false));
    return true;
  },
  clock_agent({ node, choices, note }: FaultContext): boolean {
    note();
    node.life.skewMs += JUMPS_MS[choices.of(JUMPS_MS.length)] ?? 0;
    return true;
  },
  clock_brain({ cluster, choices, note }: FaultContext): boolean {
    note();
    cluster.brain.life.skewMs = BRAIN_JUMPS_MS[choices.of(BRAIN_JUMPS_MS.length)] ?? 0;
    return true;
  },
  twin({ cluster, node, note }: FaultContext): boolean {
    if (cluster.nodes.some(({ name }) => name === `${node.token}'`)) return false;
    note();
    cluster.addNode(`${node.token}'`, node.token);
    return true;
  },
  rotation({ cluster, choices, note, later }: FaultContext): boolean {
    note();
    cluster.brain.secret++;
    for (const node of [...cluster.nodes]) {
      later(choices.of(20_000), () => {
        cluster.crashNode(node, true);
        cluster.restartNode(node);
      });
    }
    return true;
  },
  command_twice({ cluster, node, note }: FaultContext): boolean {
    if (!cluster.brain.isUp || node.runtime === null) return false;
    // Only the process that got a command first remembers it.
    if (cluster.nodes.some((one) => one !== node && one.token === node.token)) return false;
    for (const [id, target] of cluster.commands) {
      const run = cluster.model.executionOf(id);
      if (target.token !== node.token || run?.run !== node.runs) continue;
      note();
      cluster.brain.repeat(node.token, id);
      return true;
    }
    return false;
  },
} as const satisfies Partial<Record<Fault, (context: FaultContext) => boolean>>;

function endConnection(
  { cluster, node, note }: FaultContext,
  told: readonly ("to_brain" | "to_agent")[],
): boolean {
  const connections = cluster.connectionsOf(node).filter(({ agentOver }) => !agentOver);
  if (connections.length === 0 || node.runtime === null) return false;
  note();
  for (const connection of connections) connection.cut(told);
  return true;
}
