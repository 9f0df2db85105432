import { overrideMethod } from "../../base/override_method.ts";
import { readCarrier, writeCarrier } from "../../base/work_carrier.ts";
import type { JobContexts, WorkContext } from "../../base/work_context.ts";
import { member, text } from "./facts.ts";
import type { BullJobLike } from "./like.ts";
import { MAX_KNOWN_CONTEXTS } from "./limits.ts";
import { quietly } from "./quietly.ts";
import { runContext } from "./run_context.ts";
import { taskIdOf } from "./task_id.ts";

// BullMQ 5 and 6 keep options that they do not know beside those that they do,
// in Redis, through retries and in every process, sandboxes included. Their own
// `telemetry` option belongs to the user.
const CARRIER = "z4j";
// In the template of a schedule: who made it.
const MAKER = "z4jMadeBy";

/** A method of a queue that asks for jobs. */
export type AskingMethod = "add" | "addBulk" | "upsertJobScheduler";

/** The context that a job of BullMQ carries, or that the run of a schedule has. */
export function contextInJob(job: Pick<BullJobLike, "opts" | "id">, queue: string):
  | WorkContext
  | undefined {
  const own = readCarrier(member(job.opts, CARRIER));
  if (own !== undefined) return own;
  const maker = readCarrier(member(job.opts, MAKER));
  return maker && runContext(maker, taskIdOf(queue, String(job.id)));
}

/** How one engine carries the context of requests in its jobs. */
export interface BullContexts {
  /**
   * The inputs of a method with a carrier in the options of each job. Data and the
   * caller's own objects stay as they are.
   */
  carry(
    method: AskingMethod,
    queue: string,
    values: readonly unknown[],
  ): Carried;
  /** A flow with a carrier in the options of each of its jobs. */
  carryFlow(flow: unknown): unknown;
  /** Notes jobs whose library keeps no carrier. */
  added(queue: string, jobs: unknown, carried: Carried): void;
  /** The context that a job carries. */
  of(job: BullJobLike, queue: string): WorkContext | undefined;
  /** Lets a worker run its jobs in their contexts until stopped. */
  follow(worker: object, queue: string): () => void;
}

/** Inputs on their way, with the contexts of their jobs. */
export interface Carried {
  /** What the queue gets. */
  readonly values: readonly unknown[];
  /** One for each job. */
  readonly contexts: readonly (WorkContext | undefined)[];
}

/** What a library does with carriers. */
export interface CarrierProfile {
  /** Whether options that it does not know reach the worker. */
  readonly keepsOptions: boolean;
  /** Method or member of a worker that runs a job; the job is its first input. */
  readonly runner: "callProcessJob" | "processor";
}

/** Creates what carries contexts; nothing is carried without an agent that can. */
export function createBullContexts(
  work: JobContexts | undefined,
  profile: CarrierProfile,
): BullContexts {
  const known = new Map<string, WorkContext>();
  const leave = (name: unknown, queue: string, options: unknown): WorkContext | undefined => {
    // What is copied from a job or a schedule goes on with its context.
    const isBound = [CARRIER, MAKER].some((key) => readCarrier(member(options, key)) !== undefined);
    // Where only this process remembers, a repetition has nobody to lead back to.
    const isForgotten = !profile.keepsOptions && member(options, "repeat") !== undefined;
    if (isBound || isForgotten) return undefined;
    return work?.leave({ name: text(name) ?? queue, queue });
  };
  const withCarrier = (
    options: unknown,
    context: WorkContext | undefined,
    isRepeated: boolean = member(options, "repeat") !== undefined,
  ): unknown => {
    if (context === undefined || !profile.keepsOptions) return options;
    const key = isRepeated ? MAKER : CARRIER;
    return { ...options as object | undefined, [key]: writeCarrier(context) };
  };
  const carryTemplate = (queue: string, [id, repeat, template, ...more]: readonly unknown[]) => {
    const [name, options] = ["name", "opts"].map((key) => member(template, key));
    const context = leave(name ?? id, queue, options);
    if (context === undefined) return undefined;
    const made = { ...template as object | undefined, opts: withCarrier(options, context, true) };
    return { values: [id, repeat, made, ...more], contexts: [] };
  };
  const of = (job: BullJobLike, queue: string): WorkContext | undefined =>
    profile.keepsOptions ? contextInJob(job, queue) : known.get(taskIdOf(queue, String(job.id)));
  const carryFlow = (flow: unknown): unknown => {
    if (typeof flow !== "object" || flow === null) return flow;
    const [queue, name, options] = ["queueName", "name", "opts"].map((key) => member(flow, key));
    const context = leave(name, text(queue) ?? "", options);
    const children = member(flow, "children");
    return {
      ...flow,
      ...context === undefined ? {} : { opts: withCarrier(options, context) },
      ...Array.isArray(children) ? { children: children.map(carryFlow) } : {},
    };
  };
  return {
    of,
    carryFlow: (flow) => work === undefined || !profile.keepsOptions ? flow : carryFlow(flow),
    carry(method, queue, values) {
      if (work === undefined) return { values, contexts: [] };
      if (method === "upsertJobScheduler") {
        const template = profile.keepsOptions ? carryTemplate(queue, values) : undefined;
        return template ?? { values, contexts: [] };
      }
      if (method === "add") {
        const [name, data, options, ...more] = values;
        const context = leave(name, queue, options);
        if (context === undefined) return { values, contexts: [] };
        return {
          values: [name, data, withCarrier(options, context), ...more],
          contexts: [context],
        };
      }
      const [jobs, ...more] = values;
      if (!Array.isArray(jobs)) return { values, contexts: [] };
      const contexts = jobs.map((job: unknown) =>
        leave(member(job, "name"), queue, member(job, "opts"))
      );
      if (contexts.every((context) => context === undefined)) return { values, contexts: [] };
      const carried = jobs.map((job: unknown, at) =>
        contexts[at] === undefined
          ? job
          : { ...job as object, opts: withCarrier(member(job, "opts"), contexts[at]) }
      );
      return { values: [carried, ...more], contexts };
    },
    added(queue, answer, { contexts }) {
      if (profile.keepsOptions) return;
      for (const [at, job] of (Array.isArray(answer) ? answer : [answer]).entries()) {
        const context = contexts[at];
        const id = text(member(job, "id"));
        if (context === undefined || id === undefined) continue;
        known.set(taskIdOf(queue, id), context);
        for (const oldest of known.keys()) {
          if (known.size <= MAX_KNOWN_CONTEXTS) break;
          known.delete(oldest);
        }
      }
    },
    follow(worker, queue) {
      // On this instance only; inputs, answers and errors pass unchanged.
      return work === undefined
        ? () => {}
        : overrideMethod(worker, profile.runner, (call, _self, [job]) => {
          const facts = { name: text(member(job, "name")) ?? queue, queue };
          const taskId = text(member(job, "id"));
          const context = quietly(() => of(job as BullJobLike, queue));
          return work.enter(
            taskId === undefined ? facts : { ...facts, taskId: taskIdOf(queue, taskId) },
            context,
            () => call(),
          );
        });
    },
  };
}
