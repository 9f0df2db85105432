import { createMetrics } from "../../src/agent/metrics.ts";
import { createRuntime, type Runtime } from "../../src/agent/runtime.ts";
import type { ConnectionChange } from "../../src/agent/reconcile.ts";
import type { RedactorLike } from "../../src/agent/recorder.ts";
import { noopLogger } from "../../src/base/logger.ts";
import { createGroupedBuffer } from "../../src/buffer/grouped.ts";
import type { WebSocketLike } from "../../src/transport/socket_like.ts";
import { createWebSocketTransport } from "../../src/transport/websocket.ts";
import type { Choices } from "./choices.ts";
import type { VirtualDisk } from "./disk.ts";
import { virtualKey } from "./virtual_key.ts";
import { type Life, newLife, type World } from "./world.ts";

/** What the delivery of a process is doing. */
export type LinkState = "down" | "dialling" | "unproven" | "idle" | "busy" | "waiting";

/** What a process needs of everything around it. */
export interface AgentSurroundings {
  readonly world: World;
  readonly choices: Choices;
  readonly redactor: RedactorLike;
  /** Opens a socket for a run of a process; one that was killed may still ask. */
  dial(node: AgentNode, life: Life): WebSocketLike;
  /** A command is carried out. */
  executed(node: AgentNode, commandId: string): void;
  /** The connection changed. */
  changed(node: AgentNode, change: ConnectionChange): void;
  /** Everything recorded until now is resolved. */
  resolved(node: AgentNode, eventIds: readonly string[]): void;
}

const SECRET = new Uint8Array(32);

/** One process with the real delivery of an agent in it. */
export class AgentNode {
  readonly name: string;
  /** The agent that it is to the brain. */
  readonly token: string;
  readonly disk: VirtualDisk;
  life: Life = newLife();
  /** Version of the secret that it was started with. */
  secret = 1;
  /** How often it was started. */
  runs = 0;
  readonly #around: AgentSurroundings;
  #runtime: Runtime | null = null;
  #kind: ConnectionChange["kind"] = "ended";
  #verified = false;

  constructor(name: string, token: string, disk: VirtualDisk, around: AgentSurroundings) {
    this.name = name;
    this.token = token;
    this.disk = disk;
    this.#around = around;
  }

  /** The parts that run, or `null` while it is down. */
  get runtime(): Runtime | null {
    return this.#runtime;
  }

  /** What its delivery is doing. */
  get state(): LinkState {
    if (this.#runtime === null) return "down";
    if (this.#kind === "connected") {
      if (!this.#verified) return "unproven";
      return this.#runtime.pump.counters().batchesInFlight > 0 ? "busy" : "idle";
    }
    return this.#kind === "waiting" ? "waiting" : "dialling";
  }

  /** Starts it on what its disk holds, with a secret. */
  start(secret: number): void {
    const { world, choices, redactor } = this.#around;
    const life = newLife();
    life.skewMs = this.life.skewMs;
    this.life = life;
    this.secret = secret;
    this.runs++;
    this.#kind = "connecting";
    const clock = world.clockOf(life);
    const random = (): number => choices.jitter();
    const store = this.disk.open(world, life);
    const buffer = createGroupedBuffer({ store, clock, random });
    const runtime = createRuntime({
      parts: {
        identity: { ...IDENTITY, workerId: this.token, startedAtMs: clock.now() },
        secret: SECRET,
        transport: createWebSocketTransport({
          brainUrl: "http://127.0.0.1:1",
          token: this.token,
          webSocket: () => this.#around.dial(this, life),
          clock,
        }),
        openBuffer: () => Promise.resolve(buffer),
        redactor,
        random,
        agentStatusDisabled: true,
        commands: (registry) =>
          registry.register("simulated.act", ({ id }) => {
            this.#around.executed(this, id);
            return Promise.resolve({ status: "done", result: { by: `${this.name}#${this.runs}` } });
          }),
      },
      clock,
      logger: noopLogger,
      buffer,
      createStream: null,
      key: virtualKey(secret),
      metrics: createMetrics(),
      host: {
        changed: (change) => this.#changed(change),
        verified: () => void (this.#verified = true),
        command: () => {},
        loss: () => {},
      },
    });
    this.#runtime = runtime;
    runtime.reconciler.start();
  }

  /** Ends it as SIGKILL does, with its disk. */
  crash(): void {
    this.life.dead = true;
    this.#runtime = null;
    this.#kind = "ended";
    this.#verified = false;
    this.disk.crash(this.#around.choices);
  }

  /** Records an event; with `wait` its promise is kept. */
  record(eventId: string, wait: boolean, isTerminal: boolean): void {
    const runtime = this.#runtime;
    if (runtime === null) return;
    const { world, resolved } = this.#around;
    runtime.recorder.event("simulated", {
      id: eventId,
      kind: isTerminal ? "task.succeeded" : "task.started",
      taskId: `q:${eventId}`,
      occurredAtMs: world.clockOf(this.life).now(),
      data: { taskName: "job", queue: "q" },
    });
    if (!wait) return;
    const life = this.life;
    void runtime.buffer.settled().then(() => {
      if (!life.dead) resolved(this, [eventId]);
    });
  }

  #changed(change: ConnectionChange): void {
    this.#kind = change.kind;
    if (change.kind === "connected" || change.kind === "ended") this.#verified = false;
    this.#around.changed(this, change);
  }
}

const IDENTITY = {
  framework: "bare",
  agentVersion: "1.13.0",
  hostName: "virtual",
  workerRole: "task",
  pid: 1,
};
