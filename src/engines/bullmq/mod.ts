/**
 * The BullMQ engine: reports and steers the queues and workers of a process.
 *
 * @module
 */
export { bullmqEngine, type BullmqEngineOptions } from "./engine.ts";
export type {
  BullJobLike,
  BullJobOptionsLike,
  BullQueueLike,
  BullWorkerEvent,
  BullWorkerLike,
} from "./like.ts";
export type { Engine, EngineSink } from "../contract.ts";
