import type { Clock } from "../../base/clock.ts";
import { errorText } from "../../base/errors.ts";
import type { EngineEvent, EngineSink, TaskEvent } from "../contract.ts";
import type { Ancestors } from "./ancestors.ts";
import { type FlowPlace, parentPlace } from "./flow.ts";
import { type BullContexts, createBullContexts } from "./job_contexts.ts";
import type { BullJobLike } from "./like.ts";
import { RECENT_ARRIVALS } from "./limits.ts";
import { arrivalEvents, type Sight } from "./mapping.ts";
import { createOutlet, type Outlet } from "./outlet.ts";
import type { BullProfile } from "./profile.ts";
import { createRecent, type Recent } from "./recent.ts";

/** Where all sources of one engine report to; nothing of it ever throws. */
export interface Reporter {
  /** Reports what `make` gives; a failure is counted as one lost event. */
  report(make: () => readonly EngineEvent[]): void;
  /**
   * Reports the arrival of a job, unless this process did so already. In a flow
   * it may wait a moment for the root, and everything else of the job behind it.
   */
  arrival(
    job: BullJobLike,
    queue: string,
    ancestors: Ancestors,
    extra?: Readonly<Record<string, unknown>>,
  ): void;
  /** Resolves once nothing of what was reported so far is held back any more. */
  settled(): Promise<void>;
  /** Counts an event that cannot be reported. */
  lost(reason: string): void;
  /** Carries the context of requests in jobs. */
  readonly contexts: BullContexts;
  /** A sighting of a job now. */
  sight(queue: string, worker?: string): Sight;
  /** Reports what still waits with the best that is known, and ends. */
  close(): void;
}

/** Creates the reporter of one attachment. */
export function createReporter(sink: EngineSink, profile: BullProfile, clock: Clock): Reporter {
  const arrived: Recent = createRecent(RECENT_ARRIVALS);
  const outlet = createOutlet(sink);
  const contexts = createBullContexts(sink.work, profile);
  const report = (make: () => readonly EngineEvent[]): void => {
    try {
      outlet.send(make());
    } catch (error) {
      outlet.lost(1, `a report failed: ${errorText(error)}`);
    }
  };
  const sight = (queue: string, worker?: string): Sight => ({
    profile,
    queue,
    worker,
    nowMs: clock.now(),
    contexts,
  });
  return {
    report,
    contexts,
    sight,
    lost: (reason) => outlet.lost(1, reason),
    settled: () => outlet.settled(),
    close: () => outlet.close(),
    arrival(job, queue, ancestors, extra) {
      report(() => {
        // Ids are used again after an obliterate; the time of creation is not.
        if (!arrived.add(`${queue}:${job.id}@${job.timestamp}`)) return [];
        const events = withExtra(arrivalEvents(job, sight(queue)), extra);
        const parent = parentPlace(job);
        return parent === undefined ? events : inFlow(outlet, events, parent, ancestors);
      });
    },
  };
}

// What can leave now; what waits for its root leaves through the outlet later.
function inFlow(
  outlet: Outlet,
  events: readonly TaskEvent[],
  parent: FlowPlace,
  ancestors: Ancestors,
): readonly TaskEvent[] {
  const [first] = events;
  const finish = (): readonly TaskEvent[] => withRoot(events, ancestors.highest(parent));
  if (first === undefined || !ancestors.needsWalk(parent) || !outlet.hasRoom()) return finish();
  outlet.hold(first.taskId, ancestors.walk(parent), finish);
  return [];
}

function withRoot(events: readonly TaskEvent[], rootTaskId: string): readonly TaskEvent[] {
  return events.map((event) => ({ ...event, data: { ...event.data, rootTaskId } }));
}

/** Events with more facts of the engine. */
export function withExtra(
  events: readonly TaskEvent[],
  extra: Readonly<Record<string, unknown>> | undefined,
): readonly TaskEvent[] {
  if (extra === undefined || Object.keys(extra).length === 0) return events;
  return events.map((event) => ({
    ...event,
    data: { ...event.data, extra: { ...event.data.extra, ...extra } },
  }));
}
