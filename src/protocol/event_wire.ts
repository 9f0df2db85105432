import type { EngineEvent, TaskEvent, TaskEventData, WorkerEvent } from "../engines/contract.ts";
import type { ScheduleRun } from "../schedulers/contract.ts";
import type { EventKind } from "./frames.ts";
import { groupableStack } from "./stack_text.ts";

/** Facts of the agent that every event repeats. */
export interface EventFacts {
  /** Deployment, for example `production`; absent when unset. */
  readonly environment?: string | undefined;
  /** Free labels of this agent. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
  /** Facts about the request or unit of work, from the context hook. */
  readonly context?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * One event in wire spelling whose data is not yet printable: redaction turns
 * it into JSON (protocol sections 11.1 and 11.4).
 */
export interface EventDraft {
  /** Event UUID, the same on every delivery. */
  readonly id: string;
  /** Wire kind. */
  readonly kind: EventKind;
  /** Engine or scheduler name. */
  readonly engine: string;
  /** Engine-native id; empty for worker events. */
  readonly task_id: string;
  /** ISO timestamp in UTC. */
  readonly occurred_at: string;
  /** Facts in snake_case; values may be anything. */
  readonly data: Record<string, unknown>;
}

/** Turns what an engine reported into wire spelling. */
export function draftEngineEvent(
  id: string,
  engine: string,
  event: EngineEvent,
  facts: EventFacts,
  nowMs: number,
): EventDraft {
  const isTask = "taskId" in event;
  // Members are made in canonical order, so that printing need not sort them.
  return {
    data: isTask ? taskData(event, facts) : withFacts(workerData(event), facts),
    engine,
    id,
    kind: event.kind,
    occurred_at: isoTime(event.occurredAtMs, nowMs),
    task_id: isTask ? event.taskId : "",
  };
}

/** Turns one phase of a schedule's run into wire spelling. */
export function draftScheduleRun(
  id: string,
  scheduler: string,
  run: ScheduleRun,
  facts: EventFacts,
  nowMs: number,
): EventDraft {
  const data: Record<string, unknown> = {
    schedule: run.scheduleName,
    schedule_key: run.scheduleKey,
    task_name: run.taskName,
    manual: run.manual,
  };
  put(data, "outcome", run.outcome);
  put(data, "runtime_ms", wholeMs(run.runtimeMs));
  put(data, "exception", run.exception);
  put(data, "traceback", traceback(run.traceback));
  return {
    id,
    kind: run.phase === "started" ? "schedule.run_started" : "schedule.run_completed",
    engine: scheduler,
    task_id: run.runId,
    occurred_at: isoTime(run.occurredAtMs, nowMs),
    data: withFacts(data, facts),
  };
}

function taskData(event: TaskEvent, facts: EventFacts): Record<string, unknown> {
  const from: TaskEventData = event.data;
  // Facts of the engine come first so that they cannot replace a projected key.
  const data: Record<string, unknown> = { ...from.extra };
  put(data, "args", from.args);
  put(data, "attempt", from.attempt);
  put(data, "context", facts.context);
  put(data, "environment", facts.environment);
  put(data, "eta", from.eta);
  put(data, "exception", from.exception);
  put(data, "kwargs", from.kwargs);
  put(data, "max_attempts", from.maxAttempts);
  put(data, "parent_task_id", from.parentTaskId);
  put(data, "priority", from.priority);
  put(data, "queue", from.queue);
  put(data, "result", from.result);
  put(data, "retry_count", from.retryCount);
  put(data, "root_task_id", from.rootTaskId);
  put(data, "runtime_ms", wholeMs(from.runtimeMs));
  put(data, "tags", tagsOf(facts));
  put(data, "task_name", from.taskName);
  put(data, "traceback", traceback(from.traceback));
  put(data, "worker", from.worker);
  return data;
}

function workerData(event: WorkerEvent): Record<string, unknown> {
  const { worker: _worker, ...extra } = event.extra ?? {};
  // `data.worker` marks a worker online whatever the kind (protocol trap 16).
  return event.kind === "worker.offline"
    ? { ...extra, worker_name: event.worker }
    : { ...extra, worker: event.worker };
}

function withFacts(data: Record<string, unknown>, facts: EventFacts): Record<string, unknown> {
  put(data, "environment", facts.environment);
  put(data, "tags", tagsOf(facts));
  put(data, "context", facts.context);
  return data;
}

function tagsOf({ tags }: EventFacts): EventFacts["tags"] {
  return tags !== undefined && Object.keys(tags).length > 0 ? tags : undefined;
}

function put(data: Record<string, unknown>, key: string, value: unknown): void {
  if (value !== undefined) data[key] = value;
}

function wholeMs(value: number | undefined): number | undefined {
  return value === undefined || !Number.isFinite(value)
    ? undefined
    : Math.max(0, Math.round(value));
}

function traceback(stack: string | undefined): string | undefined {
  return stack === undefined ? undefined : groupableStack(stack);
}

// Years beyond 9999 print a sign that other parsers refuse.
const MAX_ISO_MS = 253_402_300_799_999;

function isoTime(timeMs: number, nowMs: number): string {
  const usable = Number.isFinite(timeMs) && timeMs >= 0 && timeMs <= MAX_ISO_MS;
  return new Date(usable ? timeMs : nowMs).toISOString();
}
