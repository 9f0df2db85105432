import { overrideMethod } from "../../../base/override_method.ts";
import type { Ancestors } from "../ancestors.ts";
import type { BullQueueLike, BullWorkerLike } from "../like.ts";
import { quietly } from "../quietly.ts";
import type { Reporter } from "../reporter.ts";
import { watchFlows } from "./flows.ts";
import { watchProducers } from "./producer.ts";

/** The classes of BullMQ, as its module exports them. */
export interface BullmqModuleLike {
  /** Class of queues. */
  readonly Queue?: unknown;
  /** Class of workers. */
  readonly Worker?: unknown;
  /** Class of what adds flows. */
  readonly FlowProducer?: unknown;
}

/** Told about what the process makes. */
export interface ModuleFinds {
  /** A queue adds its first job. */
  queue(queue: BullQueueLike): Ancestors;
  /** A worker begins to run. */
  worker(worker: BullWorkerLike): void;
}

/**
 * Finds the queues and workers that a process makes from the module at hand. The
 * prototypes are patched; every call passes unchanged, and `stop` undoes it.
 */
export function watchModule(
  module: BullmqModuleLike,
  reporter: Reporter,
  finds: ModuleFinds,
): () => void {
  const queues = prototypeOf(module.Queue);
  const workers = prototypeOf(module.Worker);
  const flows = prototypeOf(module.FlowProducer);
  const stops = [
    ...(queues === undefined
      ? []
      : [watchProducers(queues, reporter, (queue) => finds.queue(queue))]),
    ...(workers === undefined ? [] : [watchRuns(workers, finds)]),
    ...(flows === undefined ? [] : [watchFlows(flows, reporter.contexts)]),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

// BullMQ calls `run` at the end of the constructor, or the user does later.
function watchRuns(prototype: object, finds: ModuleFinds): () => void {
  const known = new WeakSet<object>();
  return overrideMethod(prototype, "run", (call, self) => {
    if (typeof self === "object" && self !== null && !known.has(self)) {
      known.add(self);
      quietly(() => finds.worker(self as BullWorkerLike));
    }
    return call();
  });
}

/** What the objects of a class inherit from. */
export function prototypeOf(type: unknown): object | undefined {
  if (typeof type !== "function") return undefined;
  const { prototype } = type as { readonly prototype?: unknown };
  return typeof prototype === "object" && prototype !== null ? prototype : undefined;
}
