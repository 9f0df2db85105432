import type { Clock } from "../../base/clock.ts";
import type { Schedule } from "../contract.ts";
import { definitionOf } from "./definition.ts";
import type { JobSchedulerLike } from "./like.ts";
import { takeAway, type Target } from "./operations.ts";
import { keyOf, liveRow, offRow, standingOf } from "./row.ts";
import type { LiveScheduler, QueueSchedules, ScheduleStore } from "./store.ts";

/** What the keeper looks at. */
export interface KeeperParts {
  /** The queues. */
  readonly stores: readonly ScheduleStore[];
  /** Time source. */
  readonly clock: Clock;
  /** When runs of this process began, by key. */
  readonly lastRuns: ReadonlyMap<string, number>;
  /** Where findings are told. */
  readonly notice: (facts: Readonly<Record<string, unknown>>, message: string) => void;
}

/** Lists the schedules, and keeps what was switched off from coming back. */
export interface Keeper {
  /** The complete list; throws when it cannot be complete. */
  list(): Promise<readonly Schedule[]>;
  /** Looks for changes that other processes made; answers whether there are any. */
  look(): Promise<boolean>;
  /** Whether a schedule is not as the last list showed it. */
  isStale(key: string, target: Target): boolean;
  /** Forgets what a list showed, because we change it ourselves. */
  forget(key: string): void;
}

/** Creates the keeper of a scheduler. */
export function createKeeper(parts: KeeperParts): Keeper {
  const { stores, clock, notice } = parts;
  const listed = new Map<string, string>();
  let seen: string | undefined;

  const teller = createTeller(notice);
  const rowsOf = (queue: string, found: QueueSchedules, nowMs: number): readonly Schedule[] =>
    scheduleRows(queue, found, nowMs, (key) => parts.lastRuns.get(key) ?? null);

  return {
    async list() {
      const nowMs = clock.now();
      const all = await Promise.all(stores.map((store) => store.read(nowMs)));
      listed.clear();
      return stores.flatMap((store, i) => {
        const found = all[i] ?? NOTHING;
        const { name } = store.queue;
        for (const one of found.live) listed.set(keyOf(name, one.id), printLive(one));
        for (const [id, record] of found.off) {
          const key = keyOf(name, id);
          if (!listed.has(key)) listed.set(key, JSON.stringify(record?.definition ?? null));
        }
        return rowsOf(name, found, nowMs);
      });
    },
    async look() {
      const nowMs = clock.now();
      const rows: Schedule[] = [];
      for (const store of stores) {
        const found = await store.read(nowMs);
        teller.tell(store.queue.name, found, nowMs);
        const returned = found.live.filter(({ id }) => found.off.get(id)?.state === "off");
        for (const { id } of returned) await putAway(store, id, clock, teller.once);
        rows.push(...rowsOf(store.queue.name, found, nowMs));
      }
      const text = JSON.stringify(rows);
      const isNews = text !== seen;
      seen = text;
      return isNews;
    },
    isStale(key, { live, off }) {
      const before = listed.get(key);
      if (before === undefined) return false;
      const now = live === undefined
        ? JSON.stringify(off?.record?.definition ?? null)
        : printLive(live);
      return now !== before;
    },
    forget: (key) => void listed.delete(key),
  };
}

interface Teller {
  /** Tells what is wrong with the schedules of a queue. */
  tell(queue: string, found: QueueSchedules, nowMs: number): void;
  /** Tells something about a schedule the first time. */
  once(key: string, message: string): void;
}

function createTeller(notice: KeeperParts["notice"]): Teller {
  const told = new Set<string>();
  const once = (key: string, message: string): void => {
    if (told.has(`${key} ${message}`) || told.size >= MAX_TOLD) return;
    told.add(`${key} ${message}`);
    notice({ schedule: key }, message);
  };
  return {
    once,
    tell(queue, { live, off, legacy }, nowMs) {
      for (const key of legacy) once(keyOf(queue, key), LEGACY);
      for (const one of live) {
        const key = keyOf(queue, one.id);
        // A schedule that gets stuck again is told again.
        if (standingOf(one, nowMs) !== "stuck") told.delete(`${key} ${STUCK}`);
        else once(key, STUCK);
      }
      for (const [id, record] of off) {
        if (record === undefined) once(keyOf(queue, id), UNREADABLE);
      }
    },
  };
}

function scheduleRows(
  queue: string,
  { live, off }: QueueSchedules,
  nowMs: number,
  lastRun: (key: string) => number | null,
): readonly Schedule[] {
  const isLive = new Set(live.map(({ id }) => id));
  const last = (id: string): number | null => lastRun(keyOf(queue, id));
  return [
    ...live.map((one) => liveRow(queue, one, nowMs, last(one.id))),
    ...[...off].filter(([id]) => !isLive.has(id)).map(([id, record]) =>
      offRow(queue, id, record, last(id))
    ),
  ];
}

const NOTHING: QueueSchedules = { live: [], off: new Map(), legacy: [] };
const MAX_TOLD = 1000;
const LEGACY = "a repeatable job of an earlier BullMQ is not shown; make it a job scheduler";
const UNREADABLE = "the record of a disabled schedule is unreadable";
const STUCK = "a schedule is stuck: its next run is overdue and has no job; enable it to repair it";

/** Another process made a switched-off scheduler: its definition is kept, it is not. */
async function putAway(
  store: ScheduleStore,
  id: string,
  clock: Clock,
  once: (key: string, message: string) => void,
): Promise<void> {
  await store.locked(id, async () => {
    const { live: [live], off } = await store.read(clock.now(), id);
    const record = off.get(id);
    // Enabled meanwhile, by whomever.
    if (live === undefined || record?.state !== "off") return;
    const found = await store.queue.getJobScheduler(id);
    if (typeof found !== "object" || found === null) return;
    const definition = definitionOf(found as JobSchedulerLike);
    await store.record(id, { ...record, definition });
    await takeAway(store, live);
    once(
      keyOf(store.queue.name, id),
      "another process made a schedule that is disabled; it was taken out again",
    );
  });
}

/** What a list showed, without what runs change. */
function printLive({ name, repeat, dataText, optsText }: LiveScheduler): string {
  const { offset: _moves, ...rest } = repeat;
  return JSON.stringify([name, rest, dataText ?? null, optsText ?? null]);
}
