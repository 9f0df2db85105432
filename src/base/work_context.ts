import type { JsonPrimitive } from "./json.ts";

/** The unit of work that made a schedule: a link of the runs, not their parent. */
export interface WorkLink {
  /** Its trace: 32 lower-case hex digits. */
  readonly traceId: string;
  /** Its step: 16 lower-case hex digits. */
  readonly spanId: string;
  /** Id of the request. */
  readonly requestId?: string | undefined;
}

/** Facts about the request, or another unit of work, that caused something. */
export interface WorkContext {
  /** Trace of the whole work in all processes: 32 lower-case hex digits. */
  readonly traceId: string;
  /** This step of the trace: 16 lower-case hex digits. */
  readonly spanId: string;
  /** The step that caused this one. */
  readonly parentSpanId?: string | undefined;
  /** Whether the caller records the trace. Default `true`. */
  readonly sampled?: boolean | undefined;
  /** W3C `tracestate` that came with the trace, at most 512 characters. */
  readonly traceState?: string | undefined;
  /** Who made the schedule that this work is a run of, or belongs to. */
  readonly scheduledBy?: WorkLink | undefined;
  /** Id of the request. */
  readonly requestId?: string | undefined;
  /** HTTP method in capitals. */
  readonly method?: string | undefined;
  /** The pattern that matched, for example `/orders/:id`; never the raw path. */
  readonly route?: string | undefined;
  /** Who asked; an id, because names and addresses are redacted. */
  readonly user?: string | undefined;
  /** For which customer. */
  readonly tenant?: string | undefined;
  /** Further facts. */
  readonly extra?: Readonly<Record<string, JsonPrimitive>> | undefined;
}

/** What a span tells of the trace that it belongs to. */
export type ActiveTrace = Pick<WorkContext, "traceId" | "spanId" | "sampled" | "traceState">;

/** What a span adds to a context. */
export type SpanIds = ActiveTrace & Pick<WorkContext, "parentSpanId">;

/** Answers the facts of a unit of work, as late as somebody asks. */
export interface WorkSource {
  /** The facts as they are now. */
  read(): WorkContext;
  /** Told about each job that the work asked for. */
  asked?(taskId: string): void;
}

/** Keeps a value for everything that a call starts, also behind an `await`. */
export interface AsyncStore<T> {
  /** Runs work that sees the value. */
  run<R>(value: T, work: () => R): R;
  /** The value of the code that runs now. */
  get(): T | undefined;
}

/** A job, as far as its context is concerned. */
export interface JobFacts {
  /** Name of the job. */
  readonly name: string;
  /** Queue it lies in. */
  readonly queue?: string | undefined;
  /** Its id on the brain. */
  readonly taskId?: string | undefined;
}

/** How engines carry the context of a request into jobs. */
export interface JobContexts {
  /**
   * The context for a job that is asked for now: the same trace, a new step.
   * `undefined` outside of any unit of work.
   */
  leave(job: JobFacts): WorkContext | undefined;
  /** Runs a job in its context, so that what it starts inherits it. */
  enter<R>(job: JobFacts, context: WorkContext | undefined, work: () => R): R;
}
