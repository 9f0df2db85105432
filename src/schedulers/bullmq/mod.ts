/**
 * The BullMQ scheduler: lists, reports and steers the job schedulers of queues.
 *
 * ```ts
 * import { createAgent, type ManagedAgent } from "@z4j/core";
 * import { bullmqScheduler } from "@z4j/core/schedulers/bullmq";
 * import type { Queue, Worker } from "bullmq";
 *
 * export function watch(queue: Queue, worker: Worker): ManagedAgent {
 *   return createAgent({ schedulers: [bullmqScheduler({ queues: [queue], workers: [worker] })] });
 * }
 * ```
 *
 * @module
 */
export { bullmqScheduler, type BullmqSchedulerOptions } from "./scheduler.ts";
export type { BullJobLike, BullWorkerLike } from "../../engines/bullmq/like.ts";
export type { SchedulerQueueLike } from "./like.ts";
export type { Schedule, Scheduler, SchedulerActions, SchedulerSink } from "../contract.ts";
