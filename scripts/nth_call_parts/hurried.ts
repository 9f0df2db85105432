import { type Clock, systemClock } from "../../src/base/clock.ts";

/** A clock whose waits are ten times shorter: back-off is another test's matter. */
export const hurriedClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now() * 10,
  setTimer: (callback, delayMs) => systemClock.setTimer(callback, delayMs / 10),
};
