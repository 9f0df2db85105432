import type { Logger } from "../base/logger.ts";
import type { FailureClass, SessionEnd } from "../transport/port.ts";

/** Failures in a row by class. */
export type FailureStreaks = Readonly<Record<FailureClass, number>>;

/** Counts failures in a row and logs each cause once. */
export interface FailureLog {
  /** Failures in a row by class. */
  readonly streaks: FailureStreaks;
  /** The last failure of the current outage, or `null` when all is well. */
  readonly last: SessionEnd | null;
  /** Counts a failure; answers its place in the streak of its class. */
  failed(end: SessionEnd): number;
  /** Tells about a failure and when the next attempt follows. */
  tell(end: SessionEnd, retryInMs: number): void;
  /** The brain has acknowledged something: the streaks are over. */
  recovered(): void;
  /** A session has lasted: causes that were told may be told again. */
  calm(): void;
}

const EVERY = 10;

/** Creates a log without failures. */
export function createFailureLog(logger: Logger): FailureLog {
  return new Failures(logger);
}

class Failures implements FailureLog {
  readonly #logger: Logger;
  #streaks: Record<FailureClass, number> = noStreaks();
  #attempts = 0;
  #failing = false;
  #toldRecovery = false;
  #last: SessionEnd | null = null;
  #causes = new Set<string>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  get streaks(): FailureStreaks {
    return { ...this.#streaks };
  }

  get last(): SessionEnd | null {
    return this.#last;
  }

  failed(end: SessionEnd): number {
    this.#attempts++;
    this.#failing = true;
    this.#last = end;
    return ++this.#streaks[end.class];
  }

  tell(end: SessionEnd, retryInMs: number): void {
    // Numbers in an advice change from try to try, the cause does not.
    const cause = `${end.class} ${end.code} ${end.advice.replaceAll(/\d+/g, "")}`;
    const facts = {
      class: end.class,
      code: end.code,
      advice: end.advice,
      attempt: this.#attempts,
      retryInMs: Math.round(retryInMs),
    };
    if (!this.#causes.has(cause)) {
      this.#causes.add(cause);
      return this.#logger.warn(facts, "not connected to the brain");
    }
    if (this.#attempts % EVERY === 0) return this.#logger.info(facts, "still not connected");
    this.#logger.debug(facts, "attempt failed");
  }

  // A brain that takes a batch and falls again would fill the log: between two
  // lasting sessions the recovery is told once, like every cause.
  recovered(): void {
    if (!this.#failing) return;
    const level = this.#toldRecovery ? "debug" : "info";
    this.#logger[level]({ attempts: this.#attempts }, "connected to the brain again");
    this.#toldRecovery = true;
    this.#failing = false;
    this.#streaks = noStreaks();
    this.#last = null;
  }

  calm(): void {
    this.#attempts = 0;
    this.#toldRecovery = false;
    this.#causes = new Set();
  }
}

function noStreaks(): Record<FailureClass, number> {
  return { auth: 0, incompatible: 0, protocol: 0, connection: 0 };
}
