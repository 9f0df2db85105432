import { type Clock, sleep } from "../../../base/clock.ts";
import type { EngineHost } from "../../contract.ts";
import type { RedisLink } from "../redis/link.ts";
import type { SharedKeys } from "./keys.ts";
import { BEAT_MS } from "./limits.ts";
import { BEAT } from "./scripts.ts";

/** A worker whose jobs this process reports itself. */
export interface OwnWorker {
  /** Name of its queue. */
  readonly queue: string;
  /** The name that BullMQ writes into the jobs it runs. */
  readonly name: string;
  /** Whether nobody else can have this name. */
  readonly isUnique: boolean;
  /** When this process began to report its jobs, Unix milliseconds here. */
  readonly attachedAtMs: number;
  /** How often its connection broke so far. */
  readonly breaks: number;
}

/** What `announceWorkers` needs. */
export interface PresenceOptions {
  readonly link: RedisLink;
  readonly keys: SharedKeys;
  readonly host: EngineHost;
  readonly clock: Clock;
  /** Tells this process apart. */
  readonly token: string;
  /** Workers at hand now. */
  readonly workers: () => readonly OwnWorker[];
  readonly signal: AbortSignal;
}

interface Known {
  readonly breaks: number;
  readonly sinceMs: number;
}

/** A worker in the shared hash, with what tells processes with the same name apart. */
export function fieldOf(
  { queue, name, isUnique }: Pick<OwnWorker, "queue" | "name" | "isUnique">,
  token: string,
): string {
  return JSON.stringify([queue, name, isUnique ? 1 : 0, token]);
}

/**
 * Tells the reader, through Redis, which workers report for themselves and up to
 * what time their events are on disk. Ends with the signal.
 */
export async function announceWorkers(options: PresenceOptions): Promise<void> {
  const { link, keys, host, clock, token, workers, signal } = options;
  const known = new Map<string, Known>();
  let durableMs = 0;
  while (!signal.aborted) {
    const own = workers().map((worker) => ({ field: fieldOf(worker, token), ...worker }));
    if (own.length > 0) {
      // Whatever ended before the last beat was reported since, and is stored now.
      await host.stored();
      const sinceMs = ({ field, breaks }: (typeof own)[number]): number => {
        // Its jobs may have ended with an answer that never came: begin anew.
        const before = known.get(field);
        return before === undefined || before.breaks !== breaks ? 0 : before.sinceMs;
      };
      const values = own.flatMap((worker) => [worker.field, sinceMs(worker)]);
      const answer = await link.call("EVAL", [BEAT, 1, keys.workers, durableMs, ...values]);
      if (answer.ended === "value") {
        durableMs = Number(answer.value);
        for (const worker of own) {
          known.set(worker.field, {
            breaks: worker.breaks,
            sinceMs: sinceMs(worker) || durableMs,
          });
        }
      }
    }
    await sleep(clock, BEAT_MS, signal);
  }
  await withdraw(options, known.keys());
}

// What a worker reports while its process stops is on disk already.
async function withdraw(
  { link, keys }: PresenceOptions,
  fields: Iterable<string>,
): Promise<void> {
  const list = [...fields];
  if (list.length > 0) await link.call("HDEL", [keys.workers, ...list], 500);
}
