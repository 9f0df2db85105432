import { createWorkTracker } from "../agent/work_contexts.ts";
import type { JobFacts, WorkContext, WorkSource } from "../base/work_context.ts";
import { member, text } from "../engines/bullmq/facts.ts";
import { contextInJob, createBullContexts } from "../engines/bullmq/job_contexts.ts";
import type { BullFlowProducerLike } from "../engines/bullmq/like.ts";
import { BULLMQ } from "../engines/bullmq/profile.ts";
import { quietly } from "../engines/bullmq/quietly.ts";
import { carryThrough } from "../engines/bullmq/sources/carry.ts";
import { watchFlows } from "../engines/bullmq/sources/flows.ts";
import { type BullmqModuleLike, prototypeOf } from "../engines/bullmq/sources/module.ts";
import { taskIdOf } from "../engines/bullmq/task_id.ts";
import { createAsyncStore } from "../platform/async_store.ts";

/** A queue that a sandboxed processor adds to. */
export interface SandboxQueueLike {
  /** Its name. */
  readonly name: string;
  /** Adds a job; each version has its own types, so any signature fits. */
  add(name: never, data: never, options?: never): unknown;
}

/** A job as BullMQ hands it to a processor, sandboxed or not. */
export interface SandboxJobLike {
  /** Id inside its queue. */
  readonly id?: string | undefined;
  /** Name that its producer gave it. */
  readonly name: string;
  /** Queue it lies in. */
  readonly queueName?: string | undefined;
  /** Its options. */
  readonly opts?: object | undefined;
}

/** What a processor adds to. */
export interface SandboxOptions {
  /** Queues whose jobs carry the context on. Default: none. */
  readonly queues?: readonly SandboxQueueLike[] | undefined;
  /** Producers of flows whose jobs do so. Default: none. */
  readonly flows?: readonly BullFlowProducerLike[] | undefined;
  /** The module `bullmq` itself: all its queues and producers of flows. Default: those listed. */
  readonly bullmq?: BullmqModuleLike | undefined;
}

/** The context of jobs in a sandbox. */
export interface Sandbox {
  /** The context of the job that the code which asks belongs to; `undefined` outside of any. */
  current(): WorkContext | undefined;
  /** The context that a job carries. */
  of(job: SandboxJobLike): WorkContext | undefined;
  /** Runs work in the context of a job; answers and errors pass unchanged. */
  run<R>(job: SandboxJobLike, work: () => R): R;
  /** A processor that runs in the context of its job. */
  wrap<P extends (job: never, ...more: never[]) => unknown>(processor: P): P;
  /** Undoes every change to the given objects. */
  close(): void;
}

/**
 * Reads the context where the engine of the worker put it, beside the data of the
 * job, and lets jobs that the processor adds carry it on. Needs no agent: their
 * events are told by the agent that reads the streams, or runs them. Connects to
 * nothing; an agent in the same process is not disturbed.
 *
 * @example One job
 * ```ts
 * import { createSandbox } from "@z4j/core/sandbox";
 *
 * const sandbox = createSandbox();
 * const job = { name: "mail", id: "1", queueName: "mail", opts: {} };
 * const user = sandbox.run(job, () => sandbox.current()?.user); // undefined: it carries none
 * ```
 */
export function createSandbox(options: SandboxOptions = {}): Sandbox {
  const { queues = [], flows = [], bullmq } = options;
  const work = createWorkTracker(createAsyncStore<WorkSource>());
  const contexts = createBullContexts(work, BULLMQ);
  const [queueClass, flowClass] = [bullmq?.Queue, bullmq?.FlowProducer].map(prototypeOf);
  const stops = [
    ...[...queues, queueClass].map((target) =>
      target && carryThrough(target, contexts, ["add", "addBulk", "upsertJobScheduler"])
    ),
    ...[...flows, flowClass].map((target) => target && watchFlows(target, contexts)),
  ];
  const of = (job: SandboxJobLike): WorkContext | undefined =>
    quietly(() => contextInJob(job, text(member(job, "queueName")) ?? ""));
  const run = <R>(job: SandboxJobLike, call: () => R): R => work.enter(factsOf(job), of(job), call);
  return {
    current: () => work.current(),
    of,
    run,
    wrap<P extends (job: never, ...more: never[]) => unknown>(processor: P): P {
      const wrapped = (...inputs: Parameters<P>): unknown =>
        run(
          inputs[0] as SandboxJobLike,
          () => Reflect.apply(processor, undefined, inputs) as unknown,
        );
      // BullMQ hands a signal to processors that declare three inputs.
      return Object.defineProperty(wrapped, "length", { value: processor.length }) as unknown as P;
    },
    close() {
      for (const stop of stops.splice(0)) stop?.();
    },
  };
}

function factsOf(job: SandboxJobLike): JobFacts {
  const [name = "", queue, id] = ["name", "queueName", "id"].map((key) => text(member(job, key)));
  if (queue === undefined || id === undefined) return { name };
  return { name, queue, taskId: taskIdOf(queue, id) };
}
