import { type Clock, TIMED_OUT, withDeadline } from "../base/clock.ts";
import { errorText } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { MaybePromise } from "../base/maybe_promise.ts";

/** What became of a call into foreign code. */
export type Guarded<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: string };

/**
 * Calls foreign code so that neither its exceptions nor its slowness reach the
 * caller. A call that comes back after the deadline is ignored.
 */
export async function guardCall<T>(
  clock: Clock,
  deadlineMs: number,
  call: () => MaybePromise<T>,
): Promise<Guarded<T>> {
  try {
    const value = call();
    if (!isThenable(value)) return { ok: true, value };
    const outcome = await withDeadline(clock, Promise.resolve(value), deadlineMs);
    if (outcome === TIMED_OUT) return { ok: false, error: `no answer within ${deadlineMs} ms` };
    return { ok: true, value: outcome };
  } catch (error) {
    return { ok: false, error: errorText(error) };
  }
}

/** Remembers which causes were told, so that each is logged once. */
export interface OnceLogger {
  /** Warns about a cause the first time it appears; later times are debug lines. */
  warn(cause: string, facts: Readonly<Record<string, unknown>>, message: string): void;
}

// Causes are few; a hostile engine must still not grow the memory.
const MAX_CAUSES = 200;

/** Creates a logger that warns once per cause. */
export function createOnceLogger(logger: Logger): OnceLogger {
  const seen = new Set<string>();
  return {
    warn(cause, facts, message) {
      const known = seen.has(cause) || seen.size >= MAX_CAUSES;
      seen.add(cause);
      if (seen.size > MAX_CAUSES) seen.delete(cause);
      logger[known ? "debug" : "warn"](facts, message);
    },
  };
}

function isThenable<T>(value: MaybePromise<T>): value is Promise<T> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}
