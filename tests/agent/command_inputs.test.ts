/** What commands may leave out or get wrong, and what engines may lack or answer. */
import { deepStrictEqual as deepEqual, match, ok, strictEqual as equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { createCommandRegistry } from "../../src/agent/commands.ts";
import { wireResult } from "../../src/agent/command_result.ts";
import { loadEngineHandlers, registerEngineCommands } from "../../src/agent/engine_commands.ts";
import { systemClock } from "../../src/base/clock.ts";
import type { JsonObject } from "../../src/base/json.ts";
import type {
  ActionOutcome,
  DeadLetterPage,
  EngineActions,
  TaskState,
} from "../../src/engines/contract.ts";
import { createRedactor } from "../../src/redaction/redactor.ts";
import { agentOf, context, engine, received, register, SECRET } from "../_support/command_rig.ts";

const done: ActionOutcome = { status: "done", result: {} };

/** Actions that note what they were asked for. */
function noting(seen: unknown[]): EngineActions {
  const note = (...values: readonly unknown[]): Promise<ActionOutcome> => {
    seen.push(values.length === 1 ? values[0] : values);
    return Promise.resolve(done);
  };
  return {
    submit: (input) => note(input),
    retry: (input) => note(input),
    rateLimit: ({ taskName }) => note("rate", taskName),
    poolGrow: ({ worker, delta }) => note("grow", worker, delta),
    addConsumer: ({ worker, queue }) => note("add", worker, queue),
    pauseQueue: (queue) => note("pause", queue),
    limitConcurrency: (queue, limit) => note("limit", queue, limit),
    purge: ({ queue }) => note("purge", queue),
  };
}

describe("submit_task and schedule.fire", () => {
  it("read a delay as well as a time, and a key where no fire has one", async () => {
    const seen: { etaMs: number | null; idempotencyKey: string | null }[] = [];
    const run = agentOf(noting(seen), ["submit_task"]);
    const before = Date.now();
    await run("submit_task", { name: "n", eta_seconds: 2 });
    await run("submit_task", { name: "n", eta: 5, eta_seconds: 2 });
    await run("submit_task", { name: "n", eta_seconds: "2" });
    await run("schedule.fire", { task_name: "n" });
    const [delayed, timed, now, fired] = seen;
    ok((delayed?.etaMs ?? 0) >= before + 2000 && (delayed?.etaMs ?? 0) <= Date.now() + 2000);
    deepEqual([timed?.etaMs, now?.etaMs], [5000, null]);
    equal(fired?.idempotencyKey, "c1");
  });

  it("are refused with inputs of the wrong shape, and by an engine that cannot", async () => {
    const seen: unknown[] = [];
    const run = agentOf(noting(seen), ["submit_task"]);
    for (const more of [{ args: {} }, { kwargs: [] }]) {
      const { error } = await run("submit_task", { name: "n", ...more });
      equal(error, "args must be a list, kwargs an object");
    }
    deepEqual(seen, []);
    const poor = agentOf({}, []);
    match((await poor("submit_task", { name: "n" })).error ?? "", /cannot submit jobs/);
  });
});

describe("retry_task", () => {
  const parameters = {
    task_id: "q:1",
    task_name: "send",
    override_args: [1],
    override_kwargs: { to: "you" },
  };

  it("hands both overrides to the engine", async () => {
    const seen: unknown[] = [];
    await agentOf(noting(seen), ["retry_task"])("retry_task", parameters);
    const overrides = { args: [1], kwargs: { to: "you" } };
    deepEqual(seen, [{ taskId: "q:1", overrides, etaMs: null, priority: null }]);
  });

  it("adds a job anew where the engine cannot retry but both overrides are there", async () => {
    const seen: JsonObject[] = [];
    const { submit } = noting(seen);
    const run = agentOf({ ...(submit && { submit }) }, ["submit_task"]);
    const brainCopies = { args: ["[REDACTED]"], kwargs: {} };
    equal((await run("retry_task", { ...parameters, ...brainCopies })).status, "success");
    const { name, args, kwargs, idempotencyKey } = seen[0] ?? {};
    deepEqual([name, args, kwargs, idempotencyKey], ["send", [1], { to: "you" }, "c1"]);
    match((await run("retry_task", { task_id: "q:1" })).error ?? "", /with its original input/);
    equal(seen.length, 1);
  });
});

describe("bulk_retry", () => {
  it("needs no max and no priorities, and a list of ids", async () => {
    const seen: { taskId: string; priority: unknown }[] = [];
    const run = agentOf(noting(seen), ["bulk_retry"]);
    const filter = { task_ids: ["a", "b"], task_priorities: ["high"] };
    equal((await run("bulk_retry", { filter })).result?.["retried"], 2);
    deepEqual(seen.map(({ priority }) => priority), [null, null]);
    const text = await run("bulk_retry", { filter: { task_ids: "a" } });
    equal(text.error, "filter.task_ids is not a list");
    equal(seen.length, 2);
  });

  it("is as uncertain as what became of the jobs, when none runs again", async () => {
    const answers = new Map<string, ActionOutcome>([
      ["a", { status: "failed", error: "no such job" }],
      ["b", { status: "indeterminate", reason: "the broker is gone" }],
    ]);
    const retry: EngineActions["retry"] = ({ taskId }) =>
      Promise.resolve(answers.get(taskId) ?? done);
    const run = agentOf({ retry }, ["bulk_retry"]);
    const failed = await run("bulk_retry", { filter: { task_ids: ["a"] } });
    deepEqual(failed.result?.["errors"], { a: "no such job" });
    equal(failed.result?.["indeterminate"], 0);
    const open = await run("bulk_retry", { filter: { task_ids: ["b"] } });
    equal(open.error, "no job was retried: the broker is gone");
    equal(open.result?.["indeterminate"], true);
  });
});

describe("dlq.list", () => {
  const page = (more: Partial<DeadLetterPage & { status: "page" }>): EngineActions => ({
    listDeadLetters: (query) =>
      Promise.resolve({
        status: "page",
        entries: [],
        nextCursor: null,
        total: query.limit,
        ...more,
      }),
  });

  it("asks for a hundred unless told otherwise, and passes a refusal on", async () => {
    const run = agentOf(page({}), ["list_dead_letters"]);
    equal((await run("dlq.list", {})).result?.["total"], 100);
    const refusing = agentOf({
      listDeadLetters: () => Promise.resolve({ status: "refused", reason: "no such queue" }),
    }, ["list_dead_letters"]);
    equal((await refusing("dlq.list", {})).error, "no such queue");
  });

  it("leaves open what the engine does not know of a job", async () => {
    const unknown = { failedAtMs: null, attempts: null, error: null as unknown as string };
    const entries = [{ taskId: "q:1", taskName: "n", queue: "q", ...unknown }];
    const { result } = await agentOf(page({ entries }), ["list_dead_letters"])("dlq.list", {});
    const [entry] = result?.["entries"] as JsonObject[];
    deepEqual([entry?.["failed_at"], entry?.["attempts"], entry?.["error_excerpt"]], [
      null,
      null,
      "",
    ]);
  });
});

describe("commands on queues and workers", () => {
  it("take the queue, worker or task of their target", async () => {
    const seen: unknown[] = [];
    const run = agentOf(noting(seen), []);
    await run("pause_queue", {}, undefined, { type: "queue", id: "q" });
    await run("pool_grow", {}, undefined, { type: "worker", id: "w" });
    await run("rate_limit", { rate: "5" }, undefined, { type: "task", id: "t" });
    deepEqual(seen, [["pause", "q"], ["grow", "w", 1], ["rate", "t"]]);
  });

  it("are refused when nothing says what they are about", async () => {
    const seen: unknown[] = [];
    const run = agentOf(noting(seen), []);
    const cases: readonly (readonly [string, JsonObject, RegExp])[] = [
      ["purge_queue", { force: true }, /names no queue/],
      ["pause_queue", {}, /names no queue/],
      ["queue_concurrency", { concurrency: 2 }, /names no queue/],
      ["rate_limit", { rate: "5" }, /names no task/],
      ["pool_grow", {}, /names no worker_name/],
      ["add_consumer", { queue: "q" }, /names no worker_name/],
    ];
    for (const [action, parameters, reason] of cases) {
      // A target of another type is no such thing.
      const { error } = await run(action, parameters, undefined, { type: "schedule" });
      match(error ?? "", reason, action);
    }
    deepEqual(seen, []);
  });
});

describe("reconcile_task", () => {
  it("tells what the engine knows, and unknown where it cannot look", async () => {
    const state: TaskState = {
      state: "failure",
      finishedAtMs: 0,
      exception: "Error: no",
      stalled: false,
    };
    const run = agentOf({ reconcile: () => Promise.resolve(state) }, []);
    deepEqual((await run("reconcile_task", { task_id: "q:1" })).result, {
      task_id: "q:1",
      engine_state: "failure",
      finished_at: "1970-01-01T00:00:00.000Z",
      exception: "Error: no",
      stalled: false,
    });
    const poor = await agentOf({}, [])("reconcile_task", { task_id: "q:1" });
    deepEqual(poor.result, { task_id: "q:1", engine_state: "unknown" });
  });
});

describe("the engine of a command", () => {
  it("is the one that its filter names, for what is about many jobs", async () => {
    const seen: string[] = [];
    const registry = createCommandRegistry();
    const named = (name: string) =>
      engine(name, {
        retry: ({ taskId }) => Promise.resolve(done).finally(() => seen.push(`${name} ${taskId}`)),
        pauseQueue: (queue) => Promise.resolve(done).finally(() => seen.push(`${name} ${queue}`)),
      }, []);
    register(registry, [named("one"), named("two")]);
    const run = async (action: string, parameters: JsonObject, target: JsonObject = {}) =>
      await registry.find(action)?.(received(action, parameters, target), context());
    const filter = { engine: "two", task_ids: ["a"] };
    await run("bulk_retry", { engine: "one", filter }, { engine: "one" });
    // For the others it says something only where nothing else does.
    await run("pause_queue", { queue: "q", filter });
    await run("pause_queue", { queue: "q", engine: "one", filter });
    deepEqual(seen, ["two a", "two q", "one q"]);
    const unclear = await run("bulk_retry", { filter: { engine: "", task_ids: ["a"] } });
    match(JSON.stringify(unclear), /has several/);
    const wrong = await run("pause_queue", { queue: "q", engine: 7, filter: { engine: "" } });
    deepEqual(wrong, { status: "refused", reason: "parameters.engine is not a name" });
    equal(seen.length, 3);
  });

  it("is missing where this agent has none", async () => {
    const registry = createCommandRegistry();
    register(registry, []);
    const outcome = await registry.find("cancel_task")?.(
      received("cancel_task", { task_id: "1" }),
      context(),
    );
    deepEqual(outcome, { status: "refused", reason: "this agent watches no engine" });
  });
});

describe("the code of commands", () => {
  it("is asked for again after it could not be read, and nothing was touched", async () => {
    const seen: unknown[] = [];
    const registry = createCommandRegistry();
    let reads = 0;
    registerEngineCommands(
      registry,
      {
        engines: new Map([["one", engine("one", noting(seen), [])]]),
        clock: systemClock,
        purges: { secret: SECRET, threshold: 10 },
        redactor: createRedactor({}),
      },
      () => reads++ === 0 ? Promise.reject(new Error("no such file")) : loadEngineHandlers(),
    );
    const pause = registry.find("pause_queue");
    const input = received("pause_queue", { queue: "q" });
    deepEqual(await pause?.(input, context()), {
      status: "refused",
      reason: "the code of commands cannot be read: no such file",
    });
    deepEqual(seen, []);
    equal((await pause?.(input, context()))?.status, "done");
    equal((await pause?.(input, context()))?.status, "done");
    equal(reads, 2);
  });
});

describe("wireResult() of foreign outcomes", () => {
  const redactor = createRedactor({});
  const wire = (outcome: unknown) => wireResult(outcome as ActionOutcome, redactor);

  it("answers no facts where the result is no object or too large", () => {
    deepEqual(wire({ status: "done", result: "text" }).result, {});
    deepEqual(wire({ status: "failed", error: "no" }).result, null);
    const many = Object.fromEntries(
      Array.from({ length: 60 }, (_, n) => [`k${n}`, "y".repeat(8000)]),
    );
    const { result } = wire({ status: "done", result: many });
    equal(result?.["truncated"], true);
    ok(Number(result?.["bytes"]) > 60 * 8000);
  });

  it("always says why, in a text of bounded length without half a character", () => {
    equal(wire({ status: "refused", reason: "" }).error, "failed without a message");
    equal(wire({ status: "failed" }).error, "failed without a message");
    const { error } = wire({ status: "failed", error: `a${"😀".repeat(2000)}` });
    equal(error, `a${"😀".repeat(1023)}`);
  });
});
