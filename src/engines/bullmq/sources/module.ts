import type { Ancestors } from "../ancestors.ts";
import { member } from "../facts.ts";
import type { BullQueueLike, BullWorkerLike } from "../like.ts";
import { quietly } from "../quietly.ts";
import type { Reporter } from "../reporter.ts";
import { type StopWatching, watchProducers } from "./producer.ts";

/** The classes of BullMQ, as its module exports them. */
export interface BullmqModuleLike {
  /** Class of queues. */
  readonly Queue?: unknown;
  /** Class of workers. */
  readonly Worker?: unknown;
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
): StopWatching {
  const queues = prototypeOf(module.Queue);
  const workers = prototypeOf(module.Worker);
  const stops = [
    ...(queues === undefined
      ? []
      : [watchProducers(queues, reporter, (queue) => finds.queue(queue))]),
    ...(workers === undefined ? [] : [watchRuns(workers, finds)]),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

// BullMQ calls `run` at the end of the constructor, or the user does later.
function watchRuns(prototype: object, finds: ModuleFinds): StopWatching {
  const original: unknown = member(prototype, "run");
  if (typeof original !== "function") return () => {};
  const own = Object.getOwnPropertyDescriptor(prototype, "run");
  const known = new WeakSet<object>();
  let watching = true;
  const run = function (this: unknown, ...values: readonly unknown[]): unknown {
    if (watching && typeof this === "object" && this !== null && !known.has(this)) {
      known.add(this);
      quietly(() => finds.worker(this as BullWorkerLike));
    }
    return Reflect.apply(original, this, values) as unknown;
  };
  const value = { value: run, writable: true, configurable: true, enumerable: false };
  Object.defineProperty(prototype, "run", value);
  return () => {
    watching = false;
    if (member(prototype, "run") !== run) return;
    if (own === undefined) Reflect.deleteProperty(prototype, "run");
    else Object.defineProperty(prototype, "run", own);
  };
}

function prototypeOf(type: unknown): object | undefined {
  if (typeof type !== "function") return undefined;
  const { prototype } = type as { readonly prototype?: unknown };
  return typeof prototype === "object" && prototype !== null ? prototype : undefined;
}
