import type { Clock } from "../base/clock.ts";

/** A clock that moves only when told. */
export interface FakeClock extends Clock {
  /** Moves time on and calls every timer that becomes due, in its order. */
  advance(ms: number): void;
  /** Moves time on as `advance`, letting promises settle after each timer. */
  advanceAsync(ms: number): Promise<void>;
  /** Sets the wall clock, as a time server would; timers do not notice. */
  setNow(ms: number): void;
  /** How many timers are set. */
  readonly timerCount: number;
  /** How long until the next timer, or `null` without one. */
  readonly nextTimerMs: number | null;
}

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

// Promise chains of this many steps settle between two timers.
const SETTLE_TURNS = 20;

/**
 * Creates a clock for tests.
 *
 * @param startMs Wall clock at the start. Default: 2026-01-01T00:00:00Z.
 *
 * @example
 * ```ts
 * import { createFakeClock } from "@z4j/core/testing";
 * import { equal } from "node:assert/strict";
 *
 * const clock = createFakeClock();
 * let calls = 0;
 * clock.setTimer(() => calls++, 20);
 * clock.advance(19);
 * equal(calls, 0);
 * clock.advance(1);
 * equal(calls, 1);
 * ```
 */
export function createFakeClock(startMs: number = Date.UTC(2026, 0, 1)): FakeClock {
  const timers = new Set<Timer>();
  let [wallOffset, elapsed, order] = [startMs, 0, 0];

  const next = (): Timer | undefined =>
    [...timers].sort((a, b) => a.at - b.at || a.order - b.order)[0];
  const fireUntil = (end: number): boolean => {
    const timer = next();
    if (timer === undefined || timer.at > end) return false;
    timers.delete(timer);
    elapsed = Math.max(elapsed, timer.at);
    timer.callback();
    return true;
  };

  return {
    now: () => wallOffset + elapsed,
    monotonic: () => elapsed,
    setTimer(callback, delayMs) {
      const timer: Timer = { at: elapsed + Math.max(0, delayMs), order: order++, callback };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    advance(ms) {
      const end = elapsed + ms;
      while (fireUntil(end));
      elapsed = end;
    },
    async advanceAsync(ms) {
      const end = elapsed + ms;
      await settle();
      while (fireUntil(end)) await settle();
      elapsed = end;
      await settle();
    },
    setNow(ms) {
      wallOffset = ms - elapsed;
    },
    get timerCount() {
      return timers.size;
    },
    get nextTimerMs() {
      const timer = next();
      return timer === undefined ? null : Math.max(0, timer.at - elapsed);
    },
  };
}

async function settle(): Promise<void> {
  for (let i = 0; i < SETTLE_TURNS; i++) await Promise.resolve();
}
