/**
 * The z4j agent inside a Hono app: starts with the app, sits on the context,
 * answers a health route. Works with any version of Hono, because it imports
 * none.
 *
 * ```ts
 * import { createAgent } from "@z4j/core";
 * import { z4j, type Z4jVariables } from "@z4j/core/hono";
 * import { Hono } from "hono";
 *
 * const agent = createAgent({ env: { Z4J_DISABLED: "1" } });
 * const app = new Hono<{ Variables: Z4jVariables }>();
 * app.use(z4j(agent, { healthPath: "/healthz" }));
 * app.get("/", (c) => c.text(c.get("z4j").status().state));
 * ```
 *
 * @module
 */

/** The part of an agent that the middleware needs. */
export interface HonoAgent {
  /** Whether the agent may be started without being asked. */
  readonly autostart: boolean;
  /** Starts the agent; calling it again does nothing. */
  start(): Promise<void>;
  /** Starts it unless the setting or a rule forbids, and says which. */
  autoStart?(): Promise<void>;
  /** A snapshot without secrets. */
  status(): HonoAgentStatus;
  /** Names the framework on the brain; called before the start. */
  nameFramework?(name: string): void;
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

/** The part of Hono's context that the middleware touches. */
export interface HonoContextLike {
  /** The request. */
  readonly req: {
    /** Path without the query. */
    readonly path: string;
    /** Method in capitals. */
    readonly method: string;
  };
  /** Keeps a value for the handlers of this request. */
  set(key: "z4j", value: unknown): void;
}

/** A middleware as `app.use()` takes it. */
export type HonoMiddleware = (
  context: HonoContextLike,
  next: () => Promise<void>,
) => Promise<Response | void>;

/** Options of `z4j()`. */
export interface HonoOptions {
  /**
   * Path that answers the agent's status as JSON: 200 while it runs, 503
   * otherwise. Nothing is answered without it.
   *
   * @default {null}
   */
  readonly healthPath?: string | null;
}

// States in which the agent does its work, connected or trying to be.
const RUNNING: ReadonlySet<string> = new Set(["starting", "connecting", "connected", "waiting"]);

/**
 * Hono middleware that starts the agent once and puts it on the context as
 * `c.var.z4j`. It never throws into the app and never delays a request.
 *
 * @param agent The agent of this process, from `createAgent()`.
 * @param options The health route.
 *
 * @example An app whose health route tells about the agent
 * ```ts
 * import { createAgent } from "@z4j/core";
 * import { z4j } from "@z4j/core/hono";
 * import { Hono } from "hono";
 *
 * const app = new Hono();
 * app.use(z4j(createAgent({ env: { Z4J_DISABLED: "1" } }), { healthPath: "/healthz" }));
 * ```
 */
export function z4j<A extends HonoAgent>(agent: A, options: HonoOptions = {}): HonoMiddleware {
  const { healthPath = null } = options;
  agent.nameFramework?.("hono");
  // Not at the first request: a worker behind a load balancer may never get one.
  const starting = agent.autoStart?.() ?? (agent.autostart ? agent.start() : Promise.resolve());
  starting.catch(() => {});
  return function z4jMiddleware(context, next): Promise<Response | void> {
    context.set("z4j", agent);
    if (healthPath !== null && context.req.path === healthPath && context.req.method === "GET") {
      return Promise.resolve(healthResponse(agent));
    }
    return next();
  };
}

/** The agent's status as a response: 200 while it runs, 503 otherwise. */
export function healthResponse(agent: HonoAgent): Response {
  const status = agent.status();
  return new Response(JSON.stringify(status), {
    status: RUNNING.has(status.state) ? 200 : 503,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
  });
}
