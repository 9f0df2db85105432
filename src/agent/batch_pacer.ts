import { FIRST_BATCH_EVENTS, MAX_BATCH_EVENTS } from "./limits.ts";

// How long a batch should occupy the brain. Each one costs a stock brain on SQLite
// about a tenth of a second besides its events, so short ones waste its time; but
// answers to commands queue up behind it on the brain's side. So batches are long
// while nobody gives commands, and short while somebody does.
const QUIET_BATCH_MS = 5000;
const ATTENDED_BATCH_MS = 500;
// More batches follow while all that are on their way occupy it for less.
const WINDOW_MS = 1500;
// What an event costs before anything was measured; 500 events make 2 s.
const ASSUMED_EVENT_MS = 4;
// A batch of this size or more is a full measurement.
const FULL_SAMPLE_EVENTS = 200;

/** One measured acknowledgement. */
export interface AckSample {
  /** Events in the batch. */
  readonly count: number;
  /** From sending it, or from the ack before it if that came later. */
  readonly serviceMs: number;
}

/** Range of a batch that may have ended a session. */
export interface SuspectRange {
  /** Entries in the batch. */
  readonly count: number;
  /** Row id of the last one. */
  readonly lastId: number;
}

/** Decides how many events go into a batch and how many may be on their way. */
export interface BatchPacer {
  /** Most events of the next batch. */
  batchEvents(): number;
  /** Unacknowledged events from which on nothing more is sent. */
  windowEvents(): number;
  /** Whether somebody waits for answers to commands: batches are short then. */
  attended: boolean;
  /** Whether one batch after the other is tried to find a bad event. */
  readonly careful: boolean;
  /** Learns the pace of the brain. */
  measured(sample: AckSample): void;
  /** A batch up to this row was acknowledged. */
  passed(lastId: number): void;
  /** A batch may have ended the session: halve it and go on carefully. */
  suspect(range: SuspectRange): void;
}

/** Creates a pacer that assumes a slow brain until it has measured one. */
export function createBatchPacer(): BatchPacer {
  return new Pacer();
}

class Pacer implements BatchPacer {
  attended = false;
  #eventMs = ASSUMED_EVENT_MS;
  #leastMs = Infinity;
  #measured = false;
  #suspect: { readonly lastId: number; readonly limit: number } | undefined;

  get careful(): boolean {
    return this.#suspect !== undefined;
  }

  batchEvents(): number {
    if (this.#suspect !== undefined) return this.#suspect.limit;
    if (!this.#measured) return FIRST_BATCH_EVENTS;
    return clamp((this.attended ? ATTENDED_BATCH_MS : QUIET_BATCH_MS) / this.#eventMs);
  }

  windowEvents(): number {
    if (this.#suspect !== undefined) return 1;
    if (!this.#measured) return FIRST_BATCH_EVENTS;
    return Math.max(1, Math.floor(WINDOW_MS / this.#eventMs));
  }

  measured(sample: AckSample): void {
    // The quickest ack so far is about the round trip, which is no work.
    this.#leastMs = Math.min(this.#leastMs, sample.serviceMs);
    if (sample.count === 0) return;
    const perEvent = Math.max(0.01, (sample.serviceMs - this.#leastMs) / sample.count);
    const weight = Math.min(0.7, sample.count / FULL_SAMPLE_EVENTS);
    this.#eventMs += (perEvent - this.#eventMs) * weight;
    if (sample.count >= FULL_SAMPLE_EVENTS / 4) this.#measured = true;
  }

  passed(lastId: number): void {
    if (this.#suspect !== undefined && lastId >= this.#suspect.lastId) this.#suspect = undefined;
  }

  suspect(range: SuspectRange): void {
    this.#suspect = { lastId: range.lastId, limit: Math.max(1, Math.floor(range.count / 2)) };
  }
}

function clamp(events: number): number {
  return Math.max(1, Math.min(MAX_BATCH_EVENTS, Math.floor(events)));
}
