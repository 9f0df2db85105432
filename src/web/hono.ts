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

import { keepAliveUntil, sleep, systemClock } from "../base/clock.ts";
import type {
  HonoAgent,
  HonoContextLike,
  HonoMiddleware,
  IdentifyContext,
  IdentifyOutcome,
} from "./hono_types.ts";
import { type RequestRules, RequestWork } from "./request_work.ts";

export { isLocalRequest, peerAddress } from "./peer_address.ts";
export {
  type RoutesAgent,
  type RoutesHandler,
  type RoutesOptions,
  type RoutesPage,
  z4jRoutes,
} from "./routes.ts";
export type { WorkContext, WorkLink, WorkSource } from "../base/work_context.ts";
export type {
  HonoAgent,
  HonoAgentContext,
  HonoAgentStatus,
  HonoContextLike,
  HonoMiddleware,
  HonoRouteLike,
  IdentifyContext,
  IdentifyOutcome,
  IdentityAnswer,
  RequestFailure,
  Z4jVariables,
} from "./hono_types.ts";

/** Options of `z4j()`. */
export interface HonoOptions {
  /**
   * Path that answers the agent's status as JSON: 200 while it runs, 503
   * otherwise. Nothing is answered without it.
   *
   * @default {null}
   */
  readonly healthPath?: string | null;
  /**
   * Tells who sent a request; what it throws is ignored. It is asked before
   * the handlers and, while it answers nothing, again when a job is added, so it
   * may read what a later middleware puts on the context. Default: nobody.
   *
   * @param context Hono's context; name its own type to read typed variables.
   */
  identify?(context: IdentifyContext): IdentifyOutcome | Promise<IdentifyOutcome>;
  /**
   * How long a request waits for an `identify` that answers a promise; then it
   * goes on without.
   *
   * @default {250}
   */
  readonly identifyTimeoutMs?: number | undefined;
  /**
   * Header with the id of a request; one is made where it is missing or
   * contains more than letters, digits and `._:/+=-`.
   *
   * @default {"x-request-id"}
   */
  readonly requestIdHeader?: string | undefined;
  /**
   * The matched pattern, for example `routePath` from `hono/route`. Default: as
   * Hono's request tells it.
   */
  route?(context: HonoContextLike): string;
  /**
   * Whether jobs and events carry the context of the request that asked for
   * them.
   *
   * @default {true}
   */
  readonly context?: boolean | undefined;
}

// States in which the agent does its work, connected or trying to be.
const RUNNING: ReadonlySet<string> = new Set(["starting", "connecting", "connected", "waiting"]);
const IDENTIFY_TIMEOUT_MS = 250;

/**
 * Hono middleware that starts the agent once, puts it on the context as
 * `c.var.z4j`, and lets the jobs that a request adds carry its request id,
 * route, trace, user and tenant. It never throws into the app, and delays a
 * request only for an `identify` that answers a promise.
 *
 * @param agent The agent of this process, from `createAgent()`.
 * @param options The health route, and how requests are identified.
 *
 * @example An app that tells who asked
 * ```ts
 * import { createAgent } from "@z4j/core";
 * import { z4j } from "@z4j/core/hono";
 * import { Hono } from "hono";
 * import { equal } from "node:assert/strict";
 *
 * const agent = createAgent({ env: { Z4J_DISABLED: "1" } });
 * const app = new Hono();
 * app.use(z4j(agent, { identify: (c) => ({ user: c.req.header("x-user") }) }));
 * app.get("/orders/:id", (c) => c.json(agent.context.current() ?? {}));
 * app.onError((error, c) => c.json({ error: error.message, ...agent.context.current() }, 500));
 *
 * const answer = await app.request("/orders/7", { headers: { "x-user": "u1" } });
 * const { route, user } = await answer.json();
 * equal(`${route} ${user}`, "/orders/:id u1");
 * ```
 */
export function z4j<A extends HonoAgent>(agent: A, options: HonoOptions = {}): HonoMiddleware {
  const { healthPath = null } = options;
  agent.nameFramework?.("hono");
  // Not at the first request: a worker behind a load balancer may never get one.
  const starting = agent.autoStart?.() ?? (agent.autostart ? agent.start() : Promise.resolve());
  starting.catch(() => {});
  const handle = options.context === false || agent.context === undefined
    ? (_context: HonoContextLike, next: () => Promise<void>) => next()
    : followRequests(agent, agent.context, options);
  return function z4jMiddleware(context, next): Promise<Response | void> {
    context.set("z4j", agent);
    if (healthPath !== null && context.req.path === healthPath && context.req.method === "GET") {
      return Promise.resolve(healthResponse(agent));
    }
    return handle(context, next);
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

type Handle = (context: HonoContextLike, next: () => Promise<void>) => Promise<void>;

function followRequests(
  agent: HonoAgent,
  contexts: NonNullable<HonoAgent["context"]>,
  options: HonoOptions,
): Handle {
  const { identifyTimeoutMs = IDENTIFY_TIMEOUT_MS } = options;
  // Hono's context has more than the middleware needs.
  const identify = options.identify === undefined
    ? null
    : (context: HonoContextLike) => options.identify?.(context as IdentifyContext);
  const rules: RequestRules = {
    requestIdHeader: (options.requestIdHeader ?? "x-request-id").toLowerCase(),
    identify,
    route: options.route === undefined ? null : (context) => options.route?.(context) ?? "",
    active: () => contexts.active?.(),
  };
  const follow = async (work: RequestWork, context: HonoContextLike, next: () => Promise<void>) => {
    await contexts.follow(work, next);
    if (context.error !== undefined) tell(agent, work, context.error);
  };
  if (identify === null) {
    return (context, next) => follow(new RequestWork(context, rules), context, next);
  }
  return async (context, next) => {
    const work = new RequestWork(context, rules);
    const asking = work.identify();
    if (asking !== undefined) await bounded(asking, identifyTimeoutMs);
    await follow(work, context, next);
  };
}

async function bounded(asking: Promise<void>, timeoutMs: number): Promise<void> {
  const over = new AbortController();
  // A request that waits is the host's own work, so the timer counts.
  await keepAliveUntil(Promise.race([asking, sleep(systemClock, timeoutMs, over.signal)]));
  over.abort();
}

function tell(agent: HonoAgent, work: RequestWork, error: unknown): void {
  try {
    agent.requestFailed?.({ context: work.read(), jobs: work.jobs, error });
  } catch {
    // The answer to the request is made; nothing of ours may change it.
  }
}
