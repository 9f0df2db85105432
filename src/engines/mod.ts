/**
 * The contract of job engines, for authors of adapters.
 *
 * ```ts
 * import { defineEngine, type EngineSink } from "@z4j/core/engines";
 *
 * let sink: EngineSink | undefined;
 *
 * const engine = defineEngine({
 *   name: "homegrown",
 *   capabilities: [],
 *   attach: (to) => void (sink = to),
 *   detach: () => void (sink = undefined),
 *   actions: {},
 * });
 *
 * export function sent(taskId: string, taskName: string): void {
 *   sink?.event({ kind: "task.sent", taskId, occurredAtMs: Date.now(), data: { taskName } });
 * }
 * ```
 *
 * @module
 */
export type {
  ConsumerInput,
  DeadLetter,
  DeadLetterPage,
  DeadLetterQuery,
  PoolInput,
  PurgeConsent,
  PurgeInput,
  RateLimitInput,
} from "./action_inputs.ts";
export type {
  ActionContext,
  ActionOutcome,
  Engine,
  EngineActions,
  EngineCapability,
  EngineEvent,
  EngineFinding,
  EngineHealth,
  EngineHost,
  EngineRestart,
  EngineSink,
  EngineState,
  LintFacts,
  RetryInput,
  SubmitInput,
  TaskEvent,
  TaskEventData,
  TaskEventKind,
  TaskPriority,
  TaskState,
  WorkerEvent,
  WorkerEventKind,
  WorkerReport,
} from "./contract.ts";
export { defineEngine, engineProblems } from "./define.ts";
export type { JobContexts, JobFacts, WorkContext, WorkLink } from "../base/work_context.ts";
