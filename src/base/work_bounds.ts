import type { JsonPrimitive } from "./json.ts";
import { isSpanId, isTraceId } from "./trace_ids.ts";
import { parseTraceState } from "./trace_state.ts";
import type { WorkContext, WorkLink } from "./work_context.ts";

// A context rides on every event and every job, so it is kept small.
const MAX_REQUEST_ID_CHARS = 128;
const MAX_METHOD_CHARS = 16;
const MAX_ROUTE_CHARS = 256;
const MAX_TEXT_CHARS = 256;
const MAX_EXTRA_KEYS = 16;
const MAX_KEY_CHARS = 64;

// Names that the context has itself, in the spelling of the wire.
const TAKEN: ReadonlySet<string> = new Set([
  "request_id",
  "method",
  "route",
  "trace_id",
  "span_id",
  "parent_span_id",
  "tracestate",
  "scheduled_by",
  "user",
  "tenant",
]);

/** Tells whether an incoming request id is one that may be passed on. */
export function isRequestId(value: unknown): value is string {
  return typeof value === "string" && value.length <= MAX_REQUEST_ID_CHARS &&
    /^[A-Za-z0-9._:/+=-]+$/.test(value);
}

/** A context that came from elsewhere, within all bounds; `undefined` without a trace. */
export function boundWork(from: unknown): WorkContext | undefined {
  if (typeof from !== "object" || from === null) return undefined;
  const facts = from as Readonly<Record<string, unknown>>;
  const { traceId, spanId, parentSpanId, sampled, requestId } = facts;
  if (!isTraceId(traceId) || !isSpanId(spanId)) return undefined;
  return {
    traceId,
    spanId,
    parentSpanId: isSpanId(parentSpanId) ? parentSpanId : undefined,
    sampled: sampled !== false,
    traceState: parseTraceState(facts["traceState"]),
    scheduledBy: boundLink(facts["scheduledBy"]),
    requestId: isRequestId(requestId) ? requestId : undefined,
    method: boundText(facts["method"], MAX_METHOD_CHARS),
    route: boundText(facts["route"], MAX_ROUTE_CHARS),
    user: boundText(facts["user"]),
    tenant: boundText(facts["tenant"]),
    extra: boundExtra(facts["extra"]),
  };
}

function boundLink(value: unknown): WorkLink | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { traceId, spanId, requestId } = value as Readonly<Record<string, unknown>>;
  if (!isTraceId(traceId) || !isSpanId(spanId)) return undefined;
  return { traceId, spanId, requestId: isRequestId(requestId) ? requestId : undefined };
}

/** A text or number as a short text without control characters; `undefined` for all else. */
export function boundText(value: unknown, maxChars: number = MAX_TEXT_CHARS): string | undefined {
  const isScalar = typeof value === "string" || typeof value === "bigint" ||
    (typeof value === "number" && Number.isFinite(value));
  if (!isScalar) return undefined;
  const text = String(value).slice(0, maxChars).replace(/\p{Cc}/gu, " ").toWellFormed().trim();
  return text === "" ? undefined : text;
}

/** The first few scalar members under names that are free. */
export function boundExtra(value: unknown): WorkContext["extra"] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const kept: [string, JsonPrimitive][] = [];
  for (const key of Object.keys(value)) {
    if (kept.length >= MAX_EXTRA_KEYS) break;
    const member: unknown = (value as Readonly<Record<string, unknown>>)[key];
    const fact = typeof member === "boolean" || typeof member === "number"
      ? member
      : boundText(member);
    const isUsable = key !== "" && key.length <= MAX_KEY_CHARS && !TAKEN.has(key);
    if (isUsable && fact !== undefined && !Number.isNaN(fact)) kept.push([key, fact]);
  }
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}
