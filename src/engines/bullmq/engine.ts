import { type Clock, systemClock } from "../../base/clock.ts";
import type { Engine, EngineHost } from "../contract.ts";
import { defineEngine } from "../define.ts";
import { attachBull, type Attachment } from "./attachment.ts";
import { createBullCommands } from "./commands/actions.ts";
import { takeCensus } from "./commands/census.ts";
import { createRouter } from "./commands/router.ts";
import type { CommandSite } from "./commands/site.ts";
import { createDepthReader } from "./health.ts";
import type { BullFlowProducerLike, BullQueueLike, BullWorkerLike } from "./like.ts";
import { lintBull } from "./lint/lint.ts";
import { createJobObserver } from "./lint/observer.ts";
import type { LintedWorker } from "./lint/rules.ts";
import { BULLMQ, type BullProfile } from "./profile.ts";
import { openRedis } from "./redis/link.ts";
import { createRedisOrigin, type RedisConnection } from "./redis/origin.ts";
import type { BullmqModuleLike } from "./sources/module.ts";
import { nameOfUser } from "./worker_claim.ts";

/** What users say about their queues and workers. */
export interface BullmqEngineOptions {
  /** Queues that this process adds to, and that commands may add to. */
  readonly queues?: readonly BullQueueLike[] | undefined;
  /** Workers that run in this process. */
  readonly workers?: readonly BullWorkerLike[] | undefined;
  /** Producers of flows, whose jobs carry the context of the request. Default: none. */
  readonly flows?: readonly BullFlowProducerLike[] | undefined;
  /**
   * The module `bullmq` itself: queues, workers and flows that the process makes
   * are found, as long as the engine is attached first. Default: only those listed.
   */
  readonly bullmq?: BullmqModuleLike | undefined;
  /**
   * How to reach Redis: a client of ioredis (it is duplicated, never used), a
   * function that makes one from options, or options that replace those of a
   * queue or worker. Default: as the queues and workers do.
   */
  readonly connection?: RedisConnection | undefined;
  /** Prefix of the keys. Default: that of the queues, else `bull`. */
  readonly prefix?: string | undefined;
  /**
   * Whether what other processes do is watched as well, by one agent of the
   * project at a time. Default: `true`.
   */
  readonly stream?: boolean | undefined;
  /** Name of the engine on the brain. Default: `bullmq`. */
  readonly name?: string | undefined;
  /** Name of the workers of this process. Default: each worker's own, else `<queue>-<pid>`. */
  readonly workerName?: string | undefined;
  /** Process id, for the worker page and for names of workers. Default: none, names get random digits. */
  readonly pid?: number | undefined;
  /** Time. Default: the clock of the process. */
  readonly clock?: Clock | undefined;
}

/**
 * Watches and steers BullMQ (version 5 or 6) through the user's own objects.
 *
 * Reports what the given workers do and what the given queues add. What happens
 * in other processes, in any language, one agent of the project reads from
 * Redis. An agent adds at most two connections, made from the user's own client;
 * commands go over one of them and fail at once while Redis is away. Task ids are
 * `<queue>:<job id>`. Between attempts a job is `task.retried`; `task.failed`
 * comes only after the last one.
 *
 * @throws {TypeError} Two queues have the same name.
 * @throws {Z4jError} `Z4J_ENGINE_INVALID` for a name that a brain cannot keep.
 *
 * @example Queues and workers of this process
 * ```ts
 * import { bullmqEngine } from "@z4j/core/engines/bullmq";
 * import type { BullQueueLike, BullWorkerLike } from "@z4j/core/engines/bullmq";
 *
 * function watch(queue: BullQueueLike, worker: BullWorkerLike) {
 *   return bullmqEngine({ queues: [queue], workers: [worker] });
 * }
 * ```
 */
export function bullmqEngine(options: BullmqEngineOptions = {}): Engine {
  return createBullEngine({ ...options, name: options.name ?? "bullmq" }, BULLMQ);
}

/** Creates the engine of a queue library that looks like BullMQ. */
export function createBullEngine(
  options: BullmqEngineOptions & { readonly name: string },
  profile: BullProfile,
): Engine {
  const { name, clock = systemClock } = options;
  requireDistinct(options.queues ?? []);
  const queues = [...options.queues ?? []];
  const origin = createRedisOrigin(options.connection, () => owners(), clock);
  const commands = openRedis({ origin, role: "commands", clock });
  const site: CommandSite = {
    ...{ engine: name, profile, clock, prefix: options.prefix, queues, link: commands },
    queueClass: options.bullmq?.Queue,
    workers: () => attachment?.watched() ?? [],
    report: (events) => attachment?.report(events),
    arrival: (job, queue) => attachment?.arrival(job, queue),
    isStreamed: () => attachment?.isStreamed() ?? false,
    forbidden: (action, parameters) => offered?.forbidden?.(action, parameters) ?? null,
    restart: () => offered?.restart,
  };
  const router = createRouter(site);
  const hasQueues = queues.length > 0 || options.bullmq !== undefined;
  const hasWorkers = hasQueues || (options.workers ?? []).length > 0;
  const { access, actions, capabilities } = createBullCommands(site, router, {
    hasQueues,
    hasWorkers,
  });
  const readDepths = createDepthReader(queues, clock);
  const observer = createJobObserver();
  let attachment: Attachment | undefined;
  let offered: EngineHost | undefined;
  let serving: AbortController | undefined;
  return defineEngine<Engine>({
    name,
    capabilities,
    attach(sink, host) {
      offered = host;
      attachment ??= attachBull({
        ...options,
        ...{ profile, clock, queues, origin, commands, sink, host, observer },
      });
      if (host === undefined || serving !== undefined || !profile.hasStreams) return;
      serving = new AbortController();
      void router.serve(host.scope, () => access.prefix(), serving.signal);
    },
    async detach() {
      serving?.abort();
      serving = undefined;
      const ending = attachment;
      attachment = undefined;
      await ending?.detach();
      // A later command connects anew.
      commands.drop();
    },
    async health() {
      const [depths, census] = await Promise.all([readDepths(), takeCensus(site, access, router)]);
      return {
        brokerType: profile.brokerType,
        workers: [...attachment?.workers() ?? [], ...census?.workers ?? []],
        facts: { ...attachment?.facts(), ...census?.facts },
        ...depths,
      };
    },
    async lint(facts = {}) {
      const workers = attachment?.linted() ?? (options.workers ?? []).map(unattached);
      try {
        return await lintBull({ profile, queues, workers, observer, facts, redis: commands });
      } finally {
        // Looked at without an agent: nothing stays open.
        if (attachment === undefined) commands.drop();
      }
    },
    actions,
  });

  function owners(): readonly unknown[] {
    return [...queues, ...attachment?.objects() ?? options.workers ?? []];
  }
}

function unattached(worker: BullWorkerLike): LintedWorker {
  return { worker, isNamed: nameOfUser(worker) !== undefined };
}

function requireDistinct(queues: readonly BullQueueLike[]): void {
  const seen = new Set<string>();
  for (const { name } of queues) {
    if (seen.has(name)) throw new TypeError(`Cannot attach the queue ${name}: it is listed twice`);
    seen.add(name);
  }
}
