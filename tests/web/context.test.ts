import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Hono } from "hono";
import { createWorkTracker } from "../../src/agent/work_contexts.ts";
import type { WorkContext, WorkSource } from "../../src/base/work_context.ts";
import { createAsyncStore } from "../../src/platform/async_store.ts";
import { type HonoAgent, type HonoOptions, type RequestFailure, z4j } from "../../src/web/hono.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";

interface Bed {
  readonly app: Hono<{ Variables: { user: string } }>;
  readonly failures: RequestFailure[];
  current(): WorkContext | undefined;
  asked(taskId: string): void;
}

function bed(options: HonoOptions = {}): Bed {
  const tracker = createWorkTracker(createAsyncStore<WorkSource>());
  const failures: RequestFailure[] = [];
  const agent: HonoAgent = {
    autostart: false,
    start: () => Promise.resolve(),
    status: () => ({ state: "connected" }),
    context: tracker,
    requestFailed: (failure) => void failures.push(failure),
  };
  const app = new Hono<{ Variables: { user: string } }>();
  app.use(z4j(agent, options));
  return { app, failures, current: tracker.current, asked: tracker.asked };
}

async function contextOf(
  options: HonoOptions,
  path: string,
  headers: Record<string, string> = {},
): Promise<WorkContext> {
  const { app, current } = bed(options);
  app.use("/late/*", async (c, next) => {
    c.set("user", "late-user");
    await next();
  });
  app.get("/orders/:id", (c) => c.json(current()));
  app.get("/late/:id", (c) => c.json(current()));
  const api = new Hono();
  api.post("/things/:name{[a-z]+}", (c) => c.json(current()));
  app.route("/api", api);
  const method = path.startsWith("/api") ? "POST" : "GET";
  return await (await app.request(path, { headers, method })).json() as WorkContext;
}

describe("the context of a request", () => {
  it("holds method and the matched pattern, not the raw path", async () => {
    const { method, route } = await contextOf({}, "/orders/17?q=secret");
    assert.deepEqual([method, route], ["GET", "/orders/:id"]);
    const sub = await contextOf({}, "/api/things/abc");
    assert.deepEqual([sub.method, sub.route], ["POST", "/api/things/:name{[a-z]+}"]);
  });

  it("takes the pattern from the program where it says how to find it", async () => {
    const { route } = await contextOf({ route: () => "/of/my/own" }, "/orders/17");
    assert.equal(route, "/of/my/own");
  });

  it("passes a request id on that is one, and makes one otherwise", async () => {
    const given = await contextOf({}, "/orders/1", { "x-request-id": "req-1.a:b" });
    assert.equal(given.requestId, "req-1.a:b");
    const other = await contextOf({ requestIdHeader: "X-Amzn-Trace-Id" }, "/orders/1", {
      "x-amzn-trace-id": "Root=1-67891233",
    });
    assert.equal(other.requestId, "Root=1-67891233");
    for (const bad of ["", "a b", "bob@example.com", "x".repeat(129), "<script>"]) {
      const { requestId } = await contextOf({}, "/orders/1", { "x-request-id": bad });
      assert.match(requestId ?? "", /^[0-9a-f-]{36}$/, bad);
    }
  });

  it("goes on with the trace of the caller and begins one where there is none", async () => {
    const on = await contextOf({}, "/orders/1", { traceparent: `00-${TRACE}-${SPAN}-00` });
    assert.equal(on.traceId, TRACE);
    assert.equal(on.parentSpanId, SPAN);
    assert.equal(on.sampled, false);
    assert.match(on.spanId, /^[0-9a-f]{16}$/);
    assert.notEqual(on.spanId, SPAN);
    const later = `01-${TRACE}-${SPAN}-01-more`;
    assert.equal((await contextOf({}, "/orders/1", { traceparent: later })).traceId, TRACE);
    const wrong = [
      "",
      `00-${TRACE}-${SPAN}`,
      `00-${TRACE}-${SPAN}-01-more`,
      `ff-${TRACE}-${SPAN}-01`,
      `00-${"0".repeat(32)}-${SPAN}-01`,
      `00-${TRACE}-${"0".repeat(16)}-01`,
      `00-${TRACE.toUpperCase()}-${SPAN}-01`,
      `01-${TRACE}-${SPAN}-01-${"x".repeat(300)}`,
    ];
    for (const traceparent of wrong) {
      const begun = await contextOf({}, "/orders/1", { traceparent });
      assert.match(begun.traceId, /^[0-9a-f]{32}$/, traceparent);
      assert.notEqual(begun.traceId, TRACE, traceparent);
      assert.equal(begun.parentSpanId, undefined, traceparent);
    }
  });

  it("takes tracestate along with the trace, and never without", async () => {
    const traceparent = `00-${TRACE}-${SPAN}-01`;
    const given = async (headers: Record<string, string>): Promise<string | undefined> =>
      (await contextOf({}, "/orders/1", headers)).traceState;
    assert.equal(await given({ traceparent, tracestate: " rojo=1, congo=2" }), "rojo=1,congo=2");
    assert.equal(await given({ traceparent, tracestate: "not one" }), undefined);
    assert.equal(await given({ tracestate: "rojo=1" }), undefined);
    assert.equal(await given({ traceparent: "00-1-2-01", tracestate: "rojo=1" }), undefined);
  });

  it("names the user: at once, from a later middleware, or after a wait", async () => {
    const sync = await contextOf(
      { identify: () => ({ user: 7, tenant: "t1", plan: "pro" }) },
      "/orders/1",
    );
    assert.deepEqual([sync.user, sync.tenant, sync.extra], ["7", "t1", { plan: "pro" }]);
    const late = await contextOf(
      { identify: (c) => c.get("user") === undefined ? null : { user: String(c.get("user")) } },
      "/late/1",
    );
    assert.equal(late.user, "late-user");
    const slow = await contextOf({
      identify: async () => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        return { user: "slow" };
      },
      identifyTimeoutMs: 10_000,
    }, "/orders/1");
    assert.equal(slow.user, "slow");
  });

  it("contains what identify does wrong and waits no longer than allowed", async () => {
    const wrong: HonoOptions["identify"][] = [
      () => {
        throw new Error("no");
      },
      () => Promise.reject(new Error("no")),
      () => new Promise(() => {}),
      () => ({ user: Number.NaN, tenant: "\u0000 \n" }),
    ];
    for (const identify of wrong) {
      const facts = await contextOf(
        { ...(identify === undefined ? {} : { identify }), identifyTimeoutMs: 20 },
        "/orders/1",
      );
      assert.equal(facts.user, undefined);
      assert.equal(facts.tenant, undefined);
      assert.equal(facts.route, "/orders/:id");
    }
  });

  it("bounds what identify answers", async () => {
    const many = Object.fromEntries(
      Array.from({ length: 100 }, (_, n) => [`fact${n}`, "y".repeat(999)]),
    );
    const { user, extra = {} } = await contextOf(
      {
        identify: () => ({
          user: "x".repeat(10_000),
          trace_id: "mine",
          ["k".repeat(65)]: 1,
          ...many,
        }),
      },
      "/orders/1",
    );
    assert.equal(user?.length, 256);
    assert.equal(Object.keys(extra).length, 16);
    assert.ok(Object.values(extra).every((value) => String(value).length <= 256));
    assert.equal(extra["trace_id"], undefined);
  });

  it("is there inside onError, and what failed is told with its jobs", async () => {
    const { app, current, asked, failures } = bed();
    app.get("/boom/:id", async () => {
      await Promise.resolve();
      for (let n = 0; n < 30; n++) asked(`mail:${n}`);
      throw new Error("boom");
    });
    app.onError((_error, c) => c.json(current(), 500));
    const response = await app.request("/boom/1", { headers: { "x-request-id": "r1" } });
    const seen = await response.json() as WorkContext;
    assert.equal(response.status, 500);
    assert.equal(seen.requestId, "r1");
    const [failure] = failures;
    assert.equal(failure?.context.traceId, seen.traceId);
    assert.equal(failure?.context.route, "/boom/:id");
    assert.equal((failure?.error as Error).message, "boom");
    assert.equal(failure?.jobs.length, 20);
    assert.equal((await app.request("/nowhere")).status, 404);
    assert.equal(failures.length, 1);
  });

  it("never mixes 1 000 concurrent requests", async () => {
    const { app, current } = bed({ identify: (c) => ({ user: c.req.header("x-user") }) });
    app.get("/n/:id", async (c) => {
      const before = current();
      for (let n = 0; n < 4; n++) {
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
      }
      return c.json({ before, after: current(), id: c.req.param("id") });
    });
    const answers = await Promise.all(
      Array.from({ length: 1000 }, async (_, n) => {
        const headers = { "x-request-id": `r${n}`, "x-user": `u${n}` };
        const response = await app.request(`/n/${n}`, { headers });
        return await response.json() as { before: WorkContext; after: WorkContext; id: string };
      }),
    );
    const traces = new Set<string>();
    for (const [n, { before, after, id }] of answers.entries()) {
      assert.equal(id, String(n));
      assert.deepEqual(before, after);
      assert.deepEqual([after.requestId, after.user], [`r${n}`, `u${n}`]);
      traces.add(after.traceId);
    }
    assert.equal(traces.size, 1000);
  });

  it("is absent outside of requests and where it is switched off", async () => {
    const { app, current } = bed({ context: false });
    app.get("/", (c) => c.json({ has: current() !== undefined }));
    assert.deepEqual(await (await app.request("/")).json(), { has: false });
    assert.equal(current(), undefined);
  });
});
