import { isSpanId, isTraceId } from "../base/trace_ids.ts";
import { parseTraceState } from "../base/trace_state.ts";
import type { ActiveTrace, JobFacts, SpanIds, WorkContext } from "../base/work_context.ts";
import type { OpenTelemetryLike, OtelLinkedSpan, OtelSpan, OtelSpanContext } from "./otel_like.ts";

/** Spans in the user's own OpenTelemetry. Nothing of it throws. */
export interface Spans {
  /** The span that is active now, as the parent of a request's work. */
  active(): ActiveTrace | undefined;
  /** Marks that a job was asked for; the ids that it carries. `undefined` outside of any trace. */
  publish(job: JobFacts, from: WorkContext | undefined): SpanIds | undefined;
  /** Runs a job inside a span below the one that asked for it. */
  process<R>(job: JobFacts, context: WorkContext, work: () => R): R;
  /** Begins the span of a command; the answer ends it. */
  command(action: string, id: string): (status: string, error: string | null) => void;
}

const CONSUMER = 4;
const PRODUCER = 3;
const SERVER = 1;
const ERROR = 2;

/** Makes spans with the user's `@opentelemetry/api`. */
export function createSpans(api: OpenTelemetryLike, version: string): Spans {
  const tracer = api.trace.getTracer("z4j", version);
  const active = (): OtelSpanContext | undefined =>
    quiet(() => usable(api.trace.getSpanContext(api.context.active())));
  const below = (context: WorkContext): unknown =>
    api.trace.setSpanContext(api.context.active(), {
      traceId: context.traceId,
      spanId: context.spanId,
      traceFlags: context.sampled === false ? 0 : 1,
      isRemote: true,
      ...(context.traceState === undefined || api.createTraceState === undefined
        ? {}
        : { traceState: api.createTraceState(context.traceState) }),
    });
  return {
    active() {
      const found = active();
      return found === undefined ? undefined : idsOf(found);
    },
    publish(job, from) {
      const parent = active();
      if (parent === undefined && from === undefined) return undefined;
      return quiet(() => {
        const options = { kind: PRODUCER, attributes: attributesOf(job) };
        const context = parent === undefined && from !== undefined
          ? below(from)
          : api.context.active();
        const span = tracer.startSpan(`${job.name} publish`, options, context);
        span.end();
        const ids = usable(span.spanContext());
        return ids && { ...idsOf(ids), parentSpanId: parent?.spanId ?? from?.spanId };
      });
    },
    process(job, context, work) {
      const begun = quiet(() => {
        const options = { kind: CONSUMER, attributes: attributesOf(job), ...linksOf(context) };
        const parent = below(context);
        const span = tracer.startSpan(`${job.name} process`, options, parent);
        return { span, inside: api.trace.setSpan(parent, span) };
      });
      if (begun === undefined) return work();
      return inSpan(api, begun.span, begun.inside, work);
    },
    command(action, id) {
      const options = { kind: SERVER, attributes: { "z4j.command.id": id } };
      const span = quiet(() => tracer.startSpan(`z4j ${action}`, options));
      return (status, error) =>
        quiet(() => {
          span?.setAttribute("z4j.command.status", status);
          if (error !== null) span?.setStatus({ code: ERROR, message: error });
          span?.end();
        });
    },
  };
}

function inSpan<R>(api: OpenTelemetryLike, span: OtelSpan, inside: unknown, work: () => R): R {
  const end = (isFailed: boolean): void => {
    quiet(() => {
      // The text of an error may hold anything; the events carry it, redacted.
      if (isFailed) span.setStatus({ code: ERROR });
      span.end();
    });
  };
  let begun = false;
  const once = (): R => {
    begun = true;
    return work();
  };
  try {
    const answer = api.context.with(inside, once) as R;
    if (!(answer instanceof Promise)) {
      end(false);
      return answer;
    }
    return answer.then((value) => {
      end(false);
      return value;
    }, (error) => {
      end(true);
      throw error;
    }) as R;
  } catch (error) {
    end(true);
    if (begun) throw error;
    return work();
  }
}

function attributesOf({ name, queue, taskId }: JobFacts): Record<string, string> {
  return {
    "messaging.system": "z4j",
    "messaging.operation.name": name,
    ...(queue === undefined ? {} : { "messaging.destination.name": queue }),
    ...(taskId === undefined ? {} : { "messaging.message.id": taskId }),
  };
}

// The run of a schedule begins a trace: a link, as messaging conventions have it,
// names the one that made the schedule. Jobs that the run adds are below the run.
function linksOf({ scheduledBy, parentSpanId, sampled }: WorkContext): {
  links?: { context: OtelLinkedSpan }[];
} {
  if (scheduledBy === undefined || parentSpanId !== undefined) return {};
  const { traceId, spanId } = scheduledBy;
  return { links: [{ context: { traceId, spanId, traceFlags: sampled === false ? 0 : 1 } }] };
}

function usable(context: OtelSpanContext | undefined): OtelSpanContext | undefined {
  return isTraceId(context?.traceId) && isSpanId(context?.spanId) ? context : undefined;
}

// Always with a state, be it none: that of another trace must not stay behind.
function idsOf(context: OtelSpanContext): ActiveTrace {
  const { traceId, spanId, traceFlags } = context;
  const traceState = parseTraceState(quiet(() => context.traceState?.serialize()));
  return { traceId, spanId, sampled: (traceFlags & 1) === 1, traceState };
}

// Foreign code; tracing must never disturb the work that it traces.
function quiet<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch {
    return undefined;
  }
}
