/**
 * The contract of job engines, for authors of adapters.
 *
 * @module
 */
export type {
  ActionContext,
  ActionOutcome,
  Engine,
  EngineActions,
  EngineCapability,
  EngineEvent,
  EngineHealth,
  EngineSink,
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
