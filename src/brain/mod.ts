/**
 * The embedded brain: gateway for agents, JSON interface and page for one
 * machine.
 *
 * ```ts
 * import { startBrain } from "@z4j/core/brain";
 * import { equal } from "node:assert/strict";
 *
 * await using brain = await startBrain({ port: 0, dataDir: null });
 * const { agent } = await brain.mint("web");
 *
 * equal(brain.reader.agents(brain.project.id)[0]?.id, agent.id);
 * ```
 *
 * @module
 */
export {
  type BrainOptions,
  createBrain,
  DEFAULT_BRAIN_PORT,
  startBrain,
  type StartBrainOptions,
} from "./serve.ts";
export { type BrainCoreOptions, openBrainCore } from "./core.ts";
export type { RandomSource } from "./context.ts";
export type { BrainLimits } from "./limits.ts";
export type { AgentHttp, BrainCore, Gateway, UpgradeFacts } from "./gateway_port.ts";
export type { Brain } from "./http_brain.ts";
export type { RunningBrain } from "./http_listen.ts";
export { type BrainCliIo, runBrainCli } from "./cli.ts";
export type * from "./operator_port.ts";
export type * from "./store.ts";
export type { CancelTimer, Clock } from "../base/clock.ts";
export type { JsonArray, JsonObject, JsonPrimitive, JsonValue } from "../base/json.ts";
export type { LogFacts, Logger } from "../base/logger.ts";
export type { RequestFacts, ServerSocket, ServerSocketHandlers } from "../platform/serve_port.ts";
