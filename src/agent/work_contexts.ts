import { isTraceId, newSpanId, newTraceId } from "../base/trace_ids.ts";
import { boundWork } from "../base/work_bounds.ts";
import type {
  ActiveTrace,
  AsyncStore,
  JobContexts,
  WorkContext,
  WorkSource,
} from "../base/work_context.ts";
import type { Spans } from "./spans.ts";

/** What a program may say about a unit of work of its own; without ids, new ones are made. */
export type WorkFacts = { readonly [K in keyof WorkContext]?: WorkContext[K] | undefined };

/** The context of requests and other work, as the program sees it. */
export interface WorkContexts {
  /**
   * The facts of the request or job that the code which asks belongs to;
   * `undefined` outside of any. Also inside `app.onError`.
   */
  current(): WorkContext | undefined;
  /**
   * Runs work that is no request, for example a message handler, in a context
   * of its own: jobs that it adds carry it. Inside another context the trace
   * goes on.
   */
  run<R>(facts: WorkFacts, work: () => R): R;
  /** Runs work whose facts are asked for as late as possible; for web frameworks. */
  follow<R>(source: WorkSource, work: () => R): R;
  /** The span that is active in the program's own tracing; `undefined` without one. */
  active(): ActiveTrace | undefined;
}

/** The whole of it: what programs see and what engines need. */
export interface WorkTracker extends WorkContexts, JobContexts {
  /** Notes a job that the current work asked for. */
  asked(taskId: string): void;
}

/** Tracks the units of work of this process. */
export function createWorkTracker(store: AsyncStore<WorkSource>, spans?: Spans): WorkTracker {
  const current = (): WorkContext | undefined => store.get()?.read();
  return {
    current,
    run(facts, work) {
      const context = beginWork(facts, current());
      return store.run({ read: () => context }, work);
    },
    follow: (source, work) => store.run(source, work),
    active: () => spans?.active(),
    asked: (taskId) => store.get()?.asked?.(taskId),
    leave(job) {
      const from = current();
      const span = spans?.publish(job, from);
      if (span !== undefined) return { ...from, ...span };
      if (from === undefined) return undefined;
      return { ...from, spanId: newSpanId(), parentSpanId: from.spanId };
    },
    enter(job, context, work) {
      if (context === undefined) return work();
      const run = (): ReturnType<typeof work> => store.run({ read: () => context }, work);
      return spans === undefined ? run() : spans.process(job, context, run);
    },
  };
}

/** Tracks nothing: for an agent that was made without a store. */
export const NO_WORK: WorkTracker = {
  current: () => undefined,
  run: (_facts, work) => work(),
  follow: (_source, work) => work(),
  active: () => undefined,
  asked() {},
  leave: () => undefined,
  enter: (_job, _context, work) => work(),
};

function beginWork(facts: WorkFacts, from: WorkContext | undefined): WorkContext {
  const { traceId } = facts;
  const isOther = isTraceId(traceId) && traceId !== from?.traceId;
  // Steps and state of one trace say nothing in another.
  const outer: WorkFacts = isOther ? { ...from, ...NO_TRACE } : from ?? {};
  const ids = {
    traceId: outer.traceId ?? newTraceId(),
    spanId: newSpanId(),
    parentSpanId: outer.spanId,
  };
  const given = { ...outer, ...ids, ...facts };
  if (!isTraceId(traceId)) given.traceState = outer.traceState;
  // What is wrong is left out; wrong ids are replaced, also those of the work around.
  return boundWork(given) ?? boundWork({ ...given, spanId: ids.spanId }) ??
    boundWork({ ...given, ...ids }) ?? { traceId: newTraceId(), spanId: ids.spanId };
}

const NO_TRACE = { traceId: undefined, spanId: undefined, traceState: undefined };
