import { errorText } from "../../base/errors.ts";
import type { EngineEvent, EngineSink, TaskEvent } from "../contract.ts";
import { MAX_HELD_JOBS } from "./limits.ts";
import { quietly } from "./quietly.ts";

/**
 * The way out of one attachment: holds the events of a job back while its
 * arrival waits for something, so that they leave in their order. Never throws.
 */
export interface Outlet {
  /** Gives events on, or behind those of their job that wait. */
  send(events: readonly EngineEvent[]): void;
  /** Holds the arrival of a job until `ready` ends; then `finish` gives its events. */
  hold(taskId: string, ready: Promise<void>, finish: () => readonly TaskEvent[]): void;
  /** Whether one more job can be held. */
  hasRoom(): boolean;
  /** Resolves once everything that is held now has left. */
  settled(): Promise<void>;
  /** Counts what cannot be reported. */
  lost(count: number, reason: string): void;
  /** Gives on everything that waits, as it is; nothing leaves afterwards. */
  close(): void;
}

interface Held {
  readonly finish: () => readonly TaskEvent[];
  readonly later: EngineEvent[];
  readonly gone: Promise<void>;
}

/** Creates the way to a sink. */
export function createOutlet(sink: EngineSink): Outlet {
  const waiting = new Map<string, Held>();
  let closed = false;
  const lost = (count: number, reason: string): void => {
    if (!closed) quietly(() => sink.lost(count, reason));
  };
  const deliver = (events: readonly EngineEvent[]): void => {
    for (const event of events) {
      try {
        sink.event(event);
      } catch (error) {
        lost(1, `a report failed: ${errorText(error)}`);
      }
    }
  };
  const release = (taskId: string, held: Held): void => {
    if (waiting.get(taskId) !== held) return;
    waiting.delete(taskId);
    deliver(held.finish());
    deliver(held.later);
  };
  return {
    lost,
    async settled() {
      await Promise.all([...waiting.values()].map(({ gone }) => gone));
    },
    hasRoom: () => waiting.size < MAX_HELD_JOBS,
    send(events) {
      if (closed) return;
      for (const event of events) {
        const held = "taskId" in event ? waiting.get(event.taskId) : undefined;
        if (held === undefined) deliver([event]);
        else held.later.push(event);
      }
    },
    hold(taskId, ready, finish) {
      const earlier = waiting.get(taskId);
      if (earlier !== undefined) release(taskId, earlier);
      const end = (): void => release(taskId, held);
      const held: Held = { finish, later: [], gone: ready.then(end, end) };
      waiting.set(taskId, held);
    },
    close() {
      for (const [taskId, held] of waiting) release(taskId, held);
      closed = true;
    },
  };
}
