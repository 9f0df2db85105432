import { deepEqual, equal, ok } from "node:assert/strict";
import type {
  ActionContext,
  ActionOutcome,
  Engine,
  EngineEvent,
  EngineSink,
  SubmitInput,
  TaskEvent,
} from "../engines/contract.ts";

/** What the suite needs of a test runner. */
export interface EngineTestRunner {
  /** Groups tests. */
  describe(title: string, body: () => void): void;
  /** Declares one test. */
  it(title: string, body: () => Promise<void>): void;
}

/** What a job of the suite does. */
export type EngineTestJob = "ok" | "fail" | "flaky";

/**
 * A real engine with its peers under test. Its jobs are named `ok` (gives
 * `{ echo: <input> }`), `fail` (throws `RangeError("broken")`, one attempt) and
 * `flaky` (fails at its first of two attempts).
 */
export interface EngineTestBed {
  /** The engine, not attached yet. */
  readonly engine: Engine;
  /** Queue for submitted jobs, if the engine has queues. */
  readonly queue: string | null;
  /** Starts a job as a user of the library would; resolves once it is started or queued. */
  run(job: EngineTestJob, input: Readonly<Record<string, string>>): Promise<void>;
  /** Functions of the user's objects that the engine may wrap while attached. */
  surface(): readonly unknown[];
  /** Closes everything. */
  close(): Promise<void>;
}

/** The longest wait for something that must happen. */
const DEADLINE_MS = 10_000;

/**
 * Declares the tests that every engine must pass.
 *
 * @example Test an own engine
 * ```ts
 * import { describe, it } from "node:test";
 * import { type EngineTestBed, testEngine } from "@z4j/core/testing";
 *
 * export function check(openTestBed: () => Promise<EngineTestBed>): void {
 *   testEngine("homegrown", openTestBed, { describe, it });
 * }
 * ```
 */
export function testEngine(
  name: string,
  factory: () => Promise<EngineTestBed>,
  runner: EngineTestRunner,
): void {
  const test = (title: string, body: (bed: EngineTestBed) => Promise<void>): void =>
    runner.it(title, async () => {
      const bed = await factory();
      try {
        await body(bed);
      } finally {
        await bed.engine.detach();
        await bed.close();
      }
    });
  runner.describe(`engine contract: ${name}`, () => {
    test("reports received, started, succeeded with inputs and result", reportsSuccess);
    test("reports a failure with class, message and stack", reportsFailure);
    test("reports retried between attempts and no failed", reportsRetry);
    test("submit() starts a job that reconcile() finds", submits);
    test("submit() with the same key runs once", submitsOnce);
    test("reconcile() does not know a foreign id", reconcilesUnknown);
    test("retry() and requeueDeadLetter() run the job that failed again", retries);
    test("commands on what is not there change nothing and say why", refusesUnknown);
    test("purge() removes nothing without consent", purgesWithConsent);
    test("health() names the worker and is quick", answersHealth);
    test("detach() ends reporting and gives functions back", detaches);
    test("a sink that throws does no harm to jobs", survivesSink);
    test("attach() again after detach() reports again", attachesAgain);
  });
}

async function reportsSuccess(bed: EngineTestBed): Promise<void> {
  const before = Date.now();
  const seen = await attach(bed);
  await bed.run("ok", { a: "1" });
  const done = await seen.wait((event) => event.kind === "task.succeeded");
  const story = seen.story(done.taskId);
  deepEqual(
    unique(story.map(({ kind }) => kind)).filter((kind) => kind !== "task.sent"),
    ["task.received", "task.started", "task.succeeded"],
  );
  const received = story.find(({ kind }) => kind === "task.received");
  ok(JSON.stringify([received?.data.args, received?.data.kwargs]).includes('"a":"1"'));
  deepEqual(done.data.result, { echo: { a: "1" } });
  ok((done.data.runtimeMs ?? -1) >= 0, "the run time is known");
  for (const event of story) {
    equal(event.data.taskName, "ok");
    ok(event.occurredAtMs >= before && event.occurredAtMs <= Date.now(), "the time is sane");
  }
  const times = story.map(({ occurredAtMs }) => occurredAtMs);
  deepEqual(times, times.toSorted((a, b) => a - b), "in order of time");
}

async function reportsFailure(bed: EngineTestBed): Promise<void> {
  const seen = await attach(bed);
  await bed.run("fail", { a: "2" });
  const done = await seen.wait(({ kind }) => kind === "task.failed");
  equal(done.data.exception, "RangeError: broken");
  ok(done.data.traceback?.includes("broken"), "the stack is there");
  equal(done.data.attempt, 1);
  equal(seen.story(done.taskId).some(({ kind }) => kind === "task.retried"), false);
  const state = await bed.engine.actions.reconcile?.(done.taskId, context());
  equal(state?.state, "failure");
}

async function reportsRetry(bed: EngineTestBed): Promise<void> {
  const seen = await attach(bed);
  await bed.run("flaky", { a: "3" });
  const done = await seen.wait(({ kind }) => kind === "task.succeeded");
  const story = seen.story(done.taskId);
  const retried = story.filter(({ kind }) => kind === "task.retried");
  deepEqual(retried.map(({ data }) => data.retryCount), [1]);
  equal(story.some(({ kind }) => kind === "task.failed"), false);
  const started = story.filter(({ kind }) => kind === "task.started");
  deepEqual(started.map(({ data }) => data.attempt), [1, 2]);
  deepEqual(unique(started.map(({ data }) => data.maxAttempts)), [2]);
}

async function submits(bed: EngineTestBed): Promise<void> {
  const seen = await attach(bed);
  const outcome = await bed.engine.actions.submit?.(input(bed, null), context());
  equal(outcome?.status, "done", JSON.stringify(outcome));
  const taskId = resultId(outcome);
  const done = await seen.wait((event) =>
    event.taskId === taskId && event.kind === "task.succeeded"
  );
  deepEqual(done.data.result, { echo: { from: "brain" } });
  const state = await bed.engine.actions.reconcile?.(taskId, context());
  equal(state?.state, "success");
  ok(Math.abs((state?.finishedAtMs ?? 0) - Date.now()) < 60_000);
}

async function submitsOnce(bed: EngineTestBed): Promise<void> {
  const seen = await attach(bed);
  const key = `fire:${Math.floor(performance.now() * 1000)}/1`;
  const first = await bed.engine.actions.submit?.(input(bed, key), context());
  const second = await bed.engine.actions.submit?.(input(bed, key), context());
  equal(first?.status, "done");
  equal(second?.status, "noop");
  equal(resultId(first), resultId(second));
  await seen.wait(({ kind }) => kind === "task.succeeded");
  equal(seen.tasks().filter(({ kind }) => kind === "task.started").length, 1);
}

async function reconcilesUnknown(bed: EngineTestBed): Promise<void> {
  await attach(bed);
  for (const id of ["nobody", "nobody:1", `${bed.queue ?? "x"}:nothing`, ""]) {
    const state = await bed.engine.actions.reconcile?.(id, context());
    equal(state?.state, "unknown", id);
  }
}

async function retries(bed: EngineTestBed): Promise<void> {
  const { actions } = bed.engine;
  const seen = await attach(bed);
  await bed.run("fail", { a: "7" });
  const { taskId } = await seen.wait(({ kind }) => kind === "task.failed");
  const failures = (): number =>
    seen.story(taskId).filter(({ kind }) => kind === "task.failed").length;
  if (actions.listDeadLetters !== undefined) {
    const query = { queue: bed.queue, limit: 10, cursor: null };
    const page = await actions.listDeadLetters(query, context());
    ok(page.status === "page", JSON.stringify(page));
    equal(page.entries.find((entry) => entry.taskId === taskId)?.taskName, "fail");
    ok((page.nextCursor ?? "").length <= 200);
    const wrong = await actions.listDeadLetters(
      { ...query, cursor: "\u0000 no cursor" },
      context(),
    );
    ok(wrong.status !== "page" && JSON.stringify(wrong).includes("invalid dead-letter cursor"));
  }
  const retry = { taskId, overrides: null, etaMs: null, priority: null };
  const again = [
    () => actions.retry?.(retry, context()),
    () => actions.requeueDeadLetter?.(taskId, context()),
  ];
  for (const act of again) {
    const before = failures();
    const outcome = await act();
    if (outcome === undefined) continue;
    equal(outcome.status, "done", JSON.stringify(outcome));
    await seen.wait(() => failures() > before);
  }
}

async function refusesUnknown(bed: EngineTestBed): Promise<void> {
  const { actions } = bed.engine;
  const seen = await attach(bed);
  const queue = bed.queue ?? "x";
  const worker = "nobody";
  for (const taskId of ["nobody", "nobody:1", `${queue}:nothing`, ""]) {
    const retry = { taskId, overrides: null, etaMs: null, priority: null };
    await expectUntouched(actions.retry?.(retry, context()));
    await expectUntouched(actions.cancel?.(taskId, context()));
    await expectUntouched(actions.requeueDeadLetter?.(taskId, context()));
  }
  await expectUntouched(actions.poolGrow?.({ worker, delta: 1 }, context()));
  await expectUntouched(actions.poolShrink?.({ worker, delta: 1 }, context()));
  await expectUntouched(actions.addConsumer?.({ worker, queue }, context()));
  await expectUntouched(actions.cancelConsumer?.({ worker, queue }, context()));
  await expectUntouched(actions.restartWorker?.(worker, context()));
  await expectUntouched(actions.pauseQueue?.("nobody", context()));
  await expectUntouched(actions.limitConcurrency?.("nobody", 1, context()));
  deepEqual(seen.tasks(), []);
}

async function expectUntouched(outcome: Promise<ActionOutcome> | undefined): Promise<void> {
  const answer = await outcome;
  if (answer === undefined) return;
  ok(answer.status === "refused" || answer.status === "noop", JSON.stringify(answer));
  ok(answer.reason.length > 0, "the reason is told");
}

async function purgesWithConsent(bed: EngineTestBed): Promise<void> {
  const { actions } = bed.engine;
  if (actions.purge === undefined || bed.queue === null) return;
  await attach(bed);
  const depths: number[] = [];
  const outcome = await actions.purge({
    queue: bed.queue,
    force: false,
    confirm(depth) {
      depths.push(depth);
      return Promise.resolve({ ok: false, reason: "not now" });
    },
  }, context());
  deepEqual(outcome, { status: "refused", reason: "not now" });
  deepEqual(depths, [0]);
}

async function answersHealth(bed: EngineTestBed): Promise<void> {
  const seen = await attach(bed);
  const health = await bed.engine.health?.();
  const names = health?.workers?.map((worker) => worker.name) ?? [];
  equal(names.length, 1);
  ok(names.every((name) => /^[\w.:-]{1,200}$/.test(name)), `names survive redaction: ${names}`);
  deepEqual(unique(seen.workers()), names);
  if (bed.queue !== null) equal(health?.queueDepths?.[bed.queue], 0);
}

async function detaches(bed: EngineTestBed): Promise<void> {
  const before = bed.surface();
  const seen = await attach(bed);
  await bed.engine.detach();
  await bed.engine.detach();
  deepEqual(bed.surface().map((fn, i) => fn === before[i]), before.map(() => true));
  const count = seen.tasks().length;
  await bed.run("ok", { a: "4" });
  const again = await attach(bed);
  await bed.run("ok", { a: "5" });
  await again.wait(({ kind }) => kind === "task.succeeded");
  equal(seen.tasks().length, count);
}

async function survivesSink(bed: EngineTestBed): Promise<void> {
  const fail = (): never => {
    throw new Error("broken sink");
  };
  await bed.engine.attach({ event: fail, lost: fail, notice: fail });
  const outcome = await bed.engine.actions.submit?.(input(bed, null), context());
  equal(outcome?.status, "done");
  const taskId = resultId(outcome);
  const end = Date.now() + DEADLINE_MS;
  for (;;) {
    const state = await bed.engine.actions.reconcile?.(taskId, context());
    if (state?.state === "success") return;
    ok(Date.now() < end, `the job did not succeed: ${state?.state}`);
    await pause();
  }
}

async function attachesAgain(bed: EngineTestBed): Promise<void> {
  await attach(bed);
  await bed.engine.detach();
  const seen = await attach(bed);
  await bed.run("ok", { a: "6" });
  const done = await seen.wait(({ kind }) => kind === "task.succeeded");
  equal(seen.story(done.taskId).filter(({ kind }) => kind === "task.received").length, 1);
}

interface Seen {
  tasks(): readonly TaskEvent[];
  story(taskId: string): readonly TaskEvent[];
  workers(): readonly string[];
  wait(match: (event: TaskEvent) => boolean): Promise<TaskEvent>;
}

async function attach(bed: EngineTestBed): Promise<Seen> {
  const events: EngineEvent[] = [];
  const lost: string[] = [];
  const sink: EngineSink = {
    event: (event) => void events.push(event),
    lost: (_count, reason) => void lost.push(reason),
    notice: (_facts, message) => void lost.push(message),
  };
  await bed.engine.attach(sink);
  const tasks = (): readonly TaskEvent[] =>
    events.filter((event): event is TaskEvent => "taskId" in event);
  return {
    tasks,
    story: (taskId) => tasks().filter((event) => event.taskId === taskId),
    workers: () => events.flatMap((event) => "worker" in event ? [event.worker] : []),
    async wait(match) {
      const end = Date.now() + DEADLINE_MS;
      for (;;) {
        const found = tasks().find(match);
        if (found !== undefined) return found;
        const kinds = tasks().map(({ kind }) => kind).join(" ");
        ok(Date.now() < end, `the event did not come; seen: ${kinds}; lost: ${lost.join("; ")}`);
        await pause();
      }
    },
  };
}

function input(bed: EngineTestBed, idempotencyKey: string | null): SubmitInput {
  return {
    name: "ok",
    args: [],
    kwargs: { from: "brain" },
    queue: bed.queue,
    etaMs: null,
    priority: null,
    idempotencyKey,
  };
}

function context(): ActionContext {
  return { signal: AbortSignal.timeout(DEADLINE_MS), remainingMs: DEADLINE_MS };
}

function resultId(outcome: unknown): string {
  const id = (outcome as { result?: { task_id?: unknown } } | undefined)?.result?.task_id;
  ok(typeof id === "string", "the result names the task");
  return id;
}

function unique<T>(values: readonly T[]): readonly T[] {
  return [...new Set(values)];
}

function pause(): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, 15));
}
