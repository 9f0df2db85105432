import { deepStrictEqual as deepEqual, match, strictEqual as equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { createCommandRegistry } from "../../src/agent/commands.ts";
import { wireResult } from "../../src/agent/command_result.ts";
import type { JsonObject } from "../../src/base/json.ts";
import type { ActionOutcome, EngineActions } from "../../src/engines/contract.ts";
import { computePurgeToken } from "../../src/protocol/purge_token.ts";
import { createRedactor } from "../../src/redaction/redactor.ts";
import { agentOf, context, engine, received, register, SECRET } from "../_support/command_rig.ts";

const done: ActionOutcome = { status: "done", result: {} };

describe("bulk_retry", () => {
  it("retries each id by reference, with an outcome for each", async () => {
    const seen: string[] = [];
    const run = agentOf({
      retry({ taskId, overrides, priority }) {
        seen.push(`${taskId} ${overrides} ${priority}`);
        if (taskId === "gone") return Promise.resolve({ status: "refused", reason: "no such job" });
        if (taskId === "twice") return Promise.resolve({ status: "noop", reason: "it runs" });
        if (taskId === "bad") return Promise.reject(new Error("broken"));
        return Promise.resolve({ status: "done", result: { new_task_id: `${taskId}-2` } });
      },
    }, ["bulk_retry", "retry_task"]);
    const result = await run("bulk_retry", {
      filter: {
        task_ids: ["a", "a", "gone", "twice", "bad"],
        task_priorities: { a: "low" },
        state: "failure",
      },
      max: 10,
    });
    deepEqual(seen.toSorted(), [
      "a null low",
      "bad null null",
      "gone null null",
      "twice null null",
    ]);
    equal(result.status, "success");
    deepEqual(result.result, {
      requested: 4,
      retried: 1,
      succeeded: 2,
      skipped: 1,
      failed: 2,
      indeterminate: 1,
      capped: false,
      new_task_ids: { a: "a-2" },
      outcomes: { a: "done", gone: "refused", twice: "noop", bad: "indeterminate" },
      errors: { gone: "no such job", bad: "broken" },
    });
  });

  it("fails when no id could be retried and does nothing without ids", async () => {
    let calls = 0;
    const run = agentOf({
      retry() {
        calls++;
        return Promise.resolve({ status: "refused", reason: "it is gone" });
      },
    }, ["bulk_retry", "retry_task"]);
    const none = await run("bulk_retry", { filter: { state: "failure" }, max: 10 });
    deepEqual([none.status, none.result?.["noop"], calls], ["success", true, 0]);
    const gone = await run("bulk_retry", { filter: { task_ids: ["a"] }, max: 1 });
    equal(gone.status, "failed");
    match(gone.error ?? "", /it is gone/);
    equal(gone.result?.["failed"], 1);
    equal((await run("bulk_retry", { filter: { task_ids: ["a"] }, max: 0 })).status, "failed");
    equal((await run("bulk_retry", { filter: { task_ids: [1] }, max: 1 })).status, "failed");
    equal(calls, 1);
  });

  it("takes no more than max and leaves what the time does not allow", async () => {
    const run = agentOf({ retry: () => Promise.resolve(done) }, ["bulk_retry", "retry_task"]);
    const capped = await run("bulk_retry", { filter: { task_ids: ["a", "b", "c"] }, max: 2 });
    deepEqual([capped.result?.["retried"], capped.result?.["capped"]], [2, true]);
    const late = await run("bulk_retry", { filter: { task_ids: ["a"] }, max: 2 }, 100);
    equal(late.status, "failed");
    match(late.error ?? "", /time of the command was up/);
  });
});

describe("purge_queue", () => {
  const depths: number[] = [];
  const purging = (depth: number): EngineActions => ({
    async purge({ queue, confirm }) {
      depths.push(depth);
      const consent = await confirm(depth);
      return consent.ok
        ? { status: "done", result: { queue, depth_before: depth, purged: depth } }
        : { status: "refused", reason: consent.reason };
    },
  });

  it("goes on only with the keyed token of the depth that is measured now", async () => {
    const run = agentOf(purging(3), ["purge_queue"]);
    const token = await computePurgeToken(SECRET, "mail", 3);
    equal((await run("purge_queue", { queue: "mail", confirm_token: token })).status, "success");
    const stale = await computePurgeToken(SECRET, "mail", 2);
    const other = await computePurgeToken(SECRET, "sms", 3);
    for (const confirm_token of [stale, other, null, ""]) {
      const result = await run("purge_queue", { queue: "mail", confirm_token });
      equal(result.status, "failed", `${confirm_token}`);
      match(result.error ?? "", /confirm/);
    }
  });

  it("purges deep queues with force only", async () => {
    const run = agentOf(purging(11), ["purge_queue"]);
    const confirm_token = await computePurgeToken(SECRET, "mail", 11);
    const deep = await run("purge_queue", { queue: "mail", confirm_token });
    match(deep.error ?? "", /only force/);
    const forced = await run("purge_queue", { queue: "mail", confirm_token: null, force: true });
    equal(forced.result?.["purged"], 11);
  });

  it("finds the one engine that can, although the command names none", async () => {
    const registry = createCommandRegistry();
    const able = engine("able", purging(0), ["purge_queue"]);
    register(registry, [engine("other", {}, []), able]);
    const handler = registry.find("purge_queue");
    const outcome = await handler?.(
      received("purge_queue", { queue: "mail", force: true }),
      context(),
    );
    equal(outcome?.status, "done");
  });
});

describe("dlq.list", () => {
  it("answers the closed object of the wire, redacted and cut", async () => {
    const asked: unknown[] = [];
    const errors = [`begin ${"x ".repeat(300)}end`, "mail to someone@example.com"];
    const run = agentOf({
      listDeadLetters(query) {
        asked.push(query);
        return Promise.resolve({
          status: "page",
          entries: errors.map((error) => ({
            taskId: "q:1",
            taskName: "n",
            queue: "q",
            failedAtMs: 0,
            error,
            attempts: 3,
          })),
          nextCursor: "c",
          total: 7,
        });
      },
    }, ["list_dead_letters"]);
    const { result } = await run("dlq.list", { queue: "q", limit: 900, cursor: null });
    deepEqual(asked, [{ queue: "q", limit: 200, cursor: null }]);
    const [entry, secret] = result?.["entries"] as JsonObject[];
    deepEqual(Object.keys(result ?? {}).toSorted(), ["engine", "entries", "next_cursor", "total"]);
    deepEqual(Object.keys(entry ?? {}).toSorted(), [
      "attempts",
      "error_excerpt",
      "failed_at",
      "queue",
      "task_id",
      "task_name",
    ]);
    const excerpt = String(entry?.["error_excerpt"]);
    equal(excerpt.length, 512);
    equal(excerpt.endsWith("end"), true);
    equal(JSON.stringify(secret).includes("someone@example.com"), false);
    for (const limit of [0, -1, 1.5, true, "7"]) {
      equal((await run("dlq.list", { queue: "q", limit })).status, "failed", `${limit}`);
    }
  });
});

describe("commands on queues and workers", () => {
  it("read rates, pools, consumers and limits, and refuse the rest", async () => {
    const seen: unknown[] = [];
    const note = (...values: readonly unknown[]): Promise<ActionOutcome> => {
      seen.push(values);
      return Promise.resolve(done);
    };
    const run = agentOf({
      rateLimit: ({ taskName, rate, worker }) => note(taskName, rate, worker),
      poolGrow: ({ worker, delta }) => note("grow", worker, delta),
      poolShrink: ({ worker, delta }) => note("shrink", worker, delta),
      addConsumer: ({ worker, queue }) => note("add", worker, queue),
      cancelConsumer: ({ worker, queue }) => note("cancel", worker, queue),
      pauseQueue: (queue) => note("pause", queue),
      resumeQueue: (queue) => note("resume", queue),
      limitConcurrency: (queue, limit) => note("limit", queue, limit),
      restartWorker: (worker) => note("restart", worker),
    }, [
      ...["rate_limit", "pool_grow", "pool_shrink", "add_consumer", "cancel_consumer"] as const,
      ...["pause_queue", "resume_queue", "queue_concurrency", "restart_worker"] as const,
    ]);
    const good: readonly (readonly [string, JsonObject])[] = [
      ["rate_limit", { task_name: "q", rate: "10/m", worker_name: null }],
      ["rate_limit", { task_name: "q", rate: "5", worker_name: "w" }],
      ["rate_limit", { task_name: "q", rate: "0" }],
      ["pool_grow", { worker_name: "w", delta: 2 }],
      ["pool_shrink", { worker_name: "w", delta: 1 }],
      ["add_consumer", { worker_name: "w", queue: "q" }],
      ["cancel_consumer", { worker_name: "w", queue: "q" }],
      ["pause_queue", { queue: "q" }],
      ["resume_queue", { queue: "q" }],
      ["queue_concurrency", { queue: "q", concurrency: 4 }],
      ["queue_concurrency", { queue: "q", concurrency: null }],
      ["restart_worker", { worker_name: "w" }],
    ];
    for (const [action, parameters] of good) {
      equal((await run(action, parameters)).status, "success", action);
    }
    deepEqual(seen, [
      ["q", { max: 10, periodMs: 60_000 }, null],
      ["q", { max: 5, periodMs: 1000 }, "w"],
      ["q", null, null],
      ["grow", "w", 2],
      ["shrink", "w", 1],
      ["add", "w", "q"],
      ["cancel", "w", "q"],
      ["pause", "q"],
      ["resume", "q"],
      ["limit", "q", 4],
      ["limit", "q", null],
      ["restart", "w"],
    ]);
    const bad: readonly (readonly [string, JsonObject])[] = [
      ["rate_limit", { task_name: "q", rate: "fast" }],
      ["rate_limit", { task_name: "q", rate: "-1" }],
      ["pool_grow", { worker_name: "w", delta: 0 }],
      ["pool_shrink", { delta: 1 }],
      ["add_consumer", { worker_name: "w" }],
      ["pause_queue", {}],
      ["queue_concurrency", { queue: "q", concurrency: 0 }],
      ["restart_worker", {}],
    ];
    for (const [action, parameters] of bad) {
      equal((await run(action, parameters)).status, "failed", action);
    }
    equal(seen.length, good.length);
  });

  it("are refused by an engine without the action", async () => {
    const run = agentOf({}, []);
    const parameters = {
      queue: "q",
      task_name: "q",
      task_id: "q:1",
      worker_name: "w",
      rate: "1",
      force: true,
      filter: { task_ids: ["q:1"] },
    };
    for (
      const action of [
        ...["bulk_retry", "purge_queue", "dlq.list", "requeue_dead_letter", "rate_limit"],
        ...["pause_queue", "queue_concurrency", "pool_grow", "add_consumer", "restart_worker"],
      ]
    ) {
      const result = await run(action, parameters);
      equal(result.status, "failed", action);
      match(result.error ?? "", /engine "one" cannot/);
    }
  });
});

describe("commands about one job", () => {
  const actions: EngineActions = {
    submit: () => Promise.resolve(done),
    retry: () => Promise.resolve(done),
    cancel: () => Promise.resolve(done),
    requeueDeadLetter: () => Promise.resolve(done),
    reconcile: () => Promise.reject(new Error("broken")),
  };
  const all = [
    "submit_task",
    "retry_task",
    "cancel_task",
    "requeue_dead_letter",
  ] as const;

  it("are refused when they name none, or the wrong shape of inputs", async () => {
    const run = agentOf(actions, all);
    for (const action of ["retry_task", "cancel_task", "requeue_dead_letter", "reconcile_task"]) {
      equal((await run(action, {})).error, "the command names no task_id", action);
    }
    equal((await run("submit_task", {})).status, "failed");
    const shape = { task_id: "q:1", override_args: 1, override_kwargs: 1 };
    match((await run("retry_task", shape)).error ?? "", /not a list and an object/);
    const half = { task_id: "q:1", override_args: [] };
    match((await run("retry_task", half)).error ?? "", /both override_args and override_kwargs/);
  });

  it("reach the engine that can, and tell which one cannot", async () => {
    const run = agentOf(actions, all);
    for (const action of ["retry_task", "cancel_task", "requeue_dead_letter"]) {
      equal((await run(action, { task_id: "q:1" })).status, "success", action);
    }
    const poor = agentOf({}, all);
    for (const action of ["retry_task", "cancel_task", "requeue_dead_letter"]) {
      equal((await poor(action, { task_id: "q:1" })).status, "failed", action);
    }
    const looked = await run("reconcile_task", { task_id: "q:1" });
    equal(looked.result?.["engine_state"], "unknown");
  });
});

describe("wireResult()", () => {
  it("redacts what an action answers, whatever became of it", () => {
    const redactor = createRedactor({});
    const result = { password: "hunter2", kept: 1 };
    for (
      const outcome of [
        { status: "done", result },
        { status: "noop", reason: "nothing to do", result },
        { status: "failed", error: "no", result },
        { status: "indeterminate", reason: "late", result },
      ] as const
    ) {
      const wire = wireResult(outcome, redactor);
      equal(wire.result?.["password"], "[REDACTED]", outcome.status);
      equal(wire.result?.["kept"], 1);
    }
  });
});

describe("the first command", () => {
  it("touches nothing when the agent stops while the code is read", async () => {
    let calls = 0;
    const registry = createCommandRegistry();
    const actions: EngineActions = {
      cancel() {
        calls++;
        return Promise.resolve(done);
      },
    };
    register(registry, [engine("one", actions, ["cancel_task"])]);
    const cancel = registry.find("cancel_task");
    const stopping = new AbortController();
    const input = received("cancel_task", { task_id: "q:1" });
    const answer = cancel?.(input, { signal: stopping.signal, remainingMs: 60_000 });
    stopping.abort();
    deepEqual(await answer, { status: "refused", reason: "the agent stops" });
    equal(calls, 0);
    equal((await cancel?.(input, context()))?.status, "done");
    equal(calls, 1);
  });
});
