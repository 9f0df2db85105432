import type { CancelTimer, Clock } from "../base/clock.ts";
import { createListeners } from "../base/listeners.ts";
import type { ChangeTopic } from "./store.ts";

// At most ten calls per second, however many commits there are.
const MERGE_MS = 100;

/** Tells listeners, merged, what changed. */
export interface ChangeFeed {
  /** Notes that a committed write changed something. */
  changed(...topics: readonly ChangeTopic[]): void;
  /** Adds a listener; the answer removes it. */
  add(listener: (topics: ReadonlySet<ChangeTopic>) => void): () => void;
  /** Stops the timer. */
  close(): void;
}

/** Creates a feed whose timer only runs while somebody listens. */
export function createChangeFeed(clock: Clock, onError: (error: unknown) => void): ChangeFeed {
  const listeners = createListeners<ReadonlySet<ChangeTopic>>(onError);
  let pending = new Set<ChangeTopic>();
  let cancel: CancelTimer | undefined;
  let count = 0;
  const flush = (): void => {
    cancel = undefined;
    const topics = pending;
    pending = new Set();
    listeners.emit(topics);
  };
  return {
    changed(...topics) {
      if (count === 0) return;
      for (const topic of topics) pending.add(topic);
      cancel ??= clock.setTimer(flush, MERGE_MS);
    },
    add(listener) {
      const remove = listeners.add(listener);
      count++;
      let active = true;
      return () => {
        if (!active) return;
        active = false;
        count--;
        remove();
      };
    },
    close() {
      cancel?.();
      cancel = undefined;
    },
  };
}
