/** Stops a timer; calling it again does nothing. */
export type CancelTimer = () => void;

/** Time as the library sees it; tests pass a fake one. */
export interface Clock {
  /** Wall clock in milliseconds since the Unix epoch. */
  now(): number;
  /** Monotonic milliseconds, unaffected by clock changes. */
  monotonic(): number;
  /** Calls back once after `delayMs`; never keeps the process alive. */
  setTimer(callback: () => void, delayMs: number): CancelTimer;
}

// Longest delay that the timers of all runtimes take (2^31 - 1 ms).
const MAX_DELAY_MS = 2_147_483_647;

/** The clock of this process. Its timers are unref'd. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(callback, delayMs) {
    const timer: unknown = setTimeout(callback, Math.min(Math.max(0, delayMs), MAX_DELAY_MS));
    unref(timer);
    return () => clearTimeout(timer as number);
  },
};

/** Waits `delayMs`; resolves early, without an error, when the signal aborts. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const finish = (): void => {
      cancel();
      signal?.removeEventListener("abort", finish);
      resolve();
    };
    const cancel = clock.setTimer(finish, delayMs);
    signal?.addEventListener("abort", finish, { once: true });
  });
}

/** What `withDeadline` answers when the time is up first. */
export const TIMED_OUT: unique symbol = Symbol("timed out");

/** Waits for a promise, but never longer than `deadlineMs`. */
export function withDeadline<T>(
  clock: Clock,
  promise: Promise<T>,
  deadlineMs: number,
): Promise<T | typeof TIMED_OUT> {
  return new Promise((resolve, reject) => {
    const cancel = clock.setTimer(() => resolve(TIMED_OUT), deadlineMs);
    promise.then((value) => {
      cancel();
      resolve(value);
    }, (error) => {
      cancel();
      reject(error);
    });
  });
}

/**
 * Keeps the process alive until a promise settles. All timers of the library
 * are unref'd, so a script that awaits one of its calls and has nothing else to
 * do would end in the middle of it.
 */
export function keepAliveUntil<T>(promise: Promise<T>): Promise<T> {
  const timer = setTimeout(() => {}, MAX_DELAY_MS);
  return promise.finally(() => clearTimeout(timer));
}

function unref(timer: unknown): void {
  if (typeof timer === "object" && timer !== null && "unref" in timer) {
    (timer as { unref(): void }).unref();
  }
}
