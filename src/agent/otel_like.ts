/** Identity of a span that another one names as a link. */
export interface OtelLinkedSpan {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits. */
  readonly spanId: string;
  /** 1 when the trace is recorded. */
  readonly traceFlags: number;
}

/** Identity of a span in OpenTelemetry. */
export interface OtelSpanContext extends OtelLinkedSpan {
  /** What else the trace carries (W3C `tracestate`). */
  readonly traceState?: OtelTraceState | undefined;
}

/** The W3C `tracestate` of a span. */
export interface OtelTraceState {
  /** As text. */
  serialize(): string;
}

/** The part of a span that the agent touches. */
export interface OtelSpan {
  /** Who it is. */
  spanContext(): OtelSpanContext;
  /** Adds a fact. */
  setAttribute(key: string, value: string | number | boolean): unknown;
  /** 1 is well, 2 is an error. */
  setStatus(status: { code: number; message?: string }): unknown;
  /** Ends it. */
  end(): void;
}

/** The part of a tracer that the agent touches. */
export interface OtelTracer {
  /** Begins a span below the given context. */
  startSpan(
    name: string,
    options: {
      kind: number;
      attributes: Record<string, string | number | boolean>;
      links?: { context: OtelLinkedSpan }[];
    },
    context?: unknown,
  ): OtelSpan;
}

/**
 * `@opentelemetry/api` as its user imports it; nothing of it is imported here.
 */
export interface OpenTelemetryLike {
  /** The `trace` object of the package. */
  readonly trace: {
    /** A tracer by its name. */
    getTracer(name: string, version?: string): OtelTracer;
    /** The identity of the span in a context. */
    getSpanContext(context: unknown): OtelSpanContext | undefined;
    /** A context with a span in it. */
    setSpan(context: unknown, span: unknown): unknown;
    /** A context with the identity of a span of elsewhere. */
    setSpanContext(context: unknown, spanContext: unknown): unknown;
  };
  /** The `context` object of the package. */
  readonly context: {
    /** The context of the code that runs now. */
    active(): unknown;
    /** Runs a function in a context. */
    with(context: unknown, work: () => unknown): unknown;
  };
  /** Reads a `tracestate`; without it none reaches the spans of jobs. */
  createTraceState?(text: string): OtelTraceState;
}
