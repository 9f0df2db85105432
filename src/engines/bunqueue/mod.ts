/**
 * The bunqueue engine: reports and steers embedded queues and workers on Bun.
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
import type { Engine } from "../contract.ts";
import { BUNQUEUE } from "./profile.ts";

/** What users say about their queues and workers; the default `name` is `bunqueue`. */
export type BunqueueEngineOptions = BullmqEngineOptions;

/**
 * Watches and steers bunqueue (2.9 or later, Bun only) in embedded mode,
 * through the user's own queues and workers.
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
  return createBullEngine({ ...options, name: options.name ?? "bunqueue" }, BUNQUEUE);
}

export type { BullJobLike, BullQueueLike, BullWorkerLike } from "../bullmq/like.ts";
export type { BullmqEngineOptions } from "../bullmq/engine.ts";
export type { Engine, EngineSink } from "../contract.ts";
