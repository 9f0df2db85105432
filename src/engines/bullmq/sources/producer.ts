import { overrideMethod } from "../../../base/override_method.ts";
import type { Ancestors } from "../ancestors.ts";
import { member, text } from "../facts.ts";
import type { BullContexts } from "../job_contexts.ts";
import type { BullJobLike, BullQueueLike } from "../like.ts";
import { quietly } from "../quietly.ts";
import type { Reporter } from "../reporter.ts";
import { carried as carriedInputs, carryThrough } from "./carry.ts";

type Method = "add" | "addBulk";

/** Takes what a method of a queue answered, and what it was called with. */
type Seen = (queue: object, answer: unknown, values: readonly unknown[]) => void;

/**
 * Reports the jobs that this process adds through a queue. The methods are
 * wrapped on this instance only; arguments, answers and errors pass unchanged.
 */
export function watchProducer(
  queue: BullQueueLike,
  reporter: Reporter,
  ancestors: Ancestors,
): () => void {
  const arrivals = createArrivals(queue, reporter, ancestors);
  const stops = [...wrapAdding(queue, () => arrivals, reporter.contexts), arrivals.stop];
  return () => {
    for (const stop of stops) stop();
  };
}

/**
 * Reports the jobs that this process adds through any queue of a class, also one
 * that is made later. `found` learns of every queue when it adds its first job.
 */
export function watchProducers(
  prototype: object,
  reporter: Reporter,
  found: (queue: BullQueueLike) => Ancestors,
): () => void {
  const known = new WeakMap<object, Arrivals>();
  const stops = wrapAdding(prototype, (owner) => {
    const earlier = known.get(owner);
    if (earlier !== undefined) return earlier;
    const queue = owner as BullQueueLike;
    const arrivals = createArrivals(queue, reporter, found(queue));
    known.set(owner, arrivals);
    return arrivals;
  }, reporter.contexts);
  return () => {
    for (const stop of stops) stop();
  };
}

function wrapAdding(
  target: object,
  of: (queue: object) => Arrivals,
  contexts: BullContexts,
): readonly (() => void)[] {
  return [
    wrap(target, "add", contexts, (queue, job, values) => of(queue).added(job, values[2])),
    wrap(target, "addBulk", contexts, (queue, jobs, values) => {
      if (!Array.isArray(jobs)) return;
      const asked: unknown = values[0];
      const { added } = of(queue);
      for (const [i, job] of jobs.entries()) {
        added(job, member(Array.isArray(asked) ? asked[i] : undefined, "opts"));
      }
    }),
    // Its jobs are told of by whoever reads the streams, or runs them.
    carryThrough(target, contexts, ["upsertJobScheduler"]),
  ];
}

function wrap(
  target: object,
  method: Method,
  contexts: BullContexts,
  seen: Seen,
): () => void {
  return overrideMethod(target, method, (call, self, values, isOver) => {
    const queue = typeof self === "object" && self !== null ? self : target;
    const name = text(member(queue, "name")) ?? "";
    const carried = carriedInputs(contexts, method, queue, values);
    const answer = call(carried.values);
    if (!(answer instanceof Promise)) return answer;
    // One chain: a rejection stays the caller's, handled or not.
    return answer.then((value: unknown) => {
      if (isOver()) return value;
      quietly(() => contexts.added(name, value, carried));
      quietly(() => seen(queue, value, values));
      return value;
    });
  });
}

interface Arrivals {
  /** Takes the answer of an `add` and the options it was called with. */
  readonly added: (job: unknown, options: unknown) => void;
  /** Gives up what is not known yet. */
  readonly stop: () => void;
}

function createArrivals(
  queue: BullQueueLike,
  reporter: Reporter,
  ancestors: Ancestors,
): Arrivals {
  const open = new Set<BullJobLike>();
  const unchecked = (): void =>
    reporter.lost("the arrival of a job with a chosen id could not be checked");
  const check = async (job: BullJobLike & { readonly id: string }): Promise<void> => {
    open.add(job);
    try {
      const stored = await queue.getJob(job.id);
      const isNew = stored === undefined || stored === null || stored.timestamp === job.timestamp;
      if (isNew && open.has(job)) reporter.arrival(job, queue.name, ancestors);
    } catch {
      if (open.has(job)) unchecked();
    } finally {
      open.delete(job);
    }
  };
  return {
    added(job, options) {
      if (!isJob(job)) return reporter.lost("a job was added without an id");
      if (!mayBeAnother(queue, job, options)) return reporter.arrival(job, queue.name, ancestors);
      // With a chosen id or a deduplication the queue may have kept an older job
      // and yet answers with the new data: only the stored time of creation tells.
      void check(job);
    },
    stop() {
      for (const _job of open) unchecked();
      open.clear();
    },
  };
}

function isJob(job: unknown): job is BullJobLike & { readonly id: string } {
  return text(member(job, "id")) !== undefined;
}

function mayBeAnother(queue: BullQueueLike, job: BullJobLike, options: unknown): boolean {
  const sources = [options, job.opts, member(member(queue, "opts"), "defaultJobOptions")];
  return sources.some((source) =>
    CHOOSING.some((key) => {
      const value = member(source, key);
      return value !== undefined && value !== null;
    })
  );
}

// Options through which an `add` may end at a job that exists already.
const CHOOSING = ["jobId", "deduplication", "debounce", "uniqueKey"] as const;
