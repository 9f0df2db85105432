import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createWorkTracker, type WorkTracker } from "../../src/agent/work_contexts.ts";
import type { AgentParts } from "../../src/agent/agent_types.ts";
import { isJsonObject, type JsonObject } from "../../src/base/json.ts";
import { readCarrier, writeCarrier } from "../../src/base/work_carrier.ts";
import { parseTraceState } from "../../src/base/trace_state.ts";
import type { WorkContext, WorkSource } from "../../src/base/work_context.ts";
import { manualEngine } from "../../src/engines/manual/engine.ts";
import type { ManualEngine } from "../../src/engines/manual/options.ts";
import { createAsyncStore } from "../../src/platform/async_store.ts";
import { createRigAgent, startTestBrain, until } from "../_support/agent_rig.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";
const CONTEXT: WorkContext = {
  traceId: TRACE,
  spanId: SPAN,
  requestId: "r1",
  method: "POST",
  route: "/orders/:id",
  user: "u1",
};

interface Bed {
  readonly manual: ManualEngine;
  readonly work: WorkTracker;
  /** Runs work with a started agent; answers the events that arrived, by task name and kind. */
  events(count: number, run: () => unknown): Promise<Map<string, JsonObject>>;
}

function bed(more: Partial<AgentParts> = {}): Bed {
  const manual = manualEngine();
  const work = createWorkTracker(createAsyncStore<WorkSource>());
  return {
    manual,
    work,
    async events(count, run) {
      const brain = await startTestBrain();
      const agent = createRigAgent(brain.url, { engines: [manual], work, ...more });
      try {
        await agent.start();
        await run();
        const tasks = (): JsonObject[] =>
          [...brain.events.values()].filter((event) => event["task_id"] !== "");
        await until("the events", () => tasks().length >= count, 20_000);
        return new Map(
          tasks().map((event) => {
            const data = event["data"];
            assert.ok(isJsonObject(data));
            return [`${data["task_name"]} ${event["kind"]}`, data];
          }),
        );
      } finally {
        await agent.stop();
        await brain.close();
      }
    },
  };
}

function contextOf(data: JsonObject | undefined): JsonObject {
  const context = data?.["context"];
  assert.ok(isJsonObject(context), `no context: ${JSON.stringify(data)}`);
  return context;
}

describe("context on events", () => {
  it("follows a request into its job, its retries and its children", async () => {
    const { manual, work, events } = bed();
    const child = manual.task("child", async () => {
      await Promise.resolve();
      return work.current()?.spanId;
    });
    let tries = 0;
    const parent = manual.task("parent", async (n: number) => {
      if (++tries === 1) throw new Error("once");
      return [n, await child()];
    }, { retries: 1 });
    let answer: unknown;
    const found = await events(9, async () => {
      answer = await work.follow({ read: () => CONTEXT }, () => parent(1));
    });
    const sent = contextOf(found.get("parent task.sent"));
    const { span_id: parentSpan, ...rest } = sent;
    assert.deepEqual(rest, {
      trace_id: TRACE,
      parent_span_id: SPAN,
      request_id: "r1",
      method: "POST",
      route: "/orders/:id",
      user: "u1",
    });
    for (const kind of ["received", "started", "retried", "succeeded"]) {
      assert.deepEqual(contextOf(found.get(`parent task.${kind}`)), sent, kind);
    }
    const below = contextOf(found.get("child task.succeeded"));
    assert.equal(below["trace_id"], TRACE);
    assert.equal(below["parent_span_id"], parentSpan);
    assert.equal(below["request_id"], "r1");
    assert.deepEqual(answer, [1, below["span_id"]]);
  });

  it("is absent where nobody asked", async () => {
    const { manual, events } = bed();
    const lone = manual.task("lone", () => 1);
    const found = await events(4, lone);
    assert.equal(found.get("lone task.succeeded")?.["context"], undefined);
  });

  it("is redacted, and the hook's facts join it", async () => {
    const { manual, work, events } = bed({ context: () => ({ region: "eu", password: "x" }) });
    const job = manual.task("job", () => 1);
    const found = await events(
      4,
      () =>
        work.run({
          traceId: TRACE,
          traceState: "rojo=1,mail=bob@example.com",
          scheduledBy: { traceId: TRACE, spanId: SPAN, requestId: "r0" },
          user: "bob@example.com",
          extra: { token: "t" },
        }, () => job()),
    );
    const context = contextOf(found.get("job task.succeeded"));
    assert.equal(context["user"], "[REDACTED]");
    assert.equal(context["token"], "[REDACTED]");
    assert.equal(context["password"], "[REDACTED]");
    assert.equal(context["region"], "eu");
    assert.equal(context["tracestate"], "[REDACTED]");
    const link = { trace_id: TRACE, span_id: SPAN, request_id: "r0" };
    assert.deepEqual(context["scheduled_by"], link);
    assert.match(String(context["trace_id"]), /^[0-9a-f]{32}$/);
  });

  it("is read when the program records, also before the agent has started", async () => {
    const work = createWorkTracker(createAsyncStore<WorkSource>());
    const brain = await startTestBrain();
    const agent = createRigAgent(brain.url, { work });
    const sent = (taskId: string) => ({
      kind: "task.sent" as const,
      taskId,
      occurredAtMs: Date.now(),
      data: {},
    });
    const asked: string[] = [];
    const source: WorkSource = { read: () => CONTEXT, asked: (id) => void asked.push(id) };
    agent.context.follow(source, () => agent.record("own", sent("early")));
    await agent.start();
    agent.context.follow(source, () => agent.record("own", sent("late")));
    await until("both events", () => brain.events.size === 2, 20_000);
    for (const event of brain.events.values()) {
      const data = event["data"];
      assert.equal(isJsonObject(data) && contextOf(data)["request_id"], "r1");
    }
    assert.deepEqual(asked, ["early", "late"]);
    await agent.stop();
    await brain.close();
  });
});

describe("createWorkTracker()", () => {
  it("run() begins a trace, goes on with the outer one, and keeps to the bounds", () => {
    const work = createWorkTracker(createAsyncStore<WorkSource>());
    work.run({ user: "x".repeat(999), requestId: "not one!" }, () => {
      const outer = work.current();
      assert.equal(outer?.user?.length, 256);
      assert.equal(outer?.requestId, undefined);
      work.run({ tenant: "t" }, () => {
        const inner = work.current();
        assert.equal(inner?.traceId, outer?.traceId);
        assert.equal(inner?.parentSpanId, outer?.spanId);
        assert.equal(inner?.user, outer?.user);
      });
      work.run({ traceId: "wrong", user: "u" }, () => {
        assert.match(work.current()?.traceId ?? "", /^[0-9a-f]{32}$/);
        assert.equal(work.current()?.user, "u");
      });
    });
    assert.equal(work.current(), undefined);
  });
});

describe("tracestate", () => {
  it("is passed on as it came, without spaces around and empty members", () => {
    const state = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE,fw529a3039@dt=FfAw;x:1,a*-/_=a b";
    assert.equal(parseTraceState(state), state);
    assert.equal(parseTraceState(" rojo=1 ,\t,congo=2 ,"), "rojo=1,congo=2");
  });

  it("is dropped whole where it breaks a rule", () => {
    const many = (count: number): string =>
      Array.from({ length: count }, (_, n) => `k${n}=v`).join(",");
    assert.equal(parseTraceState(many(32)), many(32));
    const wrong = [
      ...[undefined, null, 7, {}, "", " , ", "rojo", "rojo=", "=1", "Rojo=1", "1rojo=1", "ro jo=1"],
      ...["a@b@c=1", "a@Dt=1", "rojo=a=b", "rojo=\u0000", "rojo=é", "rojo=1,rojo=2", "rojo=1,bad"],
      ...[`${"k".repeat(257)}=1`, `k=${"v".repeat(257)}`, many(33), "a=1,".repeat(20_000)],
    ];
    for (const state of wrong) assert.equal(parseTraceState(state), undefined, String(state));
  });

  it("keeps to 512 characters: large members go first, then the last ones", () => {
    const [first, large, last] = ["a=".padEnd(120, "x"), "b=".padEnd(130, "x"), "z=1"];
    const small = Array.from({ length: 3 }, (_, n) => `c${n}=`.padEnd(120, "x"));
    assert.equal(
      parseTraceState([first, large, ...small, last].join(",")),
      [first, ...small, last].join(","),
    );
    const ten = Array.from({ length: 10 }, (_, n) => `d${n}=`.padEnd(100, "x"));
    assert.equal(parseTraceState(ten.join(",")), ten.slice(0, 5).join(","));
    assert.equal(
      parseTraceState(["l", "m", "n"].map((k) => `${k}=`.padEnd(250, "x")).join(","))
        ?.length,
      501,
    );
  });

  it("stays with its trace, and goes nowhere without one", () => {
    const work = createWorkTracker(createAsyncStore<WorkSource>());
    const stateOf = (facts: Parameters<WorkTracker["run"]>[0]): string | undefined =>
      work.run(facts, () => work.leave({ name: "job" })?.traceState);
    assert.equal(stateOf({ traceState: "a=1" }), undefined);
    assert.equal(stateOf({ traceId: "wrong", traceState: "a=1" }), undefined);
    work.run({ traceId: TRACE, traceState: "a=1" }, () => {
      assert.equal(stateOf({}), "a=1");
      assert.equal(stateOf({ traceId: TRACE, spanId: "wrong", traceState: "b=2" }), "b=2");
      assert.equal(stateOf({ traceId: TRACE.replace("4", "5") }), undefined);
      assert.equal(stateOf({ traceState: "b=2" }), "a=1");
      work.run({ traceId: TRACE.replace("4", "5") }, () => {
        assert.equal(work.current()?.parentSpanId, undefined);
      });
    });
  });
});

describe("carriers", () => {
  it("bring a context to another process unchanged", () => {
    const context = {
      ...CONTEXT,
      parentSpanId: SPAN,
      sampled: false,
      extra: { plan: "pro", n: 1 },
      traceState: "rojo=1,congo=2",
      scheduledBy: { traceId: TRACE, spanId: SPAN, requestId: "r0" },
    };
    const read = readCarrier(writeCarrier(context));
    assert.deepEqual(JSON.parse(JSON.stringify(read)), context);
  });

  it("stay small and survive anything that stands in their place", () => {
    const long = "é".repeat(256);
    const extra = Object.fromEntries(Array.from({ length: 16 }, (_, n) => [`k${n}`, long]));
    const text = writeCarrier({ ...CONTEXT, user: long, tenant: long, route: long, extra });
    assert.ok(text.length <= 2048, String(text.length));
    assert.equal(readCarrier(text)?.user, long);
    const traceState = `a=${'"'.repeat(256)},b=${'"'.repeat(250)}`;
    const kept = readCarrier(writeCarrier({ ...CONTEXT, traceState }));
    assert.equal(kept?.traceState, traceState);
    const quoted = { user: '"'.repeat(256), tenant: '"'.repeat(256), route: '"'.repeat(256) };
    const full = readCarrier(writeCarrier({ ...CONTEXT, ...quoted, traceState }));
    assert.deepEqual([full?.user, full?.traceState], [quoted.user, undefined]);
    const wrong = [undefined, null, 1, {}, "", "{", "null", "[]", "1", "x".repeat(5000), '{"v":1}'];
    for (const carrier of wrong) assert.equal(readCarrier(carrier), undefined);
    const forged = readCarrier(JSON.stringify({
      traceId: TRACE,
      spanId: SPAN,
      user: { toString: 1 },
      route: "\u0000".repeat(9),
      extra: [1],
      __proto__: { tenant: "t" },
    }));
    assert.equal(forged?.user, undefined);
    assert.equal(forged?.route, undefined);
    assert.equal(forged?.extra, undefined);
  });
});
