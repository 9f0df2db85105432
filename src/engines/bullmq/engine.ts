import { type Clock, systemClock } from "../../base/clock.ts";
import { errorText } from "../../base/errors.ts";
import type { Engine, EngineSink } from "../contract.ts";
import { defineEngine } from "../define.ts";
import { type Ancestors, createAncestors } from "./ancestors.ts";
import { createParentReader } from "./flow_reader.ts";
import { createDepthReader } from "./health.ts";
import type { BullQueueLike, BullWorkerLike } from "./like.ts";
import { BULLMQ, type BullProfile } from "./profile.ts";
import { reconcileJob } from "./reconcile.ts";
import { quietly } from "./quietly.ts";
import { createReporter, type Reporter } from "./reporter.ts";
import { watchProducer } from "./sources/producer.ts";
import { type WatchedWorker, watchWorker } from "./sources/worker.ts";
import { type ActionTools, submitJob } from "./submit.ts";
import { nameWorkers } from "./worker_name.ts";

/** What users say about their queues and workers. */
export interface BullmqEngineOptions {
  /** Queues that this process adds to, and that commands may add to. */
  readonly queues?: readonly BullQueueLike[] | undefined;
  /** Workers that run in this process. */
  readonly workers?: readonly BullWorkerLike[] | undefined;
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
 * Makes no connection and no queue of its own.
 *
 * Reports what the given workers do and what the given queues add. Task ids are
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
  const { name, queues = [], workers = [], clock = systemClock } = options;
  requireDistinct(queues);
  const names = nameWorkers(workers, options.workerName, options.pid);
  const tools: ActionTools = { engine: name, queues, profile, clock };
  const readDepths = createDepthReader(queues, clock);
  let watched: readonly WatchedWorker[] = [];
  let stops: (() => void)[] = [];
  return defineEngine<Engine>({
    name,
    capabilities: queues.length === 0 ? [] : ["submit_task"],
    attach(sink) {
      if (stops.length > 0) return;
      const reporter = createReporter(sink, profile, clock);
      stops = queues.flatMap((queue) =>
        tryWatch(
          sink,
          `queue ${queue.name}`,
          () => watchProducer(queue, reporter, ancestorsOf(queue)),
        )
      );
      watched = workers.flatMap((worker) =>
        tryWatch(sink, `worker of ${worker.name}`, () => watch(worker, reporter))
      );
      stops.push(...watched.map((worker) => () => worker.stop()), () => reporter.close());
    },
    detach() {
      for (const stop of stops.splice(0)) quietly(stop);
      watched = [];
    },
    async health() {
      const reports = watched.map((worker) => worker.health());
      return { brokerType: profile.brokerType, workers: reports, ...await readDepths() };
    },
    actions: {
      ...(queues.length === 0
        ? {}
        : { submit: (input, context) => submitJob(tools, input, context) }),
      reconcile: (taskId, context) => reconcileJob(tools, taskId, context),
    },
  });

  function watch(worker: BullWorkerLike, reporter: Reporter): WatchedWorker {
    const workerName = names.get(worker) ?? worker.name;
    const ancestors = ancestorsOf(worker);
    return watchWorker({ worker, name: workerName, reporter, ancestors, clock, pid: options.pid });
  }

  // One for each object: every one may have a Redis of its own.
  function ancestorsOf(owner: BullQueueLike | BullWorkerLike): Ancestors {
    return createAncestors(createParentReader(owner, queues), clock);
  }
}

// An object that does not look as expected costs its own events, nothing else.
function tryWatch<T>(sink: EngineSink, what: string, begin: () => T): readonly T[] {
  try {
    return [begin()];
  } catch (error) {
    quietly(() => sink.notice({ what, error: errorText(error) }, `Cannot watch the ${what}`));
    return [];
  }
}

function requireDistinct(queues: readonly BullQueueLike[]): void {
  const seen = new Set<string>();
  for (const { name } of queues) {
    if (seen.has(name)) throw new TypeError(`Cannot attach the queue ${name}: it is listed twice`);
    seen.add(name);
  }
}
