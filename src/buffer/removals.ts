import type { CancelTimer, Clock } from "../base/clock.ts";
import type { EventStore } from "./port.ts";
import type { WriteTrouble } from "./write_trouble.ts";

/** Removes delivered entries, in order, and again later when the store refused. */
export interface Removals {
  /** Removes every entry with `firstId <= id <= lastId`, now or later. */
  add(firstId: number, lastId: number): void;
  /** Resolves once every removal was tried a last time. */
  close(): Promise<void>;
}

interface Range {
  firstId: number;
  lastId: number;
}

/** Creates the queue of removals of one store. Its failures are only told. */
export function createRemovals(store: EventStore, clock: Clock, trouble: WriteTrouble): Removals {
  const ranges: Range[] = [];
  let running: Promise<void> | null = null;
  let waiting = false;
  let cancel: CancelTimer = () => {};
  let closed = false;

  const refused = (error: unknown): void => {
    const waitMs = trouble.failed(error);
    waiting = true;
    if (!closed) cancel = clock.setTimer(retry, waitMs);
  };
  const retry = (): void => {
    waiting = false;
    run();
  };
  const run = (): void => {
    while (running === null && !waiting) {
      const range = ranges[0];
      if (range === undefined) return;
      try {
        const outcome = store.removeRange(range.firstId, range.lastId);
        if (outcome instanceof Promise) running = outcome.then(next, failed);
        else done();
      } catch (error) {
        refused(error);
      }
    }
  };
  const done = (): void => {
    ranges.shift();
    trouble.recovered({});
  };
  const next = (): void => {
    running = null;
    done();
    run();
  };
  const failed = (error: unknown): void => {
    running = null;
    refused(error);
  };

  return {
    add(firstId, lastId) {
      const last = ranges.at(-1);
      const busy = running !== null && ranges.length === 1;
      if (last !== undefined && !busy && last.lastId + 1 === firstId) last.lastId = lastId;
      else ranges.push({ firstId, lastId });
      run();
    },
    async close() {
      closed = true;
      cancel();
      waiting = false;
      run();
      while (running !== null) await running;
    },
  };
}
