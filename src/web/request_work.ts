import { newSpanId, newTraceId, parseTraceParent } from "../base/trace_ids.ts";
import { parseTraceState } from "../base/trace_state.ts";
import { boundExtra, boundText, isRequestId } from "../base/work_bounds.ts";
import type { ActiveTrace, SpanIds, WorkContext, WorkSource } from "../base/work_context.ts";
import type { HonoContextLike, Identity } from "./hono_types.ts";

// Ids of jobs that an error report names.
const MAX_ASKED = 20;

/** How facts about a request are found. */
export interface RequestRules {
  /** Header with the id of the request, in lower case. */
  readonly requestIdHeader: string;
  /** Asks the program who sent the request; `null` when it does not want to be asked. */
  readonly identify: ((context: HonoContextLike) => unknown) | null;
  /** Matched pattern as the program finds it; `null` for what Hono's request tells. */
  readonly route: ((context: HonoContextLike) => string) | null;
  /** The span of the program's own tracing, if there is one. */
  readonly active: () => ActiveTrace | undefined;
}

/**
 * One request as a unit of work. Everything is found when it is asked for
 * first: most requests add no job, and pay for one object.
 */
export class RequestWork implements WorkSource {
  readonly #context: HonoContextLike;
  readonly #rules: RequestRules;
  #ids: SpanIds | undefined;
  #requestId: string | undefined;
  #identity: Identity | undefined;
  #asked: string[] | undefined;
  #isSlow = false;

  /** Keeps what the facts are read from. */
  constructor(context: HonoContextLike, rules: RequestRules) {
    this.#context = context;
    this.#rules = rules;
  }

  /** Ids of the jobs that the request asked for so far, the first few. */
  get jobs(): readonly string[] {
    return this.#asked ?? [];
  }

  asked(taskId: string): void {
    this.#asked ??= [];
    if (this.#asked.length < MAX_ASKED) this.#asked.push(taskId);
  }

  read(): WorkContext {
    const identity = this.#identity ?? this.#identifyNow();
    return {
      ...(this.#ids ??= this.#findIds()),
      requestId: this.#requestId ??= this.#findRequestId(),
      method: boundText(this.#context.req.method, 16),
      // Not kept: Hono knows the pattern only once its handler runs.
      route: boundText(this.#route(), 256),
      ...identity,
    };
  }

  /** Asks who it is; a promise when the answer takes time. */
  identify(): Promise<void> | undefined {
    const answer = this.#ask();
    if (!(answer instanceof Promise)) {
      this.#identity = toIdentity(answer);
      return undefined;
    }
    this.#isSlow = true;
    return answer.then((value: unknown) => void (this.#identity = toIdentity(value)), () => {});
  }

  // Whoever signs users in may do so after this middleware.
  #identifyNow(): Identity | undefined {
    if (this.#rules.identify === null || this.#isSlow) return undefined;
    const answer = this.#ask();
    if (answer instanceof Promise) return void answer.catch(() => {});
    return this.#identity = toIdentity(answer);
  }

  #ask(): unknown {
    try {
      return this.#rules.identify?.(this.#context);
    } catch {
      // Its failure must not become the request's; the events go without a user.
      return undefined;
    }
  }

  #findIds(): SpanIds {
    const active = this.#rules.active();
    if (active !== undefined) return active;
    const parent = parseTraceParent(header(this.#context, "traceparent"));
    if (parent === null) return { traceId: newTraceId(), spanId: newSpanId() };
    const { traceId, spanId: parentSpanId, sampled } = parent;
    const traceState = parseTraceState(header(this.#context, "tracestate"));
    return { traceId, spanId: newSpanId(), parentSpanId, sampled, traceState };
  }

  #findRequestId(): string {
    const given = header(this.#context, this.#rules.requestIdHeader);
    return isRequestId(given) ? given : crypto.randomUUID();
  }

  #route(): string | undefined {
    try {
      const { route } = this.#rules;
      return route === null ? matchedPattern(this.#context) : route(this.#context);
    } catch {
      return undefined;
    }
  }
}

// The handler that runs now, unless that is a middleware: then the one it leads to.
function matchedPattern({ req }: HonoContextLike): string | undefined {
  const routes = req.matchedRoutes ?? [];
  const current = routes[req.routeIndex ?? -1];
  if (current !== undefined && current.method !== "ALL") return current.path;
  return routes.findLast(({ method }) => method !== "ALL")?.path ?? current?.path ?? req.routePath;
}

function header({ req }: HonoContextLike, name: string): string | null {
  return req.raw?.headers.get(name) ?? null;
}

function toIdentity(answer: unknown): Identity | undefined {
  if (typeof answer !== "object" || answer === null) return undefined;
  const { user, tenant, ...more } = answer as Readonly<Record<string, unknown>>;
  const identity = { user: boundText(user), tenant: boundText(tenant), extra: boundExtra(more) };
  const isEmpty = Object.values(identity).every((value) => value === undefined);
  return isEmpty ? undefined : identity;
}
