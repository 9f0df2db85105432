import type { WorkContext, WorkLink } from "../base/work_context.ts";

/** A context in wire spelling, as it stands in `data.context` of an event. */
export function workWire(context: WorkContext): Record<string, unknown> {
  const { requestId, method, route, traceId, spanId, parentSpanId, user, tenant } = context;
  const { traceState, scheduledBy } = context;
  const wire: Record<string, unknown> = { ...context.extra };
  const facts = {
    request_id: requestId,
    method,
    route,
    trace_id: traceId,
    span_id: spanId,
    parent_span_id: parentSpanId,
    tracestate: traceState,
    scheduled_by: scheduledBy && linkWire(scheduledBy),
    user,
    tenant,
  };
  for (const [key, value] of Object.entries(facts)) if (value !== undefined) wire[key] = value;
  return wire;
}

function linkWire({ traceId, spanId, requestId }: WorkLink): Record<string, unknown> {
  const ids = { trace_id: traceId, span_id: spanId };
  return requestId === undefined ? ids : { ...ids, request_id: requestId };
}
