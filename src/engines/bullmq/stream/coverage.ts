import type { RedisLink } from "../redis/link.ts";
import { member } from "../facts.ts";
import type { SharedKeys } from "./keys.ts";
import { SILENT_MS } from "./limits.ts";
import type { OwnWorker } from "./presence.ts";
import { LIVE } from "./scripts.ts";

/** Which workers report for themselves, as the reader needs it. */
export interface Coverage {
  /** Time of the Redis server. */
  readonly nowMs: number;
  /** Queue to worker name to the time from which it is covered. */
  readonly live: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** Queues of which every worker is covered, and since when. */
  readonly whole: ReadonlyMap<string, number>;
  /** Up to when the events of all live workers of a queue are on their disks. */
  readonly durableMs: ReadonlyMap<string, number>;
  /** Every worker that is live, by queue, name and process, and since when. */
  readonly workers: ReadonlyMap<string, number>;
}

interface Registration {
  readonly field: string;
  readonly queue: string;
  readonly name: string;
  readonly isUnique: boolean;
  readonly sinceMs: number;
  readonly seenMs: number;
  readonly durableMs: number;
}

/** Names of the connections that BullMQ's workers hold, or `undefined` where they are secret. */
export type ConnectionNames = readonly string[] | undefined;

/**
 * Queues with a worker that died since, or that lost answers: what it was
 * believed to report has to be read again.
 */
export function queuesInDoubt(before: Coverage | undefined, now: Coverage): ReadonlySet<string> {
  const queues = new Set<string>();
  for (const [field, sinceMs] of before?.workers ?? []) {
    if (now.workers.get(field) === sinceMs) continue;
    queues.add(String((JSON.parse(field) as readonly unknown[])[0]));
  }
  return queues;
}

/** Reads who is covered; `undefined` when Redis does not answer. */
export async function readCoverage(
  link: RedisLink,
  keys: SharedKeys,
  prefix: string,
  names: ConnectionNames,
): Promise<Coverage | undefined> {
  const answer = await link.call("EVAL", [LIVE, 1, keys.workers]);
  if (answer.ended !== "value" || !Array.isArray(answer.value)) return undefined;
  const [now, flat] = answer.value as readonly unknown[];
  const nowMs = Number(now);
  const all = registrations(flat);
  return judge(all.filter(({ seenMs }) => nowMs - seenMs <= SILENT_MS), nowMs, prefix, names);
}

/**
 * Who is covered, as `COLLECT` reads it: by place of the queue.
 *
 * @param own Workers of this process, known here before others learn of them.
 * @param offsetMs Time of the server before ours.
 */
export function liveText(
  queues: readonly string[],
  coverage: Coverage | undefined,
  own: readonly OwnWorker[],
  offsetMs: number,
): string {
  const live: Record<string, number> = {};
  queues.forEach((queue, i) => {
    for (const [worker, sinceMs] of coverage?.live.get(queue) ?? []) {
      live[`${i + 1}:${worker}`] = sinceMs;
    }
    for (const worker of own) {
      if (worker.queue !== queue || !worker.isUnique) continue;
      live[`${i + 1}:${worker.name}`] ??= worker.attachedAtMs + offsetMs;
    }
    const whole = coverage?.whole.get(queue);
    if (whole !== undefined) live[String(i + 1)] = whole;
  });
  return JSON.stringify(live);
}

/** Asks for the names of all connections; `undefined` where that is forbidden. */
export async function connectionNames(link: RedisLink): Promise<ConnectionNames> {
  const answer = await link.call("CLIENT", ["LIST", "TYPE", "normal"]);
  if (answer.ended !== "value" || typeof answer.value !== "string") return undefined;
  return [...answer.value.matchAll(/ name=(\S+)/g)].map(([, name = ""]) => name);
}

function judge(
  all: readonly Registration[],
  nowMs: number,
  prefix: string,
  names: ConnectionNames,
): Coverage {
  const live = new Map<string, Map<string, number>>();
  const whole = new Map<string, number>();
  const durableMs = new Map<string, number>();
  for (const [queue, own] of Map.groupBy(all, ({ queue }) => queue)) {
    durableMs.set(queue, Math.min(...own.map(({ durableMs }) => durableMs)));
    const base = `${prefix}:${base64(queue)}`;
    const workers = names?.filter((name) => name === base || name.startsWith(`${base}:w:`));
    if (workers !== undefined && workers.length <= own.length) {
      whole.set(queue, Math.max(...own.map(({ sinceMs }) => sinceMs)));
    }
    const covered = new Map<string, number>();
    for (const [name, same] of Map.groupBy(own, ({ name }) => name)) {
      const count = workers?.filter((worker) => worker === `${base}:w:${name}`).length;
      // A name that an agentless worker may have too covers nothing.
      const sure = same.every(({ isUnique }) => isUnique) ||
        (count !== undefined && count <= same.length);
      if (sure) covered.set(name, Math.max(...same.map(({ sinceMs }) => sinceMs)));
    }
    live.set(queue, covered);
  }
  return {
    nowMs,
    live,
    whole,
    durableMs,
    workers: new Map(all.map(({ field, sinceMs }) => [field, sinceMs])),
  };
}

function registrations(flat: unknown): readonly Registration[] {
  const values = Array.isArray(flat) ? flat.map(String) : [];
  const found: Registration[] = [];
  for (let i = 0; i + 1 < values.length; i += 2) {
    const one = registration(values[i] ?? "", values[i + 1] ?? "");
    if (one !== undefined) found.push(one);
  }
  return found;
}

function registration(field: string, value: string): Registration | undefined {
  try {
    const parsed: unknown = JSON.parse(field);
    const [since, seen, durable] = value.split(" ").map(Number);
    return {
      field,
      queue: String(member(parsed, "0")),
      name: String(member(parsed, "1")),
      isUnique: member(parsed, "2") === 1,
      sinceMs: since ?? NaN,
      seenMs: seen ?? NaN,
      durableMs: durable ?? NaN,
    };
  } catch {
    return undefined;
  }
}

// BullMQ names connections after the base64 form of a queue's name.
function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
