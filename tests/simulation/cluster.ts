import type { ConnectionChange } from "../../src/agent/reconcile.ts";
import type { RedactorLike } from "../../src/agent/recorder.ts";
import type { JsonValue } from "../../src/base/json.ts";
import type { Database } from "../../src/brain/database.ts";
import type { StoreLimits } from "../../src/buffer/port.ts";
import { AgentNode, type AgentSurroundings } from "./agent_node.ts";
import { BrainNode, virtualUuid } from "./brain_node.ts";
import type { Choices } from "./choices.ts";
import { type Fault, type NodeState, visit, type Visits } from "./coverage.ts";
import { VirtualDisk } from "./disk.ts";
import { Model } from "./model.ts";
import { Connection, type MessageFault, type NetworkHooks, type Way } from "./network.ts";
import { World } from "./world.ts";

/** What all schedules of a process share. */
export interface Bench {
  readonly db: Database;
  readonly redactor: RedactorLike;
  readonly visits: Visits;
}

/** What a cluster is made of. */
export interface ClusterParts {
  readonly bench: Bench;
  readonly choices: Choices;
  /** Decisions about latencies; the search keeps them fixed. */
  readonly latencies: Choices;
  readonly agents: number;
  readonly limits: StoreLimits;
  readonly latencyMs: number;
  /** Told what happens, for a trace. */
  readonly tell: (line: string) => void;
}

interface FrameFacts {
  readonly type: string;
  /** `null` in a handshake frame. */
  readonly seq: number | null;
}

interface Seen {
  highest: number;
  isStale: boolean;
}

/** Brain, agents and network of one schedule, with the model that watches them. */
export class Cluster implements NetworkHooks {
  readonly world: World = new World();
  readonly brain: BrainNode;
  readonly model: Model;
  readonly nodes: AgentNode[] = [];
  readonly connections: Map<Connection, AgentNode> = new Map<Connection, AgentNode>();
  readonly partitioned: Set<AgentNode> = new Set<AgentNode>();
  /** What happens to the next message of a process. */
  readonly armed: Map<AgentNode, MessageFault> = new Map<AgentNode, MessageFault>();
  readonly commands: Map<string, AgentNode> = new Map<string, AgentNode>();
  readonly #parts: ClusterParts;
  readonly #batches = new Map<string, readonly string[]>();
  readonly #signed = new Map<Connection, Record<Way, number>>();
  readonly #seen = new Map<Connection, Record<Way, Seen>>();
  // Asked three times for each message.
  readonly #frames = new Map<string, FrameFacts>();
  readonly #openedAt = new Map<AgentNode, number>();
  #eventCount = 0;

  constructor(parts: ClusterParts) {
    this.#parts = parts;
    this.brain = new BrainNode({
      db: parts.bench.db,
      world: this.world,
      choices: parts.choices,
      redact: (value) => parts.bench.redactor.redact(value) as JsonValue,
    });
    this.model = new Model(this.brain);
    const names = Array.from({ length: parts.agents }, (_, index) => `agent${index}`);
    this.brain.install(names);
    for (const name of names) this.addNode(name, name);
  }

  /** Adds a process of an agent and starts it. */
  addNode(name: string, token: string): AgentNode {
    const { limits, latencyMs } = this.#parts;
    const disk = new VirtualDisk({ limits, latencyMs }, {
      appended: (texts) => this.model.appended(texts),
      removing: (texts) => this.model.removing(texts.map(idOf)),
      evicted: (texts) => this.model.evicted(texts.map(idOf)),
      evictedInCrash: (texts) => {
        this.model.evicted(texts.map(idOf));
        this.model.countLosses({ capacity: { file: texts.length } });
      },
    });
    const node = new AgentNode(name, token, disk, this.#surroundings());
    this.nodes.push(node);
    node.start(this.brain.secret);
    return node;
  }

  /** Notes a fault in the state of a process. */
  note(node: AgentNode, fault: Fault): void {
    visit(this.#parts.bench.visits, this.stateOf(node), fault);
    this.tell(() => `${node.name} ${this.stateOf(node)}: ${fault}`);
  }

  /** The state of a process as the table has it. */
  stateOf(node: AgentNode): NodeState {
    const link = node.state;
    if (link === "busy") return "busy+";
    const waiting = node.runtime?.buffer.depth().count ?? node.disk.texts().length;
    return waiting > 0 ? `${link}+` : link;
  }

  /** Records an event of a process that runs. */
  record(node: AgentNode): void {
    const { choices } = this.#parts;
    if (node.runtime === null) return;
    const id = virtualUuid("e", ++this.#eventCount);
    this.model.recorded(id);
    this.tell(() => `${node.name} records event ${this.#eventCount}`);
    node.record(id, choices.of(2) === 0, choices.of(2) === 0);
  }

  /** Issues a command, if the brain is there. */
  command(node: AgentNode): void {
    if (!this.brain.isUp) return;
    const id = this.brain.command(node.token);
    this.commands.set(id, node);
    this.tell(() => `the brain commands ${node.token}`);
  }

  /** Ends a process as SIGKILL does; `isTold` resets its connections. */
  crashNode(node: AgentNode, isTold: boolean): void {
    if (node.runtime === null) return;
    this.model.countLosses(node.runtime.buffer.losses());
    this.model.sessionWorked(node.name);
    node.crash();
    for (const connection of this.connectionsOf(node)) {
      connection.cut(isTold ? ["to_brain"] : []);
    }
  }

  /** Starts a process again, with the secret that is right now. */
  restartNode(node: AgentNode): void {
    if (node.runtime === null) node.start(this.brain.secret);
  }

  /** Ends the brain as SIGKILL does; `isTold` resets its connections. */
  crashBrain(isTold: boolean): void {
    this.brain.crash();
    for (const connection of this.connections.keys()) {
      connection.brainOver = true;
      connection.cut(isTold ? ["to_agent"] : []);
    }
  }

  /** Connections of a process that are not over. */
  connectionsOf(node: AgentNode): readonly Connection[] {
    for (const connection of [...this.connections.keys()]) {
      if (connection.isOver) this.connections.delete(connection);
    }
    return [...this.connections].filter(([, owner]) => owner === node).map(([one]) => one);
  }

  /** Whether nothing waits anywhere. */
  get isQuiet(): boolean {
    for (const node of this.nodes) {
      const { runtime } = node;
      if (runtime === null || node.state !== "idle" || runtime.outbox.size > 0) return false;
      if (runtime.buffer.depth().count > 0) return false;
    }
    for (const [connection, node] of this.connections) {
      if (connection.life !== node.life || connection.agentOver) continue;
      if (connection.broken.size > 0 || connection.inFlight > 0) return false;
    }
    return true;
  }

  accept(token: string): ReturnType<NetworkHooks["accept"]> {
    const gateway = this.brain.gateway;
    if (gateway === null) return null;
    const facts = { authorization: `Bearer ${token}`, remoteAddress: "virtual" };
    return { handlers: gateway.accept(facts), life: this.brain.life };
  }

  fault(connection: Connection): MessageFault | null {
    const node = this.connections.get(connection);
    const fault = node === undefined ? undefined : this.armed.get(node);
    if (node === undefined || fault === undefined || node.life !== connection.life) return null;
    this.armed.delete(node);
    this.note(node, fault);
    return fault;
  }

  sent(connection: Connection, way: Way, text: string): void {
    const { type, seq } = this.#factsOf(text);
    this.tell(() => `${way} ${type} ${seq ?? ""}`);
    if (seq === null) return;
    const before = this.#signed.get(connection) ?? { to_brain: 0, to_agent: 0 };
    if (seq !== before[way] + 1) {
      this.model.fail(`${way}: sequence ${seq} follows ${before[way]}`);
    }
    before[way] = seq;
    this.#signed.set(connection, before);
    if (type === "event_batch") this.#noteBatch(text);
    if (type === "event_batch_ack") this.model.brainAcks(this.#batchOf(text));
  }

  swallowed(_connection: Connection, way: Way, text: string, isSilent: boolean): void {
    const { type } = this.#factsOf(text);
    this.tell(() => `${way} ${type} is lost`);
    if (isSilent && type === "command_result") {
      this.model.resultSwallowed(frameIdOf(text));
    }
  }

  arriving(connection: Connection, way: Way, text: string): void {
    const { type, seq } = this.#factsOf(text);
    if (seq === null) return;
    const seen = this.#seen.get(connection) ??
      { to_brain: { highest: 0, isStale: false }, to_agent: { highest: 0, isStale: false } };
    this.#seen.set(connection, seen);
    if (seq <= seen[way].highest) seen[way].isStale = true;
    else seen[way].highest = seq;
    if (seen[way].isStale || way === "to_brain") return;
    if (type !== "event_batch_ack") return;
    this.model.ackArrives(this.#batchOf(text));
    const node = this.connections.get(connection);
    if (node !== undefined) this.model.sessionWorked(node.name);
  }

  arrived(connection: Connection, way: Way, text: string): void {
    if (this.#seen.get(connection)?.[way].isStale !== true) return;
    const isRefused = way === "to_brain"
      ? connection.brainOver
      : connection.agentOver || connection.isClosing || connection.life.dead;
    if (!isRefused) this.model.fail(`${way}: a repeated ${this.#factsOf(text).type} was taken`);
  }

  /** A line for the trace, made only when there is one. */
  tell(line: () => string): void {
    this.#parts.tell === NO_TRACE || this.#parts.tell(`${this.world.nowMs.toFixed(2)} ${line()}`);
  }

  #surroundings(): AgentSurroundings {
    const { choices, latencies, bench } = this.#parts;
    const { world } = this;
    return {
      world,
      choices,
      redactor: bench.redactor,
      dial: (node, life) => {
        const { token } = node;
        const connection = new Connection({ world, hooks: this, choices: latencies, life, token });
        if (this.partitioned.has(node)) connection.cut([]);
        this.connections.set(connection, node);
        return connection;
      },
      executed: (node, commandId) => {
        this.tell(() => `${node.name} carries out a command`);
        this.model.executed(commandId, node.name, node.runs);
      },
      changed: (node, change) => this.#changed(node, change),
      resolved: (_node, eventIds) => eventIds.forEach((id) => this.model.resolved(id)),
    };
  }

  #changed(node: AgentNode, change: ConnectionChange): void {
    this.tell(() => `${node.name} ${change.kind} ${"end" in change ? change.end.advice : ""}`);
    const { nowMs } = this.world;
    if (change.kind === "connected") this.#openedAt.set(node, nowMs);
    if (change.kind === "ended" && nowMs - (this.#openedAt.get(node) ?? nowMs) >= 30_000) {
      this.model.sessionWorked(node.name);
    }
    if (change.kind !== "waiting") return;
    const delayMs = change.retryAtMs - this.world.clockOf(node.life).now();
    this.model.waits(node.name, change.end, delayMs);
  }

  #factsOf(text: string): FrameFacts {
    let facts = this.#frames.get(text);
    if (facts === undefined) {
      facts = { type: typeOf(text), seq: seqOf(text) };
      this.#frames.set(text, facts);
    }
    return facts;
  }

  #noteBatch(text: string): void {
    const frame = JSON.parse(text) as { id: string; payload: { events: { id: string }[] } };
    const ids = frame.payload.events.map(({ id }) => id);
    const before = this.#batches.get(frame.id);
    if (before !== undefined && before.join() !== ids.join()) {
      this.model.fail("a batch was sent again with other events");
    }
    this.#batches.set(frame.id, ids);
  }

  #batchOf(text: string): readonly string[] {
    return this.#batches.get(/"acked_id":"([^"]*)"/.exec(text)?.[1] ?? "") ?? [];
  }
}

/** A trace that nobody reads. */
export const NO_TRACE = (_line: string): void => {};

function seqOf(text: string): number | null {
  const found = /,"seq":(\d+),"ts":"[^"]*","type":/.exec(text.slice(-120));
  return found === null ? null : Number(found[1]);
}

function typeOf(text: string): string {
  return /"type":"([a-z_]+)"/.exec(text.slice(-60))?.[1] ?? "?";
}

function frameIdOf(text: string): string {
  return /"id":"([^"]*)"/.exec(text)?.[1] ?? "";
}

function idOf(text: string): string {
  return (JSON.parse(text) as { id: string }).id;
}
