import { randomHex } from "./ids.ts";

/** What a `traceparent` header says (W3C Trace Context). */
export interface TraceParent {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits: the step of the caller. */
  readonly spanId: string;
  /** Whether the caller records the trace. */
  readonly sampled: boolean;
}

const VERSION_0_CHARS = 55;
// A header of a later version may be longer; nobody has reason for more than this.
const MAX_CHARS = 256;
const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:$|-)/;

/** Reads a `traceparent` header; `null` when it is missing or breaks the rules. */
export function parseTraceParent(header: string | null | undefined): TraceParent | null {
  if (header === null || header === undefined || header.length > MAX_CHARS) return null;
  const found = FORM.exec(header);
  if (found === null) return null;
  const [, version, traceId = "", spanId = "", flags = "00"] = found;
  if (version === "ff" || (version === "00" && header.length !== VERSION_0_CHARS)) return null;
  if (!isTraceId(traceId) || !isSpanId(spanId)) return null;
  return { traceId, spanId, sampled: (parseInt(flags, 16) & 1) === 1 };
}

/** Tells whether a value is a usable trace id. */
export function isTraceId(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{32}$/.test(value) && !/^0+$/.test(value);
}

/** Tells whether a value is a usable span id. */
export function isSpanId(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{16}$/.test(value) && !/^0+$/.test(value);
}

/** A new trace id. */
export function newTraceId(): string {
  return randomHex(16);
}

/** A new span id. */
export function newSpanId(): string {
  return randomHex(8);
}
