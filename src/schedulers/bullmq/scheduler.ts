import { type CancelTimer, type Clock, systemClock } from "../../base/clock.ts";
import { errorText } from "../../base/errors.ts";
import { bounded } from "../../engines/bullmq/bounded.ts";
import type { BullWorkerLike } from "../../engines/bullmq/like.ts";
import { quietly } from "../../engines/bullmq/quietly.ts";
import type { ActionContext, ActionOutcome } from "../../engines/contract.ts";
import type {
  Schedule,
  Scheduler,
  SchedulerActions,
  SchedulerCapability,
  SchedulerSink,
} from "../contract.ts";
import { defineScheduler } from "../define.ts";
import { createKeeper, type Keeper } from "./keeper.ts";
import { watchUpserts } from "./intercept.ts";
import type { SchedulerQueueLike } from "./like.ts";
import { MAX_LAST_RUNS, POLL_MS } from "./limits.ts";
import { create, disable, enable, remove, type Target, trigger, update } from "./operations.ts";
import { keyOf } from "./row.ts";
import { watchRuns } from "./runs.ts";
import { openStore, type ScheduleStore } from "./store.ts";

/** What `bullmqScheduler` takes. */
export interface BullmqSchedulerOptions {
  /** Queues whose job schedulers are shown and steered; BullMQ 5 or 6 on Redis. */
  readonly queues: readonly SchedulerQueueLike[];
  /** Workers of this process whose runs are reported. Default: none, rows are shown all the same. */
  readonly workers?: readonly BullWorkerLike[] | undefined;
  /** Owner name of the stream. Default `bullmq`. */
  readonly name?: string | undefined;
  /**
   * Your promise that job schedulers of these queues are written only by processes
   * in which this scheduler watches them. Then its lock makes compare and set one
   * step, and the stock brain offers create, update and delete. Default `false`.
   */
  readonly exclusiveWrites?: boolean | undefined;
  /** Time. Default: the clock of the process. */
  readonly clock?: Clock | undefined;
}

/**
 * Shows and steers the job schedulers of BullMQ (version 5 or 6, Redis) through
 * the user's own queues. Makes no connection of its own.
 *
 * Keys are `<queue>:<scheduler id>`. BullMQ has no pause: a disabled schedule is
 * taken out and its definition kept in Redis beside the queue. While it is off,
 * `upsertJobScheduler` on these queues stores the new definition and resolves to
 * `undefined`; where another process makes it all the same, it is taken out
 * again within 15 seconds.
 *
 * @throws {TypeError} Two queues have the same name, or one has no job schedulers.
 * @throws {Z4jError} `Z4J_SCHEDULER_INVALID` for a name that a brain cannot keep.
 *
 * @example The schedules of one queue
 * ```ts
 * import { bullmqScheduler, type SchedulerQueueLike } from "@z4j/core/schedulers/bullmq";
 *
 * function watch(queue: SchedulerQueueLike) {
 *   return bullmqScheduler({ queues: [queue] });
 * }
 * ```
 */
export function bullmqScheduler(options: BullmqSchedulerOptions): Scheduler {
  requireUsable(options.queues);
  return defineScheduler(new JobSchedulers(options));
}

const CAPABILITIES: readonly SchedulerCapability[] = [
  ...(["list", "read", "create", "update", "delete"] as const),
  ...(["enable", "disable", "trigger_now"] as const),
];

class JobSchedulers implements Scheduler {
  readonly name: string;
  readonly engine = "bullmq";
  readonly capabilities: readonly SchedulerCapability[] = CAPABILITIES;
  readonly hasAtomicWrites: boolean;
  readonly actions: SchedulerActions;
  readonly #options: BullmqSchedulerOptions;
  readonly #clock: Clock;
  readonly #stores: readonly ScheduleStore[];
  readonly #lastRuns = new Map<string, number>();
  #stops: (() => void)[] = [];
  #cancelPoll: CancelTimer = () => {};
  #keeper: Keeper;
  #sink: SchedulerSink | undefined;

  constructor(options: BullmqSchedulerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.name = options.name ?? "bullmq";
    this.hasAtomicWrites = options.exclusiveWrites === true;
    this.#stores = options.queues.map((queue) => openStore(queue, this.#clock));
    this.#keeper = createKeeper({
      stores: this.#stores,
      clock: this.#clock,
      lastRuns: this.#lastRuns,
      notice: (facts, message) => this.#sink?.notice(facts, message),
    });
    this.actions = this.#actions();
  }

  attach(sink: SchedulerSink): void {
    if (this.#sink !== undefined) return;
    this.#sink = sink;
    const changed = (): void => this.#sink?.changed();
    for (const store of this.#stores) {
      this.#stops.push(watchUpserts(store, {
        isExclusive: this.hasAtomicWrites,
        changed,
        keptOff: (id) =>
          this.#sink?.notice(
            { schedule: keyOf(store.queue.name, id) },
            "the code made a schedule that is disabled; it stays disabled with the new definition",
          ),
      }));
    }
    const listener = {
      sink: { run: (run: Parameters<SchedulerSink["run"]>[0]) => this.#sink?.run(run) },
      clock: this.#clock,
      began: (key: string, atMs: number) => this.#began(key, atMs),
    };
    for (const worker of this.#options.workers ?? []) {
      quietly(() => void this.#stops.push(watchRuns(worker, listener)));
    }
    this.#poll();
  }

  detach(): void {
    this.#sink = undefined;
    this.#cancelPoll();
    for (const stop of this.#stops.splice(0)) quietly(stop);
  }

  async list(): Promise<readonly Schedule[]> {
    return await this.#keeper.list();
  }

  #actions(): SchedulerActions {
    const on = (
      run: (target: Target) => Promise<ActionOutcome>,
      compares = true,
    ) =>
    (key: string, context: ActionContext) => this.#act(key, context, run, compares);
    return {
      create: (definition, context) => {
        const queue = definition.queue ?? this.#onlyQueue();
        if (queue === undefined) {
          return Promise.resolve(refuse(`name a queue: ${this.#queueNames()}`));
        }
        const id = definition.name.trim();
        return this.#act(keyOf(queue, id), context, (target) => create(target, definition), false);
      },
      update: (key, change, context) =>
        this.#act(key, context, (target) => update(target, change), true),
      delete: on(remove),
      enable: on(enable),
      disable: on(disable),
      trigger: on(trigger, false),
    };
  }

  async #act(
    key: string,
    context: ActionContext,
    run: (target: Target) => Promise<ActionOutcome>,
    compares: boolean,
  ): Promise<ActionOutcome> {
    const at = key.indexOf(":");
    const store = this.#stores.find(({ queue }) => queue.name === key.slice(0, Math.max(0, at)));
    const id = key.slice(at + 1);
    if (store === undefined || id === "") {
      return refuse(`there is no schedule "${key}"; queues: ${this.#queueNames()}`);
    }
    let began = false;
    const ended = await bounded(context, async () => {
      // A queued write would happen after the operator was told that it failed.
      if (!(await store.isReady())) return refuse("Redis is not connected");
      return await store.locked(id, async () => {
        const target = await this.#target(store, id);
        if (context.signal.aborted) return refuse("the time was up");
        if (compares && this.#keeper.isStale(key, target)) {
          return refuse("the schedule changed since it was listed");
        }
        began = true;
        return await run(target);
      });
    });
    this.#keeper.forget(key);
    if (ended.ended === "value") {
      if (ended.value.status === "done") this.#sink?.changed();
      return ended.value;
    }
    const reason = ended.ended === "error" ? ended.error : "no answer in time";
    return began ? { status: "indeterminate", reason } : { status: "failed", error: reason };
  }

  async #target(store: ScheduleStore, id: string): Promise<Target> {
    const nowMs = this.#clock.now();
    const { live: [live], off, legacy } = await store.read(nowMs, id);
    if (legacy.length > 0) throw new Error(`"${id}" is a repeatable job of an earlier version`);
    return { store, id, live, nowMs, off: off.has(id) ? { record: off.get(id) } : undefined };
  }

  #began(key: string, atMs: number): void {
    if (this.#lastRuns.size >= MAX_LAST_RUNS) this.#lastRuns.clear();
    this.#lastRuns.set(key, atMs);
    this.#sink?.changed();
  }

  #poll(): void {
    const sink = this.#sink;
    if (sink === undefined) return;
    this.#keeper.look().then((isNews) => {
      if (isNews && this.#sink === sink) sink.changed();
    }).catch((error) =>
      this.#sink?.notice({ error: errorText(error) }, "the job schedulers cannot be read")
    ).finally(() => {
      if (this.#sink !== sink) return;
      this.#cancelPoll = this.#clock.setTimer(() => this.#poll(), POLL_MS);
    });
  }

  #onlyQueue(): string | undefined {
    const [only, ...others] = this.#stores;
    return others.length === 0 ? only?.queue.name : undefined;
  }

  #queueNames(): string {
    return this.#stores.map(({ queue }) => queue.name).join(", ") || "none";
  }
}

function requireUsable(queues: readonly SchedulerQueueLike[]): void {
  const seen = new Set<string>();
  for (const { name, upsertJobScheduler } of queues) {
    if (seen.has(name)) throw new TypeError(`Cannot watch the queue ${name}: it is listed twice`);
    seen.add(name);
    if (typeof upsertJobScheduler !== "function") {
      throw new TypeError(
        `Cannot watch the queue ${name}: it has no job schedulers, expected BullMQ 5.16 or later`,
      );
    }
  }
}

function refuse(reason: string): ActionOutcome {
  return { status: "refused", reason };
}
