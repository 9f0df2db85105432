/**
 * The agent from parts: bring your own buffer, transport, clock and redactor.
 * Most processes use `createAgent()` of `@z4j/core` instead.
 *
 * ```ts
 * import {
 *   type Agent,
 *   createAgentCore,
 *   type RedactorLike,
 *   type Transport,
 * } from "@z4j/core/agent";
 * import { openBuffer } from "@z4j/core/buffer";
 *
 * export function assemble(transport: Transport, redactor: RedactorLike): Agent {
 *   return createAgentCore({
 *     identity: {
 *       framework: "bare",
 *       agentVersion: "1.0.0",
 *       hostName: "mail-1",
 *       workerId: "mail-1-4711",
 *       workerRole: "task",
 *       pid: null,
 *       startedAtMs: Date.now(),
 *     },
 *     secret: new Uint8Array(32), // decodeHmacSecret() of @z4j/core/protocol reads a minted one
 *     transport,
 *     redactor,
 *     openBuffer: () => openBuffer({ path: null }),
 *   });
 * }
 * ```
 *
 * @module
 */
export { createAgentCore } from "./agent.ts";
export type * from "./agent_types.ts";
export type { CommandHandler, CommandRegistry, ReceivedCommand } from "./commands.ts";
export type { CommandCounters } from "./dispatcher.ts";
export type { Announcement, Announcer } from "./hello.ts";
export type { WireResult } from "./command_result.ts";
export type { AskLimits, CarryOut, Neighbour, NeighbourAnswer } from "./neighbours.ts";
export type { AgentFinding } from "./findings.ts";
export type { RedactorLike } from "./recorder.ts";
export type { ScheduleMeta } from "./schedule_stream_port.ts";
export type { AgentState } from "./states.ts";
export type {
  FailureClass,
  OpenOutcome,
  SessionEnd,
  SessionHandlers,
  SessionTerms,
  Transport,
  TransportSession,
} from "../transport/port.ts";
export type { Spans } from "./spans.ts";
export { createWorkTracker } from "./work_contexts.ts";
export type { WorkContexts, WorkFacts, WorkTracker } from "./work_contexts.ts";
export type {
  ActiveTrace,
  AsyncStore,
  JobContexts,
  JobFacts,
  SpanIds,
  WorkContext,
  WorkLink,
  WorkSource,
} from "../base/work_context.ts";
export { createCommandPolicy } from "./command_policy.ts";
export type { CommandPolicy, CommandPolicyRules } from "./command_policy.ts";
export type { AgentMetrics, CommandCount, CommandEnd } from "./metrics.ts";
export type {
  CaptureSwitches,
  PrivacyRules,
  QueuePrivacyRules,
  RedactHook,
  RedactInfo,
} from "./privacy.ts";
export type { EventPreview } from "./recorder.ts";
