import type { CancelTimer, Clock } from "../../src/base/clock.ts";

/** One run of a node. What belongs to a dead one never happens. */
export interface Life {
  dead: boolean;
  /** How far its wall clock is off. */
  skewMs: number;
}

interface Happening {
  readonly at: number;
  readonly order: number;
  readonly life: Life | null;
  readonly run: () => void;
  cancelled: boolean;
}

const EPOCH_MS = Date.UTC(2026, 0, 1);

/**
 * Virtual time: what is due happens in its order, one happening at a time, and
 * all promises settle before the next one.
 */
export class World {
  /** Virtual milliseconds since the start. */
  nowMs = 0;
  /** Happenings so far. */
  steps = 0;
  // Descending, so that the next one is the last.
  #due: Happening[] = [];
  #order = 0;

  /** Lets something happen later; `null` belongs to nobody and always happens. */
  after(delayMs: number, life: Life | null, run: () => void): CancelTimer {
    const at = this.nowMs + Math.max(0, delayMs);
    const happening: Happening = { at, order: this.#order++, life, run, cancelled: false };
    let [low, high] = [0, this.#due.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#due[middle]?.at ?? 0) > at) low = middle + 1;
      else high = middle;
    }
    this.#due.splice(low, 0, happening);
    return () => void (happening.cancelled = true);
  }

  /** Carries out the next happening that is due by `untilMs`; `false` without one. */
  step(untilMs: number): boolean {
    for (;;) {
      const next = this.#due.at(-1);
      if (next === undefined || next.at > untilMs) return false;
      this.#due.pop();
      if (next.cancelled || next.life?.dead === true) continue;
      this.nowMs = next.at;
      this.steps++;
      next.run();
      return true;
    }
  }

  /** The clock that a node sees. */
  clockOf(life: Life): Clock {
    return {
      now: () => EPOCH_MS + Math.floor(this.nowMs) + life.skewMs,
      monotonic: () => this.nowMs,
      setTimer: (callback, delayMs) => this.after(delayMs, life, callback),
    };
  }
}

/** Begins a run of a node. */
export function newLife(): Life {
  return { dead: false, skewMs: 0 };
}

/**
 * Plays something to its end; at each `yield` all promises settle before it goes on.
 */
export type Player = <T>(play: () => Generator<void, T>) => Promise<T>;

/** How this runtime lets promises settle: at once where it can, else in a turn of its loop. */
export async function findPlayer(): Promise<Player> {
  if ("Bun" in globalThis) {
    const name = "bun:jsc";
    const { drainMicrotasks } = await import(name) as { drainMicrotasks: () => void };
    return (play) => Promise.resolve(playNow(play(), drainMicrotasks));
  }
  const { setImmediate } = await import("node:timers");
  const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(() => resolve()));
  const drain = v8Drain();
  if (drain === null) return (play) => playInTurns(play(), turn);
  return (play) =>
    new Promise((resolve, reject) =>
      // V8 settles nothing while it settles: each begins in a turn of its own.
      void setImmediate(() => {
        try {
          resolve(playNow(play(), drain));
        } catch (error) {
          reject(error);
        }
      })
    );
}

function playNow<T>(playing: Generator<void, T>, drain: () => void): T {
  for (;;) {
    const { done, value } = playing.next();
    if (done === true) return value;
    drain();
  }
}

async function playInTurns<T>(playing: Generator<void, T>, turn: () => Promise<void>): Promise<T> {
  for (;;) {
    const { done, value } = playing.next();
    if (done === true) return value;
    await turn();
  }
}

// There with `--v8-flags=--allow-natives-syntax`, and fifteen times cheaper than a turn.
function v8Drain(): (() => void) | null {
  try {
    return new Function("%PerformMicrotaskCheckpoint()") as () => void;
  } catch {
    return null;
  }
}
