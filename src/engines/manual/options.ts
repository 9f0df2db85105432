import type { Clock } from "../../base/clock.ts";
import type { Engine } from "../contract.ts";

/** How an engine without a queue library works. */
export interface ManualEngineOptions {
  /** Name of the engine on the brain. Default: `manual`. */
  readonly name?: string | undefined;
  /**
   * How many tasks run at once; more wait for their turn. Default: no limit. A
   * task that awaits another one needs room for both.
   */
  readonly concurrency?: number | undefined;
  /** Name of the worker. Default: `worker-manual-` and random characters. */
  readonly workerName?: string | undefined;
  /** Process id for the worker page. */
  readonly pid?: number | undefined;
  /** Time. Default: the clock of the process. */
  readonly clock?: Clock | undefined;
}

/** How one task runs. */
export interface ManualTaskOptions {
  /** How often it is tried again after a failure. Default 0. */
  readonly retries?: number | undefined;
  /** Milliseconds before the first repetition; doubles each time. Default 0. */
  readonly backoffMs?: number | undefined;
}

/** An engine for plain functions. */
export interface ManualEngine extends Engine {
  /**
   * Wraps a function: calling the answer runs it, with the same inputs, result
   * and errors, and reports the run.
   *
   * @throws {TypeError} The name is empty or taken.
   * @throws {RangeError} `retries` or `backoffMs` is negative or not finite.
   */
  task<A extends unknown[], R>(
    name: string,
    run: (...inputs: A) => R | Promise<R>,
    options?: ManualTaskOptions,
  ): (...inputs: A) => Promise<R>;
}
