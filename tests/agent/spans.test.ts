import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import * as api from "@opentelemetry/api";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { createAgent } from "../../mod.ts";
import type { OpenTelemetryLike } from "../../src/agent/otel_like.ts";
import { createSpans } from "../../src/agent/spans.ts";
import { createWorkTracker } from "../../src/agent/work_contexts.ts";
import { noopLogger } from "../../src/base/logger.ts";
import type { WorkSource } from "../../src/base/work_context.ts";
import { manualEngine } from "../../src/engines/manual/engine.ts";
import { createAsyncStore } from "../../src/platform/async_store.ts";
import { createRigAgent, startTestBrain, until } from "../_support/agent_rig.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";

const exporter = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
const current = createAsyncStore<api.Context>();
api.trace.setGlobalTracerProvider(provider);
api.context.setGlobalContextManager({
  active: () => current.get() ?? api.ROOT_CONTEXT,
  with: (context, work, self, ...values) => current.run(context, () => work.apply(self, values)),
  bind: (_context, target) => target,
  enable() {
    return this;
  },
  disable() {
    return this;
  },
});

after(async () => {
  api.trace.disable();
  api.context.disable();
  await provider.shutdown();
});

/** Spans by name since the last call. */
function spans(): Map<string, ReadableSpan> {
  const found = new Map(exporter.getFinishedSpans().map((span) => [span.name, span]));
  exporter.reset();
  return found;
}

function tracker() {
  return createWorkTracker(createAsyncStore<WorkSource>(), createSpans(api, "0"));
}

describe("spans in the user's OpenTelemetry", () => {
  it("join a job to the request that asked for it, and to its own children", async () => {
    spans();
    const brain = await startTestBrain();
    const manual = manualEngine();
    const work = tracker();
    const child = manual.task("child", () => api.trace.getActiveSpan()?.spanContext().traceId);
    const parent = manual.task("parent", async () => {
      await Promise.resolve();
      return await child();
    });
    const agent = createRigAgent(brain.url, { engines: [manual], work });
    await agent.start();
    const source = { read: () => ({ traceId: TRACE, spanId: SPAN }) };
    assert.equal(await work.follow(source, () => parent()), TRACE);
    await agent.stop();
    await brain.close();
    const found = spans();
    const of = (name: string) => found.get(name);
    const idOf = (name: string) => of(name)?.spanContext().spanId;
    const chain = ["parent publish", "parent process", "child publish", "child process"];
    let above: string | undefined = SPAN;
    for (const name of chain) {
      assert.equal(of(name)?.spanContext().traceId, TRACE, name);
      assert.equal(of(name)?.parentSpanContext?.spanId, above, name);
      above = idOf(name);
    }
    assert.equal(of("parent publish")?.kind, api.SpanKind.PRODUCER);
    assert.equal(of("parent process")?.kind, api.SpanKind.CONSUMER);
  });

  it("link the run of a schedule to who made it, as the start of a trace of its own", () => {
    spans();
    const work = tracker();
    const scheduledBy = { traceId: TRACE, spanId: SPAN };
    const context = { traceId: "a".repeat(32), spanId: "b".repeat(16), scheduledBy };
    const child = work.enter({ name: "run" }, context, () => work.leave({ name: "child" }));
    work.enter({ name: "child" }, child, () => {});
    const found = spans();
    const run = found.get("run process");
    assert.equal(run?.spanContext().traceId, context.traceId);
    assert.deepEqual(run?.links.map(({ context }) => [context.traceId, context.spanId]), [
      [TRACE, SPAN],
    ]);
    assert.equal(found.get("child process")?.spanContext().traceId, context.traceId);
    assert.deepEqual(found.get("child process")?.links, []);
    assert.deepEqual(child?.scheduledBy, scheduledBy);
  });

  it("say of what made a schedule whether its caller records the trace", () => {
    const flags: unknown[] = [];
    const otel: OpenTelemetryLike = {
      trace: {
        getTracer: () => ({
          startSpan(_name, options) {
            flags.push(options?.links?.map(({ context }) => context.traceFlags));
            return api.trace.wrapSpanContext({ traceId: TRACE, spanId: SPAN, traceFlags: 1 });
          },
        }),
        getSpanContext: () => undefined,
        setSpan: () => ({}),
        setSpanContext: () => ({}),
      },
      context: { active: () => ({}), with: (_context, work) => work() },
    };
    const scheduledBy = { traceId: TRACE, spanId: SPAN };
    for (const sampled of [true, false]) {
      const context = { traceId: TRACE, spanId: SPAN, scheduledBy, sampled };
      createSpans(otel, "0").process({ name: "run" }, context, () => {});
    }
    assert.deepEqual(flags, [[1], [0]]);
  });

  it("take tracestate from a job to its span, and from a span to a job", () => {
    spans();
    const work = tracker();
    const context = { traceId: TRACE, spanId: SPAN, traceState: "rojo=1,congo=2" };
    const left = work.enter({ name: "job" }, context, () => {
      assert.equal(
        api.trace.getActiveSpan()?.spanContext().traceState?.serialize(),
        context.traceState,
      );
      return work.leave({ name: "child" });
    });
    assert.equal(left?.traceState, context.traceState);
    // In a trace of its own the span has none, and the request's must not stick to it.
    const outer = provider.getTracer("own").startSpan("outer", { root: true });
    const inside = api.trace.setSpan(api.ROOT_CONTEXT, outer);
    const source = { read: () => context };
    const other = work.follow(
      source,
      () => api.context.with(inside, () => work.leave({ name: "other" })),
    );
    outer.end();
    assert.equal(other?.traceId, outer.spanContext().traceId);
    assert.equal(other?.traceState, undefined);
  });

  it("begin below the active span where there is no request", () => {
    spans();
    const work = tracker();
    const outer = provider.getTracer("own").startSpan("outer");
    const inside = api.trace.setSpan(api.ROOT_CONTEXT, outer);
    const left = api.context.with(inside, () => work.leave({ name: "job" }));
    outer.end();
    assert.equal(left?.traceId, outer.spanContext().traceId);
    assert.equal(left?.parentSpanId, outer.spanContext().spanId);
    assert.equal(left?.spanId, spans().get("job publish")?.spanContext().spanId);
    assert.equal(work.leave({ name: "job" }), undefined);
  });

  it("tell the queue of a job, and whether its caller records the trace", () => {
    spans();
    const work = tracker();
    const context = { traceId: TRACE, spanId: SPAN };
    const job = { name: "job", queue: "mail", taskId: "mail:1" };
    const below = (sampled: boolean) =>
      work.enter(job, { ...context, sampled }, () => work.active()?.sampled);
    assert.deepEqual([below(true), below(false)], [true, false]);
    const span = spans().get("job process");
    assert.equal(span?.attributes["messaging.destination.name"], "mail");
    assert.equal(span?.attributes["messaging.message.id"], "mail:1");
    assert.equal(work.active(), undefined);
  });

  it("mark as failed also what was rejected with nothing", async () => {
    spans();
    const work = tracker();
    const context = { traceId: TRACE, spanId: SPAN };
    const nothing: unknown = undefined;
    await work.enter({ name: "late" }, context, () => Promise.reject(nothing)).catch(() => {});
    assert.equal(spans().get("late process")?.status.code, api.SpanStatusCode.ERROR);
  });

  it("come with the option of the same name, and requests then take their trace from it", () => {
    spans();
    const options = {
      ...{ brainUrl: "http://127.0.0.1:9", token: "t", projectId: "default", env: {} },
      hmacSecret: "A".repeat(43),
      logger: noopLogger,
    };
    const [agent, without] = [{ ...options, opentelemetry: api }, options].map(createAgent);
    const outer = provider.getTracer("own").startSpan("outer");
    const inside = api.trace.setSpan(api.ROOT_CONTEXT, outer);
    api.context.with(inside, () => {
      assert.equal(agent?.context.active()?.spanId, outer.spanContext().spanId);
      assert.equal(without?.context.active(), undefined);
    });
    outer.end();
  });

  it("mark what failed and let its error pass", async () => {
    spans();
    const work = tracker();
    const context = { traceId: TRACE, spanId: SPAN };
    const boom = new Error("a secret");
    await assert.rejects(
      Promise.resolve(work.enter({ name: "late" }, context, () => Promise.reject(boom))),
      boom,
    );
    assert.throws(() =>
      work.enter({ name: "now" }, context, () => {
        throw boom;
      }), boom);
    const found = spans();
    for (const name of ["late process", "now process"]) {
      assert.equal(found.get(name)?.status.code, api.SpanStatusCode.ERROR, name);
      assert.ok(!JSON.stringify(found.get(name)?.status).includes("secret"), name);
    }
  });

  it("tell of each command", async () => {
    spans();
    const brain = await startTestBrain();
    const agent = createRigAgent(brain.url, { spans: createSpans(api, "0") });
    await agent.start();
    await agent.ready({ timeoutMs: 20_000 });
    const id = await brain.command("unheard_of");
    await until("the answer", () => agent.status().commands.failed === 1, 20_000);
    await agent.stop();
    await brain.close();
    const span = spans().get("z4j unheard_of");
    assert.equal(span?.attributes["z4j.command.id"], id);
    assert.equal(span?.attributes["z4j.command.status"], "failed");
    assert.equal(span?.status.code, api.SpanStatusCode.ERROR);
  });

  it("never disturb work when the tracing itself fails", async () => {
    const fail = (): never => {
      throw new Error("broken tracing");
    };
    const span = { spanContext: fail, setAttribute: fail, setStatus: fail, end: fail };
    const broken: readonly OpenTelemetryLike[] = [
      {
        trace: {
          getTracer: () => ({ startSpan: fail }),
          getSpanContext: fail,
          setSpan: fail,
          setSpanContext: fail,
        },
        context: { active: fail, with: fail },
      },
      {
        trace: {
          getTracer: () => ({ startSpan: () => span }),
          getSpanContext: () => undefined,
          setSpan: () => ({}),
          setSpanContext: () => ({}),
        },
        context: { active: () => ({}), with: fail },
      },
    ];
    for (const otel of broken) {
      const work = createWorkTracker(createAsyncStore<WorkSource>(), createSpans(otel, "0"));
      let runs = 0;
      const value = await work.run({ user: "u" }, () => {
        const context = work.leave({ name: "job" });
        assert.equal(context?.user, "u");
        return work.enter({ name: "job" }, context, () => {
          runs++;
          return Promise.resolve(work.current()?.user);
        });
      });
      assert.deepEqual([value, runs], ["u", 1]);
      createSpans(otel, "0").command("x", "1")("failed", "no");
    }
  });
});
