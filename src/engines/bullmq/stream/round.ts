import { text } from "../facts.ts";
import type { StreamState } from "./position.ts";
import { type StoredJob, storedJob } from "./stored_job.ts";

/** One entry of a stream of BullMQ. */
export interface StreamEntry {
  /** Its id. */
  readonly id: string;
  /** What happened, for example `completed`. */
  readonly event: string;
  /** The job. */
  readonly jobId: string;
  /** Everything that it says, as text. */
  readonly fields: Readonly<Record<string, string>>;
  /** Runs of the job that began after it. */
  readonly laterStarts: number;
  /** Runs of the job that ended after it. */
  readonly laterEnds: number;
}

/** What one round took from the stream of one queue. */
export interface QueueRound {
  /** Place of the queue among those that were asked for. */
  readonly index: number;
  readonly state: StreamState;
  /** Whether the round did not reach the end of the stream. */
  readonly hasMore: boolean;
  /** Entries that say something, without those of workers with an agent. */
  readonly entries: readonly StreamEntry[];
  /** The jobs they speak of, as they are now. */
  readonly jobs: ReadonlyMap<string, StoredJob>;
}

/** Reads what `COLLECT` answered. */
export function parseRounds(answer: unknown): readonly QueueRound[] {
  if (!Array.isArray(answer)) return [];
  return answer.flatMap((row: unknown) => Array.isArray(row) ? [parseRound(row)] : []);
}

function parseRound(row: readonly unknown[]): QueueRound {
  const [index, last, length, added, first, taken, jobs, entries, hashes, more] = row;
  return {
    index: Number(index) - 1,
    state: {
      last: String(last),
      length: Number(length),
      added: Number(added),
      first: String(first),
      taken: Number(taken),
      jobs: Number(jobs),
    },
    hasMore: Number(more) > 0,
    entries: list(entries).flatMap(parseEntry),
    jobs: new Map(
      list(hashes).flatMap((hash) => {
        const job = storedJob(hash);
        return job === undefined ? [] : [[job.id, job] as const];
      }),
    ),
  };
}

function parseEntry(entry: unknown): readonly StreamEntry[] {
  const [id, flat, starts, ends] = list(entry);
  const fields: Record<string, string> = {};
  const values = list(flat);
  for (let i = 0; i + 1 < values.length; i += 2) fields[String(values[i])] = String(values[i + 1]);
  const [event, jobId] = [text(fields["event"]), text(fields["jobId"])];
  if (event === undefined || jobId === undefined) return [];
  const later = { laterStarts: Number(starts ?? 0), laterEnds: Number(ends ?? 0) };
  return [{ id: String(id), event, jobId, fields, ...later }];
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
