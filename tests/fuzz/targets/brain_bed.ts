import { ok } from "node:assert/strict";
import { clearImmediate, setImmediate } from "node:timers";
import { type Clock, systemClock } from "../../../src/base/clock.ts";
import type { JsonObject } from "../../../src/base/json.ts";
import type { Logger } from "../../../src/base/logger.ts";
import { newApiToken } from "../../../src/brain/auth.ts";
import { openBrainCore } from "../../../src/brain/core.ts";
import type { BrainLimits } from "../../../src/brain/limits.ts";
import type { BrainCore } from "../../../src/brain/gateway_port.ts";
import { assembleBrain, type Brain } from "../../../src/brain/http_brain.ts";
import type { MintedAgent } from "../../../src/brain/operator_port.ts";
import { PeerAgent, wireEvent } from "../../_support/brain_peer.ts";
import { MARKUP } from "../grammar.ts";

/** Where the brain of a bed says that it listens. */
export const HOST = "127.0.0.1:7700";
/** What the agent of a bed claims to be able to do. */
export const HELLO: JsonObject = {
  engines: ["bullmq"],
  schedulers: [],
  worker_id: "w1",
  capabilities: {
    bullmq: [
      ...["retry_task", "bulk_retry", "cancel_task", "retry_by_reference_v1", "submit_task"],
      ...["requeue_dead_letter", "pause_queue", "resume_queue", "queue_concurrency"],
      ...["restart_worker", "pool_grow", "pool_shrink", "add_consumer", "cancel_consumer"],
    ],
  },
};

const LISTS = ["agents", "agent-workers", "tasks?limit=500", "workers", "queues", "stats"]
  .concat("schedules", "commands?limit=500", "schedules/native-capabilities");
const PAGES = ["/", "/fragments/tasks", "/fragments/workers", "/fragments/queues"]
  .concat("/fragments/agents", "/fragments/commands", "/fragments/schedules");
const TURNS_MS = 15_000;
const NO_ADDRESS = { remoteAddress: "127.0.0.1" };

// Short waits end in the next turn; a timer would cost its time of each case.
const quickClock = (quickMs: number): Clock => ({
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic(),
  setTimer(callback, delayMs) {
    if (delayMs > quickMs) return systemClock.setTimer(callback, delayMs);
    const immediate = setImmediate(callback);
    return () => clearImmediate(immediate);
  },
});

/** Waits turn by turn of the event loop, so that a case costs no millisecond of a timer. */
export async function turns(what: string, holds: () => boolean): Promise<void> {
  const endMs = performance.now() + TURNS_MS;
  while (!holds()) {
    if (performance.now() > endMs) throw new Error(`${what}: not within ${TURNS_MS} ms`);
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
}

/** What is read of a brain. */
export interface Asked {
  /** Lists of the REST interface. */
  readonly lists: readonly string[];
  /** Pages and parts of pages. */
  readonly pages: readonly string[];
  /** How many tasks, each as JSON and as a page. Default: none. */
  readonly tasks?: number;
}

const EVERYTHING: Asked = { lists: LISTS, pages: PAGES, tasks: 20 };

/** What differs in a bed. */
export interface BedOptions {
  /** File of the brain. Default: in memory. */
  readonly path?: string;
  /** Waits up to here are not waited for. Default 0. */
  readonly quickMs?: number;
  readonly limits?: Partial<BrainLimits>;
}

/** A brain in memory with something of everything in it, and an ear for its errors. */
export class BrainBed {
  readonly core: BrainCore;
  readonly brain: Brain;
  readonly minted: MintedAgent;
  readonly #errors: string[];

  private constructor(core: BrainCore, brain: Brain, minted: MintedAgent, errors: string[]) {
    this.core = core;
    this.brain = brain;
    this.minted = minted;
    this.#errors = errors;
  }

  static async open({ path = ":memory:", quickMs = 0, limits = {} }: BedOptions = {}): Promise<
    BrainBed
  > {
    const errors: string[] = [];
    const logger: Logger = {
      debug() {},
      info() {},
      warn() {},
      error: (facts, message) => void errors.push(`${message}: ${String(facts["error"])}`),
    };
    const clock = quickClock(quickMs);
    const core = await openBrainCore({
      ...{ path, clock, logger, limits: { connectsPerMinute: Infinity, ...limits } },
    });
    const brain = await assembleBrain({
      ...{ core, apiToken: newApiToken(), project: "default", clock, logger },
    });
    brain.listensOn(7700);
    const minted = await core.operator.mintAgent(brain.project.id, "web");
    return new BrainBed(core, brain, minted, errors);
  }

  /** Connects the agent. */
  async connect(): Promise<PeerAgent> {
    const peer = new PeerAgent(this.core.gateway, this.minted.token);
    await peer.hello(this.minted.hmacSecret, HELLO);
    return peer;
  }

  /** Sends what makes a task of each kind, a queue and a worker. */
  async fill(peer: PeerAgent): Promise<void> {
    const at = (kind: string, task_id: string, data: JsonObject): JsonObject =>
      wireEvent({
        kind,
        task_id,
        data: { task_name: "send", queue: "mail", worker: "w", ...data },
      });
    await peer.send("heartbeat", "hb", {
      adapter_health: {
        "bullmq.queue_depths": { mail: 3 },
        "bullmq.worker_details": { w: { active_queues: ["mail"], stats: { pid: 1 } } },
      },
    });
    await peer.batch("fill", [
      at("task.received", "mail:1", { args: [1], kwargs: {} }),
      at("task.failed", "mail:2", { exception: "boom", traceback: "at x" }),
      at("task.succeeded", "mail:3", { result: { a: 1 } }),
      wireEvent({ kind: "worker.online", task_id: "", data: { worker: "w", queue: "mail" } }),
    ]);
  }

  /** Asks for a path as the operator does. */
  async ask(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (!headers.has("host")) headers.set("host", HOST);
    if (!headers.has("authorization")) {
      headers.set("authorization", `Bearer ${this.brain.apiToken}`);
    }
    const request = new Request(`http://${HOST}${path}`, { ...init, headers });
    return await this.brain.fetch(request, NO_ADDRESS);
  }

  /** Nothing may reach the log as an error: that is what the brain did not foresee. */
  requireQuiet(): void {
    ok(this.#errors.length === 0, `the brain logged ${this.#errors.splice(0).join("; ")}`);
  }

  /** Whatever was stored, every list and page can be read. */
  async requireReadable(asked: Asked = EVERYTHING): Promise<void> {
    const { id } = this.brain.project;
    for (const name of asked.lists) await this.#json(`/api/v1/projects/default/${name}`);
    for (const path of asked.pages) await this.#page(path);
    if (asked.tasks === undefined) return this.requireQuiet();
    const { items } = this.core.reader.tasks(id, { limit: asked.tasks });
    for (const { engine, taskId } of items) {
      // What has no name, or none in UTF-8, has no address.
      if (engine === "" || taskId === "" || /\ufffd/.test(engine + taskId)) continue;
      const address = `${encodeURIComponent(engine)}/${encodeURIComponent(taskId)}`;
      await this.#json(`/api/v1/projects/default/tasks/${address}`);
      await this.#page(`/tasks/${address}`);
    }
    this.requireQuiet();
  }

  async close(): Promise<void> {
    await this.brain.close();
  }

  async #json(path: string): Promise<void> {
    const response = await this.ask(path);
    const text = await response.text();
    ok(response.status === 200, `GET ${path}: ${response.status} ${text.slice(0, 300)}`);
    JSON.parse(text);
  }

  async #page(path: string): Promise<void> {
    const response = await this.ask(path, { headers: { accept: "text/html" } });
    const text = await response.text();
    ok(response.status === 200, `GET ${path}: ${response.status} ${text.slice(0, 300)}`);
    ok(!text.includes(MARKUP), `GET ${path} shows markup as it was sent`);
  }
}
