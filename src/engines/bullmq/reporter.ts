import type { Clock } from "../../base/clock.ts";
import { errorText } from "../../base/errors.ts";
import type { EngineEvent, EngineSink } from "../contract.ts";
import type { BullJobLike } from "./like.ts";
import { RECENT_ARRIVALS } from "./limits.ts";
import { arrivalEvents, type Sight } from "./mapping.ts";
import type { BullProfile } from "./profile.ts";
import { createRecent, type Recent } from "./recent.ts";

/** Where all sources of one engine report to; nothing of it ever throws. */
export interface Reporter {
  /** Reports what `make` gives; a failure is counted as one lost event. */
  report(make: () => readonly EngineEvent[]): void;
  /** Reports the arrival of a job, unless this process did so already. */
  arrival(job: BullJobLike, queue: string): void;
  /** Counts an event that cannot be reported. */
  lost(reason: string): void;
  /** A sighting of a job now. */
  sight(queue: string, worker?: string): Sight;
}

/** Creates the reporter of one attachment. */
export function createReporter(sink: EngineSink, profile: BullProfile, clock: Clock): Reporter {
  const arrived: Recent = createRecent(RECENT_ARRIVALS);
  const lost = (reason: string): void => quietly(() => sink.lost(1, reason));
  const report = (make: () => readonly EngineEvent[]): void => {
    try {
      for (const event of make()) sink.event(event);
    } catch (error) {
      lost(`a report failed: ${errorText(error)}`);
    }
  };
  const sight = (queue: string, worker?: string): Sight => ({
    profile,
    queue,
    worker,
    nowMs: clock.now(),
  });
  return {
    report,
    lost,
    sight,
    arrival(job, queue) {
      report(() => {
        // Ids are used again after an obliterate; the time of creation is not.
        const isNew = arrived.add(`${queue}:${job.id}@${job.timestamp}`);
        return isNew ? arrivalEvents(job, sight(queue)) : [];
      });
    },
  };
}

/** Runs something whose failure must reach nobody. */
export function quietly(action: () => void): void {
  try {
    action();
  } catch {
    // The host's listeners and calls go on as if we were not there.
  }
}
