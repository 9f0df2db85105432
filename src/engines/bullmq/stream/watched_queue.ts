import {
  advance,
  BEGINNING,
  entryMs,
  type Position,
  positionText,
  type StreamState,
} from "./position.ts";

/** Entries of a stream that nobody will ever read, and what became of the jobs. */
export interface Gap {
  /** Where reading had stopped. */
  readonly from: Position;
  /** Entries that are gone; -1 when nobody knows how many. */
  entries: number;
  /** Jobs that were added since. */
  jobsAdded: number;
  /** Ids of those whose arrival was read all the same. */
  readonly seen: Set<string>;
}

interface Checkpoint {
  readonly position: Position;
  readonly ms: number;
}

// More only delays what a new reader may skip.
const MAX_CHECKPOINTS = 256;

/** A queue under watch: how far its stream was read, and how far that is safe. */
export class WatchedQueue {
  /** Its name. */
  readonly name: string;
  /** `<prefix>:<name>`. */
  readonly base: string;
  /** Key of its stream. */
  readonly streamKey: string;
  /** Whether there may be something new. */
  dirty = true;
  /** Entries that were lost and not yet accounted for. */
  gap: Gap | undefined;
  #read: Position;
  #settled: Position;
  #checkpoints: Checkpoint[] = [];

  /** Begins at a position that an earlier reader left. */
  constructor(prefix: string, name: string, position: Position = BEGINNING) {
    this.name = name;
    this.base = `${prefix}:${name}`;
    this.streamKey = `${this.base}:events`;
    this.#read = position;
    this.#settled = position;
  }

  /** How far it was read. */
  get read(): Position {
    return this.#read;
  }

  /** How far everything is on disk, here and with the workers that report themselves. */
  get settled(): Position {
    return this.#settled;
  }

  /** Notes a loss, before the entries of its round are told. */
  begin(state: StreamState): void {
    const { lost } = advance(this.#read, state);
    if (lost === 0) return;
    const gap = this.gap ??= {
      from: this.#read,
      entries: 0,
      jobsAdded: 0,
      seen: new Set(),
    };
    gap.entries = lost < 0 || gap.entries < 0 ? -1 : gap.entries + lost;
  }

  /** Goes on behind a round that was told and stored. */
  finish(state: StreamState): void {
    const { next } = advance(this.#read, state);
    if (this.gap !== undefined) {
      this.gap.jobsAdded = Math.max(0, next.jobs - this.gap.from.jobs);
    }
    if (positionText(next) === positionText(this.#read)) return;
    this.#read = next;
    this.#checkpoints.push({ position: next, ms: entryMs(next.id) });
    if (this.#checkpoints.length > MAX_CHECKPOINTS) this.#checkpoints.splice(1, 1);
  }

  /** Settles what happened up to a time of the server; true when that moved. */
  settle(upToMs: number): boolean {
    let moved = false;
    // A gap holds everything back until its jobs are rebuilt.
    while (this.gap === undefined) {
      const first = this.#checkpoints[0];
      if (first === undefined || first.ms > upToMs) break;
      this.#checkpoints.shift();
      moved ||= positionText(first.position) !== positionText(this.#settled);
      this.#settled = first.position;
    }
    return moved;
  }

  /** Reads again what may have been lost with a worker that died. */
  goBack(): void {
    if (this.#read.id === this.#settled.id) return;
    this.#read = this.#settled;
    this.#checkpoints = [];
    this.dirty = true;
  }
}
