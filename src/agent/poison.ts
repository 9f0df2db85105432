import type { StoredEntry } from "../buffer/port.ts";
import { HOLD_MS, POISON_TRIES } from "./limits.ts";

/** What follows from one more failure of a single event. */
export type PoisonVerdict = "try_again" | "hold" | "drop" | "blame_brain";

/**
 * Tells a bad event from a brain that is broken itself: both end the session
 * with 1011. An event is dropped only if the brain took another one meanwhile;
 * until then it is held back and the others go first. Once one of them was
 * taken, the held one gets a last try in the same session.
 */
export interface PoisonWatch {
  /** Row id of the event that is held back, 0 without one. */
  readonly heldId: number;
  /** A batch failed; the first one of a search, or another. */
  suspected(isFirst: boolean): void;
  /** A single event failed in a session that had worked before. */
  failed(entry: StoredEntry, nowMs: number): PoisonVerdict;
  /** The brain took stored events; answers the held one for one last try now. */
  proven(): StoredEntry | null;
  /** Row id of the event that has its last try in this session, 0 without one. */
  readonly trialId: number;
  /** A session begins: an event that was held for long may try again. */
  begin(nowMs: number): void;
}

/** Creates a watch that suspects nothing. */
export function createPoisonWatch(): PoisonWatch {
  return new Watch();
}

class Watch implements PoisonWatch {
  #held: { readonly entry: StoredEntry; readonly sinceMs: number } | undefined;
  #brainWorks = false;
  #trialId = 0;
  #entryId = 0;
  #tries = 0;

  get heldId(): number {
    return this.#held?.entry.id ?? 0;
  }

  get trialId(): number {
    return this.#trialId;
  }

  suspected(isFirst: boolean): void {
    if (isFirst) this.#brainWorks = false;
  }

  failed(entry: StoredEntry, nowMs: number): PoisonVerdict {
    if (entry.id === this.#trialId) return "drop";
    this.#tries = this.#entryId === entry.id ? this.#tries + 1 : 1;
    this.#entryId = entry.id;
    if (this.#tries < POISON_TRIES) return "try_again";
    this.#tries = 0;
    if (this.#brainWorks) return "drop";
    if (this.#held !== undefined) {
      // Two different events in a row: it is not them.
      this.#held = undefined;
      return "blame_brain";
    }
    this.#held = { entry, sinceMs: nowMs };
    return "hold";
  }

  proven(): StoredEntry | null {
    this.#brainWorks = true;
    const entry = this.#held?.entry ?? null;
    this.#held = undefined;
    if (entry !== null) this.#trialId = entry.id;
    return entry;
  }

  begin(nowMs: number): void {
    this.#trialId = 0;
    if (this.#held !== undefined && nowMs - this.#held.sinceMs >= HOLD_MS) this.#held = undefined;
  }
}
