/** How far the stream of one queue was read. */
export interface Position {
  /** Id of the last entry, `0-0` for none. */
  readonly id: string;
  /** How many entries had been added to the stream up to it; -1 when unknown. */
  readonly ordinal: number;
  /** The counter of job ids of the queue then. */
  readonly jobs: number;
}

/** The position before everything. */
export const BEGINNING: Position = { id: "0-0", ordinal: -1, jobs: 0 };

/** A position as it is kept. */
export function positionText({ id, ordinal, jobs }: Position): string {
  return `${id} ${ordinal} ${jobs}`;
}

/** Reads a kept position; `undefined` for anything else. */
export function parsePosition(text: unknown): Position | undefined {
  const parts = typeof text === "string" ? PATTERN.exec(text) : null;
  const [, id, ordinal, jobs] = parts ?? [];
  if (id === undefined) return undefined;
  return { id, ordinal: Number(ordinal), jobs: Number(jobs) };
}

const PATTERN = /^(\d+-\d+) (-?\d+) (\d+)$/;

/** The time inside an entry id, Unix milliseconds of the Redis server. */
export function entryMs(id: string): number {
  return Number(id.slice(0, id.indexOf("-")));
}

/** What `COLLECT` says of one stream beside its entries. */
export interface StreamState {
  /** Entries in the stream. */
  readonly length: number;
  /** Entries ever added; 0 before Redis 7. */
  readonly added: number;
  /** Id of the oldest one, empty without any. */
  readonly first: string;
  /** Entries taken now. */
  readonly taken: number;
  /** Id of the last one taken. */
  readonly last: string;
  /** Counter of job ids now. */
  readonly jobs: number;
}

/** A step from one position to the next, and how many entries were gone in between. */
export interface Step {
  readonly next: Position;
  /** Entries that were trimmed before they were read; -1: some, nobody knows how many. */
  readonly lost: number;
}

/**
 * Follows a stream. Entries that are left lie without a hole behind those that
 * were trimmed, so Redis' count of all that were ever added says exactly how
 * many are missing between two readings.
 */
export function advance(from: Position, state: StreamState): Step {
  const isGone = state.first === "" && state.length === 0 && state.added === 0;
  if (isGone) return { next: { id: from.id, ordinal: 0, jobs: state.jobs }, lost: 0 };
  const trimmed = state.added > 0 ? state.added - state.length : -1;
  // A queue that was obliterated begins a new stream and a new count.
  const anew = trimmed >= 0 && from.ordinal > state.added;
  const before = anew ? -1 : from.ordinal;
  const ordinal = trimmed < 0 ? -1 : Math.max(before, trimmed) + state.taken;
  const next: Position = {
    id: state.last,
    ordinal,
    jobs: Math.max(anew ? 0 : from.jobs, state.jobs),
  };
  return { next, lost: lostBetween(from, state, trimmed, anew) };
}

function lostBetween(from: Position, state: StreamState, trimmed: number, anew: boolean): number {
  if (anew) return 0;
  if (from.id === BEGINNING.id) return Math.max(0, trimmed);
  if (trimmed >= 0 && from.ordinal >= 0) return Math.max(0, trimmed - from.ordinal);
  // Without a count only the oldest id can tell, and only that something may be missing.
  return compareIds(state.first, from.id) > 0 ? -1 : 0;
}

/** Orders two entry ids. */
export function compareIds(a: string, b: string): number {
  const [aMs = 0, aSeq = 0] = a.split("-").map(Number);
  const [bMs = 0, bSeq = 0] = b.split("-").map(Number);
  return aMs - bMs || aSeq - bSeq;
}
