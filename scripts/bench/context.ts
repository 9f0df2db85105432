/**
 * What the middleware adds to a request: an app with it against the same app
 * without, over `app.request()`, in turns so that both see the same machine.
 */
import { Hono } from "hono";
import { createWorkTracker, type WorkTracker } from "../../src/agent/work_contexts.ts";
import type { WorkSource } from "../../src/base/work_context.ts";
import { createAsyncStore } from "../../src/platform/async_store.ts";
import { z4j } from "../../src/web/hono.ts";
import { figure, type Goal, publish } from "./measure.ts";

const GOAL: Goal = { is: "below", value: 5 };
const REQUESTS = 4000;
const ROUNDS = 25;
const WARM_UP = 5;

const HEADERS = {
  "x-request-id": "0190b6a1-2c6e-7a51-9c3f-1f5a6c1d2e3f",
  traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
};

type Kind = "bare" | "followed" | "identified" | "read";

function appOf(kind: Kind, tracker: WorkTracker): Hono {
  const app = new Hono();
  const agent = {
    autostart: false,
    start: () => Promise.resolve(),
    status: () => ({ state: "connected" }),
    context: tracker,
  };
  if (kind === "followed" || kind === "read") app.use(z4j(agent));
  if (kind === "identified") {
    app.use(z4j(agent, { identify: (c) => ({ user: c.req.header("x-request-id") }) }));
  }
  app.get("/orders/:id", (c) => {
    if (kind === "read" && tracker.current() === undefined) throw new Error("no context");
    return c.text("ok");
  });
  return app;
}

async function perRequestUs(app: Hono): Promise<number> {
  const startedAt = performance.now();
  for (let n = 0; n < REQUESTS; n++) {
    const response = await app.request("/orders/17", { headers: HEADERS });
    if (response.status !== 200) throw new Error(`status ${response.status}`);
  }
  return (performance.now() - startedAt) * 1000 / REQUESTS;
}

const tracker = createWorkTracker(createAsyncStore<WorkSource>());
const kinds: readonly Kind[] = ["bare", "followed", "identified", "read"];
const apps = kinds.map((kind) => appOf(kind, tracker));
const rounds: Record<Kind, number[]> = { bare: [], followed: [], identified: [], read: [] };
for (let round = -WARM_UP; round < ROUNDS; round++) {
  for (const [at, kind] of kinds.entries()) {
    const app = apps[at];
    if (app === undefined) continue;
    const us = await perRequestUs(app);
    if (round >= 0) rounds[kind].push(us);
  }
}
const added = (kind: Kind): number[] => rounds[kind].map((us, at) => us - (rounds.bare[at] ?? NaN));

publish("context", [
  figure("without the middleware", "µs/request", rounds.bare),
  figure("added by the middleware", "µs/request", added("followed"), GOAL),
  figure("added with identify()", "µs/request", added("identified")),
  figure("added when the context is read", "µs/request", added("read")),
], [`${ROUNDS} rounds of ${REQUESTS} requests each, over app.request() in one process`]);
