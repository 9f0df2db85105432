/**
 * The bunqueue engine: reports and steers queues and workers on Bun, embedded or of a server.
 *
 * ```ts
 * import { createAgent, type ManagedAgent } from "@z4j/core";
 * import { bunqueueEngine } from "@z4j/core/engines/bunqueue";
 * import type { Queue, Worker } from "bunqueue/client";
 *
 * export function watch(queue: Queue, worker: Worker): ManagedAgent {
 *   return createAgent({ engines: [bunqueueEngine({ queues: [queue], workers: [worker] })] });
 * }
 * ```
 *
 * @module
 */
import { type BullmqEngineOptions, createBullEngine } from "../bullmq/engine.ts";
import type { Engine, EngineCapability } from "../contract.ts";
import { defineEngine } from "../define.ts";
import { bunqueueActions } from "./actions.ts";
import { BUNQUEUE } from "./profile.ts";

/** What users say about their queues and workers; the default `name` is `bunqueue`. */
export type BunqueueEngineOptions = BullmqEngineOptions;

/**
 * Watches and steers bunqueue (2.9 or later, Bun only) through the user's own
 * queues and workers, embedded or connected to a server. It retries failed jobs
 * as they were and cancels; it has no events of other processes, no dead letters
 * page, no purge and no control of workers.
 *
 * Jobs of bunqueue have three attempts unless told otherwise. The time of an
 * end is taken when its event arrives, because the job does not carry it.
 *
 * @throws {TypeError} Two queues have the same name.
 * @throws {Z4jError} `Z4J_ENGINE_INVALID` for a name that a brain cannot keep.
 *
 * @example Queues and workers of this process
 * ```ts
 * import { bunqueueEngine } from "@z4j/core/engines/bunqueue";
 * import type { BullQueueLike, BullWorkerLike } from "@z4j/core/engines/bunqueue";
 *
 * function watch(queue: BullQueueLike, worker: BullWorkerLike) {
 *   return bunqueueEngine({ queues: [queue], workers: [worker] });
 * }
 * ```
 */
export function bunqueueEngine(options: BunqueueEngineOptions = {}): Engine {
  const { queues = [], workers = [] } = options;
  const engine = createBullEngine({ ...options, name: options.name ?? "bunqueue" }, BUNQUEUE);
  if (queues.length === 0) return withoutQueues(engine, workers.length);
  return defineEngine<Engine>({
    ...engine,
    capabilities: [...new Set([...engine.capabilities, ...RETRY_AND_CANCEL])],
    actions: { ...engine.actions, ...bunqueueActions({ queues, workers }) },
  });
}

const RETRY_AND_CANCEL: readonly EngineCapability[] = [
  ...["retry_task", "bulk_retry", "retry_by_reference_v1", "cancel_task"] as const,
];

/** Says once why there is nothing to see: other runtimes cannot even load the library. */
function withoutQueues(engine: Engine, workers: number): Engine {
  if (workers > 0) return engine;
  return {
    ...engine,
    async attach(sink, host) {
      sink.notice(
        {},
        "bunqueue has no queues and no workers here; its client loads on Bun only, also for a " +
          "server elsewhere",
      );
      await engine.attach(sink, host);
    },
  };
}

export type { BullJobLike, BullQueueLike, BullWorkerLike } from "../bullmq/like.ts";
export type { BullmqEngineOptions } from "../bullmq/engine.ts";
export type { Engine, EngineSink } from "../contract.ts";
