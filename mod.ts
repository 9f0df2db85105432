/**
 * See and steer background jobs: the z4j agent.
 *
 * ```ts
 * import { createAgent } from "@z4j/core";
 *
 * const agent = createAgent({ env: { Z4J_DISABLED: "1" } });
 * await agent.start();
 * ```
 *
 * @module
 */
export { createAgent, startAgent } from "./src/install/create_agent.ts";
export { installAgent } from "./src/install/install_agent.ts";
export type { AgentOptions } from "./src/install/options.ts";
export type { AgentConfig, ManagedAgent } from "./src/install/managed_agent.ts";
export type {
  Agent,
  AgentEventMap,
  AgentStatus,
  FlushReport,
  RequestFailure,
  StopOptions,
  TimeoutOptions,
} from "./src/agent/agent_types.ts";
export type { RedactHook, RedactInfo } from "./src/agent/privacy.ts";
export type { EventPreview } from "./src/agent/recorder.ts";
export type { AgentMetrics, CommandCount, CommandEnd } from "./src/agent/metrics.ts";
export type { HistogramSnapshot } from "./src/base/histogram.ts";
export type { WorkContexts, WorkFacts } from "./src/agent/work_contexts.ts";
export type {
  OpenTelemetryLike,
  OtelLinkedSpan,
  OtelSpan,
  OtelSpanContext,
  OtelTracer,
  OtelTraceState,
} from "./src/agent/otel_like.ts";
export type {
  JobContexts,
  JobFacts,
  WorkContext,
  WorkLink,
  WorkSource,
} from "./src/base/work_context.ts";
export type { CommandCounters } from "./src/agent/dispatcher.ts";
export type { AgentState } from "./src/agent/states.ts";
export type { CancelTimer, Clock } from "./src/base/clock.ts";
export { isZ4jError, Z4jError } from "./src/base/errors.ts";
export type { Z4jErrorCode, Z4jErrorOptions } from "./src/base/errors.ts";
export type { LogFacts, Logger, LogLevel } from "./src/base/logger.ts";
export type { Engine, EngineEvent } from "./src/engines/contract.ts";
export type { Scheduler } from "./src/schedulers/contract.ts";
export type { DescribedSetting } from "./src/settings/describe.ts";
export type {
  AgentSettingsOptions,
  BufferStoreChoice,
  CaptureOptions,
  CommandOptions,
  DurabilityChoice,
  QueuePrivacyOptions,
  TransportChoice,
} from "./src/settings/options.ts";
export type {
  CommandRule,
  CommandRuleOption,
  CommandSubject,
} from "./src/settings/command_rule.ts";
export type { QueuePrivacySetting, QueuePrivacySettings } from "./src/settings/privacy_kinds.ts";
export type { SettingKey, SettingSource, SettingValues } from "./src/settings/settings.ts";
export type { FailureClass, SessionEnd } from "./src/transport/port.ts";
export type {
  WebSocketFactory,
  WebSocketInit,
  WebSocketLike,
} from "./src/transport/socket_like.ts";
