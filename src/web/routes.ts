import type { AgentStatus } from "../agent/agent_types.ts";
import type { AgentMetrics } from "../agent/metrics.ts";
import type { HonoContextLike } from "./hono_types.ts";
import { isLocalRequest } from "./peer_address.ts";

/** The part of an agent that the routes show. */
export interface RoutesAgent {
  /** A snapshot without secrets. */
  status(): AgentStatus;
  /** Counters and latencies. */
  metrics(): AgentMetrics;
}

/** A page of `z4jRoutes()`. */
export type RoutesPage = "live" | "ready" | "status" | "metrics";

/** Options of `z4jRoutes()`. */
export interface RoutesOptions {
  /**
   * Whether a request may see a page; what it throws means no. Default: only
   * requests from this machine that no proxy passed on. Where the server does
   * not tell the address of the peer, nothing is shown.
   */
  allow?(context: HonoContextLike, page: RoutesPage): boolean | Promise<boolean>;
}

/** A handler as `app.get()` takes it. */
export type RoutesHandler = (context: HonoContextLike) => Promise<Response>;

/**
 * The agent's health for probes, people and Prometheus, below any path.
 *
 * | page | answer |
 * | --- | --- |
 * | `live` | 200 while the process answers |
 * | `ready` | 200 while the brain has acknowledged the open session, else 503 |
 * | `status` | everything that the agent knows about itself, as JSON |
 * | `metrics` | counters and histograms in the text format of Prometheus |
 *
 * @param agent The agent of this process, from `createAgent()`.
 * @param options Who may see it.
 *
 * @example Open to this machine, and to probes that know a word
 * ```ts
 * import { createAgent } from "@z4j/core";
 * import { isLocalRequest, z4jRoutes } from "@z4j/core/hono";
 * import { Hono } from "hono";
 * import { equal } from "node:assert/strict";
 *
 * const agent = createAgent({ env: { Z4J_DISABLED: "1" } });
 * const app = new Hono();
 * app.get("/_z4j/*", z4jRoutes(agent, {
 *   allow: (c) => isLocalRequest(c) || c.req.raw?.headers.get("x-probe") === "a word",
 * }));
 * equal((await app.request("/_z4j/live")).status, 403);
 * equal((await app.request("/_z4j/live", { headers: { "x-probe": "a word" } })).status, 200);
 * ```
 */
export function z4jRoutes(agent: RoutesAgent, options: RoutesOptions = {}): RoutesHandler {
  return async function z4jPage(context): Promise<Response> {
    const name = context.req.path.slice(context.req.path.lastIndexOf("/") + 1);
    const page = PAGES.find((one) => one === name);
    if (!await isAllowed(context, page ?? "status", options)) {
      return json(403, { error: "not allowed here" });
    }
    if (page === undefined) return json(404, { error: "no such page", pages: PAGES });
    return await answer(agent, page);
  };
}

const PAGES: readonly RoutesPage[] = ["live", "ready", "status", "metrics"];

async function isAllowed(
  context: HonoContextLike,
  page: RoutesPage,
  options: RoutesOptions,
): Promise<boolean> {
  if (options.allow === undefined) return isLocalRequest(context);
  try {
    return await options.allow(context, page) === true;
  } catch {
    return false;
  }
}

async function answer(agent: RoutesAgent, page: RoutesPage): Promise<Response> {
  if (page === "live") return json(200, { status: "live" });
  const status = agent.status();
  if (page === "ready") {
    const { state, verified } = status;
    return json(verified ? 200 : 503, { status: verified ? "ready" : "not ready", state });
  }
  if (page === "status") return json(200, status);
  try {
    const { PROMETHEUS_TYPE, prometheusText } = await import("../agent/prometheus.ts");
    const body = prometheusText({ status, metrics: agent.metrics() });
    return new Response(body, { headers: { ...HEADERS, "content-type": PROMETHEUS_TYPE } });
  } catch {
    return json(503, { error: "the metrics cannot be shown" });
  }
}

const HEADERS = { "cache-control": "no-store", "x-content-type-options": "nosniff" };

function json(status: number, body: unknown): Response {
  const headers = { ...HEADERS, "content-type": "application/json" };
  return new Response(JSON.stringify(body), { status, headers });
}
