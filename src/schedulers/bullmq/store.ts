import { type Clock, sleep } from "../../base/clock.ts";
import { errorText, Z4jError } from "../../base/errors.ts";
import { randomHex } from "../../base/ids.ts";
import { text } from "../../engines/bullmq/facts.ts";
import { type OffRecord, printRecord, readRecord, repeatOf } from "./definition.ts";
import type { RepeatLike, SchedulerQueueLike } from "./like.ts";
import { LOCK_MS, LOCK_RETRY_MS, LOCK_WAIT_MS, MAX_LIST_SCAN, MAX_SCHEDULERS } from "./limits.ts";
import { type QueueRedis, redisOf } from "./redis.ts";
import { ADD_ITERATIONS, FREE_LOCK, READ_SCHEDULERS, TAKE_LOCK, WRITE_RECORD } from "./scripts.ts";

/** A job scheduler as it lies in Redis. */
export interface LiveScheduler {
  /** Id inside its queue. */
  readonly id: string;
  /** Name of its jobs. */
  readonly name: string;
  /** When it fires. */
  readonly repeat: RepeatLike;
  /** Input of its jobs as JSON text. */
  readonly dataText: string | undefined;
  /** Options of its jobs as JSON text, in BullMQ's short spelling. */
  readonly optsText: string | undefined;
  /** Jobs that it made. */
  readonly iterations: number;
  /** When its next job is due, Unix milliseconds. */
  readonly nextMs: number;
  /** Whether that job is there; only looked for when it is due. */
  readonly hasPending: boolean;
}

/** The schedules of one queue. */
export interface QueueSchedules {
  /** Those that BullMQ has. */
  readonly live: readonly LiveScheduler[];
  /** Those that are switched off; `undefined` for a record that nobody can read. */
  readonly off: ReadonlyMap<string, OffRecord | undefined>;
  /** Keys of the older repeatable jobs, which are no schedulers. */
  readonly legacy: readonly string[];
}

/** What of a queue's schedules goes through our own scripts. */
export interface ScheduleStore {
  /** The queue. */
  readonly queue: SchedulerQueueLike;
  /** All schedules in one step, or one; throws when they cannot be told completely. */
  read(nowMs: number, id?: string): Promise<QueueSchedules>;
  /** Keeps or, with `null`, drops the record of a switched-off schedule. */
  record(id: string, record: OffRecord | null): Promise<void>;
  /** Adds to the iterations of a scheduler that was made again. */
  addIterations(id: string, count: number): Promise<void>;
  /** Whether Redis can be written now; a queued write would happen much later. */
  isReady(): Promise<boolean>;
  /** Runs something while no other agent changes this schedule; throws when it is held too long. */
  locked<T>(id: string, action: () => Promise<T>): Promise<T>;
  /** Whether such an action of this process is under way. */
  isOurs(id: string): boolean;
}

/** Opens the store of a queue; connects to nothing of its own. */
export function openStore(queue: SchedulerQueueLike, clock: Clock): ScheduleStore {
  const redis = async (): Promise<QueueRedis> => {
    const found = await redisOf(queue);
    if (found !== undefined) return found;
    throw new Z4jError(
      "Z4J_SCHEDULE_ROW",
      `Cannot read the job schedulers of ${queue.name}: the queue has no Redis connection, ` +
        "expected one of BullMQ 5 or of the Redis backend of BullMQ 6",
    );
  };
  const records = (): string => queue.toKey("z4j:off");
  const ours = new Set<string>();
  const tryLock = async (key: string, token: string): Promise<boolean> =>
    Number(await (await redis()).run(TAKE_LOCK, [key], [token, LOCK_MS])) === 1;
  return {
    queue,
    async read(nowMs, id = "") {
      const lists = ["repeat", "delayed", "prioritized", "wait", "paused", "active"];
      const keys = [...lists.map((part) => queue.toKey(part)), records()];
      const { run } = await redis();
      return readAnswer(
        queue.name,
        await run(READ_SCHEDULERS, keys, [MAX_SCHEDULERS, nowMs, MAX_LIST_SCAN, id]),
      );
    },
    async record(id, record) {
      const kept = record === null ? "" : printRecord(record);
      await (await redis()).run(WRITE_RECORD, [records()], [id, kept]);
    },
    async addIterations(id, count) {
      if (count <= 0) return;
      await (await redis()).run(ADD_ITERATIONS, [queue.toKey(`repeat:${id}`)], [count]);
    },
    isReady: async () => (await redis()).isReady(),
    async locked(id, action) {
      const key = queue.toKey(`z4j:lock:${id}`);
      const token = randomHex(12);
      const giveUpAt = clock.monotonic() + LOCK_WAIT_MS;
      while (!(await tryLock(key, token))) {
        if (clock.monotonic() > giveUpAt) throw new Error("another agent is changing the schedule");
        await sleep(clock, LOCK_RETRY_MS);
      }
      ours.add(id);
      try {
        return await action();
      } finally {
        ours.delete(id);
        // A lock that cannot be given back ends by itself.
        await redis().then(({ run }) => run(FREE_LOCK, [key], [token])).catch(errorText);
      }
    },
    isOurs: (id) => ours.has(id),
  };
}

function readAnswer(queue: string, answer: unknown): QueueSchedules {
  const [live, records, total] = Array.isArray(answer) ? answer as unknown[] : [];
  if (!Array.isArray(live) || !Array.isArray(records)) {
    throw new Z4jError("Z4J_SCHEDULE_ROW", `Cannot read the job schedulers of ${queue}`);
  }
  if (Number(total) > MAX_SCHEDULERS) {
    throw new Z4jError(
      "Z4J_SCHEDULE_ROW",
      `Cannot list the job schedulers of ${queue}: there are ${String(total)}, ` +
        `expected at most ${MAX_SCHEDULERS}`,
    );
  }
  const found = live.map(readLive);
  const off = new Map<string, OffRecord | undefined>();
  for (const [id, kept] of pairs(records)) off.set(id, readRecord(kept));
  return {
    live: found.filter((one): one is LiveScheduler => typeof one === "object"),
    off,
    legacy: found.filter((one): one is string => typeof one === "string"),
  };
}

/** A scheduler; its key when it is an older repeatable job; nothing when it vanishes just now. */
function readLive(entry: unknown): LiveScheduler | string | undefined {
  const [id, score, pending, flat] = Array.isArray(entry) ? entry as unknown[] : [];
  const fields = new Map(pairs(Array.isArray(flat) ? flat : []));
  if (typeof id !== "string") return undefined;
  if (isLegacy(id, fields)) return id;
  return {
    id,
    name: text(fields.get("name")) ?? id,
    repeat: repeatOf(Object.fromEntries(fields)),
    dataText: fields.get("data"),
    optsText: fields.get("opts"),
    iterations: Number(fields.get("ic")) || 1,
    nextMs: Number(score),
    hasPending: Number(pending) === 1,
  };
}

/**
 * Whether an entry is a repeatable job of earlier versions. Job schedulers count
 * their iterations, the first ones of version 5 did not; repeatable jobs have a
 * key of five parts, or a digest of it.
 */
function isLegacy(id: string, fields: ReadonlyMap<string, string>): boolean {
  if (fields.has("ic")) return false;
  if (!fields.has("pattern") && !fields.has("every")) return true;
  return id.split(":").length >= 5 || /^[0-9a-f]{32}$/.test(id);
}

function pairs(flat: readonly unknown[]): readonly (readonly [string, string])[] {
  const found: (readonly [string, string])[] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const [key, value] = [flat[i], flat[i + 1]];
    if (typeof key === "string" && typeof value === "string") found.push([key, value]);
  }
  return found;
}
