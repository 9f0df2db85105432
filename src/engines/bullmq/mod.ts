/**
 * The BullMQ engine: reports and steers the queues and workers of a process.
 *
 * ```ts
 * import { createAgent, type ManagedAgent } from "@z4j/core";
 * import { bullmqEngine } from "@z4j/core/engines/bullmq";
 * import type { Queue, Worker } from "bullmq";
 *
 * export function watch(queue: Queue, worker: Worker): ManagedAgent {
 *   return createAgent({ engines: [bullmqEngine({ queues: [queue], workers: [worker] })] });
 * }
 * ```
 *
 * @module
 */
export { bullmqEngine, type BullmqEngineOptions } from "./engine.ts";
export type {
  BullFlowProducerLike,
  BullJobLike,
  BullJobOptionsLike,
  BullQueueLike,
  BullWorkerEvent,
  BullWorkerLike,
} from "./like.ts";
export type { BullmqModuleLike } from "./sources/module.ts";
export type { RedisConnection } from "./redis/origin.ts";
export type { Engine, EngineHost, EngineSink } from "../contract.ts";
