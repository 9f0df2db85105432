import type { WorkContext, WorkSource } from "../base/work_context.ts";

/** The part of an agent that the middleware needs. */
export interface HonoAgent {
  /** Whether the agent may be started without being asked. */
  readonly autostart: boolean;
  /** Starts it unless the setting or a rule forbids, and says which. */
  autoStart?(): Promise<void>;
  /** Starts the agent; calling it again does nothing. */
  start(): Promise<void>;
  /** A snapshot without secrets. */
  status(): HonoAgentStatus;
  /** Names the framework on the brain; called before the start. */
  nameFramework?(name: string): void;
  /** Follows requests into the jobs that they ask for. */
  readonly context?: HonoAgentContext;
  /** Told about a request whose handler threw. */
  requestFailed?(failure: RequestFailure): void;
}

/** How requests are followed. */
export interface HonoAgentContext {
  /** Runs the rest of the request. */
  follow<R>(source: WorkSource, work: () => R): R;
  /** The span of the program's own tracing, if there is one. */
  active?(): Pick<WorkContext, "traceId" | "spanId" | "sampled"> | undefined;
}

/** A request whose handler threw, and what belongs to it. */
export interface RequestFailure {
  /** The facts of the request. */
  readonly context: WorkContext;
  /** Task ids of the jobs that it had asked for, the first 20. */
  readonly jobs: readonly string[];
  /** What was thrown. */
  readonly error: unknown;
}

/** The part of the agent's status that the health route judges by. */
export interface HonoAgentStatus {
  /** State of the agent, for example `connected`. */
  readonly state: string;
}

/** What the middleware puts on the context. */
export interface Z4jVariables<A extends HonoAgent = HonoAgent> {
  /** The agent of this process. */
  z4j: A;
}

/** A route that Hono found for a request. */
export interface HonoRouteLike {
  /** The pattern. */
  readonly path: string;
  /** The method, or `ALL` for a middleware. */
  readonly method: string;
}

/** The part of Hono's context that the middleware touches. */
export interface HonoContextLike {
  /** The request. */
  readonly req: {
    /** Path without the query. */
    readonly path: string;
    /** Method in capitals. */
    readonly method: string;
    /** The request of the runtime. */
    readonly raw?: Request;
    /** Everything that matched, in the order of its registration. */
    readonly matchedRoutes?: readonly HonoRouteLike[];
    /** Which of them runs. */
    readonly routeIndex?: number;
    /** The pattern of that one. */
    readonly routePath?: string;
  };
  /** What a handler threw, once it is over. */
  readonly error?: unknown;
  /** What the server handed to `app.fetch()`. */
  readonly env?: unknown;
  /** Keeps a value for the handlers of this request. */
  set(key: "z4j", value: unknown): void;
}

/** A middleware as `app.use()` takes it. */
export type HonoMiddleware = (
  context: HonoContextLike,
  next: () => Promise<void>,
) => Promise<Response | void>;

/** Who sent a request: ids, no names or addresses, which are redacted. */
export interface Identity {
  /** The user. */
  readonly user?: string | undefined;
  /** The customer that the user belongs to. */
  readonly tenant?: string | undefined;
  /** Further facts. */
  readonly extra?: WorkContext["extra"];
}

/** What `identify` answers: ids of the user and the tenant, and up to 16 further facts. */
export interface IdentityAnswer {
  /** Id of the user. */
  readonly user?: string | number | null | undefined;
  /** Id of the customer. */
  readonly tenant?: string | number | null | undefined;
  /** Further facts: texts of up to 256 characters, numbers, booleans. */
  readonly [fact: string]: string | number | boolean | null | undefined;
}

/** What `identify` may answer: nothing when it does not know. */
export type IdentifyOutcome = IdentityAnswer | null | undefined | void;

/** Hono's context as `identify` sees it. */
export interface IdentifyContext extends HonoContextLike {
  /** The request. */
  readonly req: HonoContextLike["req"] & {
    /** A header of the request. */
    header(name: string): string | undefined;
  };
  /** What a middleware put on the context. */
  get(key: string): unknown;
}
