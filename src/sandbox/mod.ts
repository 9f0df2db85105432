/**
 * The context of requests inside sandboxed processors of BullMQ, which run in a
 * process or thread of their own, where no agent is.
 *
 * ```ts
 * // processor.ts
 * import { createSandbox } from "@z4j/core/sandbox";
 * import { Queue, type SandboxedJob } from "bullmq";
 *
 * const audit = new Queue("audit", { connection: { host: "127.0.0.1", port: 6379 } });
 * const sandbox = createSandbox({ queues: [audit] });
 *
 * export default sandbox.wrap(async (job: SandboxedJob) => {
 *   console.log(sandbox.current()?.requestId);
 *   await audit.add("note", { about: job.id }); // carries the context on
 * });
 * ```
 *
 * @module
 */
export { createSandbox } from "./sandbox.ts";
export type { Sandbox, SandboxJobLike, SandboxOptions, SandboxQueueLike } from "./sandbox.ts";
export type { WorkContext, WorkLink } from "../base/work_context.ts";
export type { BullFlowProducerLike } from "../engines/bullmq/like.ts";
export type { BullmqModuleLike } from "../engines/bullmq/sources/module.ts";
