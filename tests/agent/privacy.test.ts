import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Agent, AgentParts } from "../../src/agent/agent_types.ts";
import { NO_PRIVACY, type PrivacyRules } from "../../src/agent/privacy.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../src/base/json.ts";
import type { TaskEvent } from "../../src/engines/contract.ts";
import type { Scheduler, SchedulerSink } from "../../src/schedulers/contract.ts";
import { compilePathRules, pathRuleProblem } from "../../src/redaction/path_rules.ts";
import { createRedactor } from "../../src/redaction/redactor.ts";
import { createRigAgent, keepingLogger, startTestBrain, until } from "../_support/agent_rig.ts";

const DATA: TaskEvent["data"] = {
  taskName: "send",
  queue: "mail",
  args: [{ card: "4111", n: 1 }, [1, 2]],
  kwargs: {
    user: { email: "not-an-address", name: "Ada" },
    token2: "t",
    rows: [{ id: 1 }, { id: 2 }],
  },
  result: { id: 5, token: "x" },
  exception: "Error: no such user 17",
  traceback: "Error: no such user 17\n    at x (a.ts:1:1)",
};

const event = (data: TaskEvent["data"] = DATA): TaskEvent => ({
  kind: "task.failed",
  taskId: "mail:1",
  occurredAtMs: 1_700_000_000_000,
  data,
});

function agentWith(privacy: Partial<PrivacyRules>, more: Partial<AgentParts> = {}): Agent {
  return createRigAgent("http://127.0.0.1:9", { privacy: { ...NO_PRIVACY, ...privacy }, ...more });
}

function dataOf(event: JsonObject): JsonObject {
  const data = event["data"];
  assert.ok(isJsonObject(data));
  return data;
}

function preview(privacy: Partial<PrivacyRules>, data = DATA): JsonObject {
  return dataOf(agentWith(privacy).preview("bullmq", event(data)).event);
}

describe("path rules", () => {
  const redacted = (rules: readonly string[], value: unknown): JsonValue =>
    createRedactor().redact(value, { paths: compilePathRules(rules) });

  it("remove exactly the places that they name", () => {
    const value = { a: { b: 1, c: 2 }, list: [{ x: 1, y: 2 }, { x: 3 }], deep: { er: { x: 4 } } };
    assert.deepEqual(redacted(["a.b"], value), { ...value, a: { b: "[REDACTED]", c: 2 } });
    assert.deepEqual(redacted(["list[0].x"], value), {
      ...value,
      list: [{ x: "[REDACTED]", y: 2 }, { x: 3 }],
    });
    assert.deepEqual(redacted(["list[*].x", "list.1"], value), {
      ...value,
      list: [{ x: "[REDACTED]", y: 2 }, "[REDACTED]"],
    });
    assert.deepEqual(redacted(["*.b"], value), { ...value, a: { b: "[REDACTED]", c: 2 } });
    assert.deepEqual(redacted(["**.x"], value), {
      a: { b: 1, c: 2 },
      list: [{ x: "[REDACTED]", y: 2 }, { x: "[REDACTED]" }],
      deep: { er: { x: "[REDACTED]" } },
    });
    assert.deepEqual(redacted(["deep"], value), { ...value, deep: "[REDACTED]" });
    assert.deepEqual(redacted(["nowhere.b", "a.b.c"], value), value);
  });

  it("never lift another rule", () => {
    assert.deepEqual(redacted(["password.x"], { password: { x: 1, y: 2 } }), {
      password: { x: "[REDACTED]", y: "[REDACTED]" },
    });
  });

  it("stay quick on hostile values and rules", () => {
    const rules = Array.from({ length: 50 }, () => "**.**.**.**.x.**.y");
    let value: unknown = 1;
    for (let n = 0; n < 60; n++) value = { x: value, z: [value] };
    const startedAt = performance.now();
    redacted(rules, value);
    assert.ok(performance.now() - startedAt < 10_000);
  });

  it("are checked", () => {
    for (const good of ["a", "a.b[0].c", "[0].x", "**.x", "*.*", "a[*][1]", "weird-key $"]) {
      assert.equal(pathRuleProblem(good), null, good);
    }
    for (const bad of ["", "a..b", ".a", "a.", "a[x]", "a[", "a]b", "x".repeat(300)]) {
      assert.notEqual(pathRuleProblem(bad), null, bad);
    }
  });
});

describe("what leaves the process", () => {
  it("is all but secrets by default", () => {
    const data = preview({});
    assert.deepEqual(data["args"], [{ card: "4111", n: 1 }, [1, 2]]);
    assert.deepEqual(data["result"], { id: 5, token: "[REDACTED]" });
    assert.equal(data["exception"], "Error: no such user 17");
  });

  it("leaves out inputs, results and errors where they are switched off", () => {
    const capture = { args: false, result: false, error: false };
    const keys = Object.keys(preview({ capture }));
    assert.deepEqual(keys.sort(), ["environment", "queue", "tags", "task_name"]);
    const some = Object.keys(preview({ capture: { args: true, result: false, error: true } }));
    assert.ok(some.includes("args") && some.includes("exception") && !some.includes("result"));
  });

  it("follows paths, and other rules for single queues", () => {
    const privacy: Partial<PrivacyRules> = {
      redactPaths: ["kwargs.user.email", "args[0].card"],
      queues: {
        mail: { capture: { result: false }, redactPaths: ["kwargs.rows[*].id"] },
        open: { capture: {}, redactPaths: [] },
      },
    };
    const data = preview(privacy);
    assert.deepEqual(data["args"], [{ card: "[REDACTED]", n: 1 }, [1, 2]]);
    assert.deepEqual(data["kwargs"], {
      user: { email: "[REDACTED]", name: "Ada" },
      token2: "t",
      rows: [{ id: "[REDACTED]" }, { id: "[REDACTED]" }],
    });
    assert.equal(data["result"], undefined);
    const open = preview(privacy, { ...DATA, queue: "open" });
    assert.deepEqual(open["result"], { id: 5, token: "[REDACTED]" });
    assert.deepEqual((open["kwargs"] as JsonObject)["rows"], [{ id: 1 }, { id: 2 }]);
  });

  it("goes through the program's own hook, on a copy and after the other rules", () => {
    const seen: unknown[] = [];
    const kwargs = { password: "geheim", nested: { keep: true } };
    const data = preview({
      redact(data, info) {
        seen.push(data["kwargs"], info);
        const nested = (data["kwargs"] as { nested: Record<string, JsonValue> }).nested;
        nested["keep"] = "changed";
        data["extra"] = "geheim@example.com";
        return data;
      },
    }, { ...DATA, kwargs });
    assert.equal((seen[0] as JsonObject)["password"], "[REDACTED]");
    assert.deepEqual(seen[1], {
      kind: "task.failed",
      engine: "bullmq",
      taskName: "send",
      queue: "mail",
    });
    assert.deepEqual(kwargs.nested, { keep: true });
    assert.deepEqual((data["kwargs"] as JsonObject)["nested"], { keep: "changed" });
    assert.equal(data["extra"], "[REDACTED]");
  });

  it("withholds payloads when the hook fails in any way", () => {
    const hooks: PrivacyRules["redact"][] = [
      () => {
        throw new Error("no");
      },
      () => undefined,
      () => "text",
      () => Promise.reject(new Error("late")),
      () => [],
    ];
    for (const redact of hooks) {
      const text = JSON.stringify(preview({ redact }));
      for (const secret of ["4111", "not-an-address", "no such user", '"id":5']) {
        assert.ok(!text.includes(secret), `${secret} in ${text}`);
      }
      assert.ok(text.includes('"task_name":"send"'));
    }
  });

  it("removes only what there is, and tells the hook only what it knows", () => {
    const bare = { taskName: undefined } as unknown as TaskEvent["data"];
    const seen: unknown[] = [];
    const capture = { args: false, result: false, error: false };
    const data = preview({
      capture,
      redact(_data, { taskName, queue }) {
        seen.push(taskName, queue);
        throw new Error("no");
      },
    }, bare);
    assert.deepEqual(seen, [null, null]);
    assert.deepEqual(Object.keys(data).sort(), ["environment", "tags"]);
  });

  it("is nothing at all when the redactor breaks its contract", () => {
    const agent = agentWith({}, { redactor: { redact: () => "text" } });
    assert.throws(() => agent.preview("bullmq", event()), /the redactor answered no object/);
  });

  it("withholds progress, log lines and who asked as well, and keeps them with the result", () => {
    const extra = { progress: { step: "Ada" }, logs: ["mailed Ada"], stalled: true };
    const context = {
      traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
      spanId: "00f067aa0ba902b7",
      traceState: "a=Ada",
      user: "Ada",
    };
    const shown = (privacy: Partial<PrivacyRules>): JsonObject =>
      dataOf(
        agentWith(privacy).preview("bullmq", { ...event({ taskName: "send", extra }), context })
          .event,
      );
    assert.ok(JSON.stringify(shown({})).includes("mailed Ada"));
    const failing = shown({ redact: () => undefined });
    assert.ok(!JSON.stringify(failing).includes("Ada"), JSON.stringify(failing));
    assert.equal(failing["stalled"], true);
    const { progress, logs, stalled } = shown({
      capture: { args: true, result: false, error: true },
    });
    assert.deepEqual([progress, logs, stalled], [undefined, undefined, true]);
  });

  it("goes by the queue of a schedule's run too", async () => {
    const brain = await startTestBrain();
    const infos: unknown[] = [];
    const held: { sink?: SchedulerSink } = {};
    const scheduler: Scheduler = {
      name: "bullmq",
      engine: "bullmq",
      capabilities: [],
      actions: {},
      attach: (sink) => void (held.sink = sink),
      detach() {},
      list: () => Promise.resolve([]),
    };
    const privacy: PrivacyRules = {
      ...NO_PRIVACY,
      queues: { payments: { capture: { error: false }, redactPaths: ["task_name"] } },
      redact(data, { queue }) {
        infos.push(queue);
        return data;
      },
    };
    const agent = createRigAgent(brain.url, { privacy, schedulers: [scheduler] });
    await agent.start();
    const run = {
      phase: "completed" as const,
      ...{ runId: "1", scheduleKey: "k", scheduleName: "s", taskName: "charge", manual: false },
      occurredAtMs: Date.now(),
      exception: "Error: no such user 17",
    };
    held.sink?.run({ ...run, queue: "payments" });
    held.sink?.run({ ...run, queue: "mail" });
    await until("both runs", () => brain.events.size === 2, 20_000);
    await agent.stop();
    await brain.close();
    const [payments, mail] = [...brain.events.values()].map(dataOf);
    assert.deepEqual([payments?.["exception"], payments?.["task_name"]], [undefined, "[REDACTED]"]);
    assert.equal(mail?.["exception"], run.exception);
    assert.deepEqual(infos, ["payments", "mail"]);
    assert.equal("queue" in (mail ?? {}), false);
  });

  it("gives up on a hook that holds the process up, and withholds from then on", async () => {
    const brain = await startTestBrain();
    const logger = keepingLogger();
    let calls = 0;
    const redact: PrivacyRules["redact"] = (data) => {
      calls++;
      const until = performance.now() + 11;
      while (performance.now() < until);
      return data;
    };
    const agent = createRigAgent(brain.url, { privacy: { ...NO_PRIVACY, redact }, logger });
    await agent.start();
    for (let n = 0; n < 40; n++) agent.record("bullmq", event({ ...DATA, args: [n] }));
    await until("all events", () => brain.events.size === 40, 20_000);
    assert.equal(calls, 20);
    const last = [...brain.events.values()].map(dataOf).filter(({ args }) =>
      JSON.stringify(args) === '["[REMOVED]"]'
    );
    assert.equal(last.length, 20);
    assert.equal(logger.lines.filter(({ level }) => level === "warn").length, 1);
    await agent.stop();
    await brain.close();
  });

  it("is what preview() shows, byte for byte, with the rule for each removal", async () => {
    const brain = await startTestBrain();
    const privacy: PrivacyRules = {
      capture: { args: true, result: true, error: false },
      redactPaths: ["kwargs.user.email"],
      queues: {},
      redact: (data) => ({ ...data, result: { id: 0 } }),
    };
    const agent = createRigAgent(brain.url, { privacy });
    const shown = agent.preview("bullmq", {
      ...event({ ...DATA, kwargs: { ...DATA.kwargs, note: "write to bob@example.com" } }),
      taskId: "mail:bob@example.com",
    });
    assert.deepEqual(shown.removed, [
      { path: "exception", rule: "capture.error is off" },
      { path: "traceback", rule: "capture.error is off" },
      { path: "kwargs.user.email", rule: "path rule kwargs.user.email" },
      { path: "kwargs.note", rule: "what the text contains" },
      { path: "result.token", rule: "the name of the key" },
      { path: "result", rule: "the redact hook" },
      { path: "task_id", rule: "what the text contains" },
    ]);
    await agent.start();
    const plain = agent.preview("bullmq", event());
    agent.record("bullmq", event());
    await until("the event", () => brain.events.size === 1, 20_000);
    const [sent] = brain.events.values();
    assert.deepEqual({ ...sent, id: "" }, { ...plain.event, id: "" });
    assert.equal(new TextEncoder().encode(JSON.stringify(plain.event)).length, plain.bytes);
    await agent.stop();
    await brain.close();
  });

  it("preview() tells what a large event loses", () => {
    const kwargs = Object.fromEntries(
      Array.from({ length: 60 }, (_, n) => [`k${n}`, "y".repeat(8000)]),
    );
    const { removed, bytes } = agentWith({}).preview("bullmq", event({ ...DATA, kwargs }));
    assert.ok(bytes <= 256 * 1024);
    assert.deepEqual(removed.at(-1), {
      path: "kwargs",
      rule: "the event is larger than 256 KiB",
    });
  });
});
