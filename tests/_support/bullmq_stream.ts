import { FlowProducer as FlowProducer6, Queue as Queue6, Worker as Worker6 } from "bullmq";
import { FlowProducer as FlowProducer5, Queue as Queue5, Worker as Worker5 } from "bullmq5";
import type { EngineEvent, EngineHost, EngineSink, TaskEvent } from "../../src/engines/contract.ts";

/** Both majors under one type: the tests use only what they share. */
export const MAJORS: readonly (readonly [string, {
  readonly Queue: typeof Queue6;
  readonly Worker: typeof Worker6;
  readonly FlowProducer: typeof FlowProducer6;
}])[] = [
  ["6", { Queue: Queue6, Worker: Worker6, FlowProducer: FlowProducer6 }],
  ["5", {
    Queue: Queue5 as unknown as typeof Queue6,
    Worker: Worker5 as unknown as typeof Worker6,
    FlowProducer: FlowProducer5 as unknown as typeof FlowProducer6,
  }],
];

/** A sink that keeps everything. */
export interface Seen {
  readonly sink: EngineSink;
  readonly events: EngineEvent[];
  readonly lost: { readonly count: number; readonly reason: string }[];
  readonly notices: string[];
  /** Task events of one kind. */
  of(kind: TaskEvent["kind"]): readonly TaskEvent[];
  /** Kinds of the events of a job, in order. */
  story(taskId: string): readonly string[];
}

/** Creates a sink that keeps everything. */
export function createSeen(): Seen {
  const events: EngineEvent[] = [];
  const lost: { count: number; reason: string }[] = [];
  const notices: string[] = [];
  const tasks = (): readonly TaskEvent[] =>
    events.filter((event): event is TaskEvent => "taskId" in event);
  return {
    events,
    lost,
    notices,
    sink: {
      event: (event) => void events.push(event),
      lost: (count, reason) => void lost.push({ count, reason }),
      notice: (_facts, message) => void notices.push(message),
    },
    of: (kind) => tasks().filter((event) => event.kind === kind),
    story: (taskId) =>
      tasks().filter((event) => event.taskId === taskId).map(({ kind }) => kind.slice(5)),
  };
}

/** A host whose disk is always in time. */
export function createHost(scope = "test"): EngineHost & { readonly kept: Map<string, string> } {
  const kept = new Map<string, string>();
  return {
    scope,
    kept,
    state: {
      get: (key) => Promise.resolve(kept.get(key) ?? null),
      set: (key, value) => {
        if (value === null) kept.delete(key);
        else kept.set(key, value);
        return Promise.resolve();
      },
    },
    stored: () => Promise.resolve(),
  };
}
