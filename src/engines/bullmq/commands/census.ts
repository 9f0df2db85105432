import { TIMED_OUT, withDeadline } from "../../../base/clock.ts";
import { finite, member } from "../facts.ts";
import type { WorkerReport } from "../../contract.ts";
import { plainName } from "../worker_name.ts";
import type { QueueAccess } from "./queue_access.ts";
import type { Router } from "./router.ts";
import type { CommandSite } from "./site.ts";
import { createSteps } from "./step.ts";

/** What one process tells of the queues and workers that all share. */
export interface Census {
  /** More facts for the health page: `queue_states` as JSON text. */
  readonly facts: Readonly<Record<string, string>>;
  /** Workers that no agent of the project reports. */
  readonly workers: readonly WorkerReport[];
}

// A heartbeat must not wait for a broker.
const DEADLINE_MS = 2_000;
const MAX_QUEUES = 200;
const MAX_STRANGERS = 200;

/**
 * Reads states, pause and limits of the queues, and the workers without an agent
 * from the client list of Redis. One process of the project does so: the others
 * answer nothing.
 */
export async function takeCensus(
  site: CommandSite,
  access: QueueAccess,
  router: Router,
): Promise<Census | undefined> {
  const census = await withDeadline(site.clock, take(site, access, router), DEADLINE_MS);
  return census === TIMED_OUT ? undefined : census;
}

async function take(
  site: CommandSite,
  access: QueueAccess,
  router: Router,
): Promise<Census | undefined> {
  if (!site.profile.steers || site.queues.length === 0) return undefined;
  await router.refresh();
  if (!router.isFirst()) return undefined;
  const context = { signal: new AbortController().signal, remainingMs: DEADLINE_MS };
  const steps = createSteps(context, site.clock, site.link);
  const states = await Promise.all(
    site.queues.slice(0, MAX_QUEUES).map(async ({ name }) => {
      try {
        const queue = await access.queue(name, steps);
        const [counts, isPaused, concurrency, rate] = await steps.read(() =>
          Promise.all([
            queue.getJobCounts(),
            queue.isPaused?.(),
            queue.getGlobalConcurrency?.(),
            queue.getGlobalRateLimit?.(),
          ])
        );
        const numbers = Object.entries(counts).filter(([, count]) => finite(count) !== undefined);
        const state = {
          ...Object.fromEntries(numbers),
          is_paused: isPaused === true,
          concurrency: finite(concurrency) ?? null,
          rate: finite(rate?.max) ?? null,
          rate_period_ms: finite(rate?.duration) ?? null,
        };
        return [[name, state] as const];
      } catch {
        // One queue that cannot be read leaves the others alone.
        return [];
      }
    }),
  );
  return {
    facts: { queue_states: JSON.stringify(Object.fromEntries(states.flat())) },
    workers: await strangers(site, access, router),
  };
}

/** Workers in the client list of Redis that no agent has announced. */
async function strangers(
  site: CommandSite,
  access: QueueAccess,
  router: Router,
): Promise<readonly WorkerReport[]> {
  const answer = await site.link.call("CLIENT", ["LIST"], DEADLINE_MS);
  // Where it is forbidden, the agents tell of their own workers.
  if (answer.ended !== "value" || typeof answer.value !== "string") return [];
  const known = new Set<string>();
  for (const { name, worker } of site.workers()) {
    known.add(name);
    known.add(plainName(String(member(member(worker, "opts"), "name"))));
  }
  for (const { workers } of router.peers()) for (const { name } of workers) known.add(name);
  const found = new Map<string, WorkerReport>();
  for (const [, , name] of answer.value.matchAll(/(^|\s)name=(\S+)/gm)) {
    const worker = name === undefined ? undefined : workerOf(name, access.prefix());
    if (worker === undefined || known.has(worker.name) || found.size >= MAX_STRANGERS) continue;
    const report = { name: worker.name, active: [], queues: [worker.queue] };
    found.set(worker.name, { ...report, stats: { source: "client list" } });
  }
  return [...found.values()];
}

// BullMQ names a connection `<prefix>:<base64 of the queue>:w:<name>`.
function workerOf(
  client: string,
  prefix: string,
): { readonly queue: string; readonly name: string } | undefined {
  if (!client.startsWith(`${prefix}:`)) return undefined;
  const [code = "", name] = client.slice(prefix.length + 1).split(":w:");
  if (name === undefined || name === "") return undefined;
  try {
    const bytes = Uint8Array.from(atob(code), (character) => character.charCodeAt(0));
    return { queue: new TextDecoder().decode(bytes), name: plainName(name) };
  } catch {
    return undefined;
  }
}
