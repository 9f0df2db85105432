import {
  deepStrictEqual as deepEqual,
  ok,
  rejects,
  strictEqual as equal,
  throws,
} from "node:assert/strict";
import { describe, it } from "node:test";
import type { Clock } from "../../src/base/clock.ts";
import type { EngineEvent, SubmitInput, TaskEvent } from "../../src/engines/contract.ts";
import { manualEngine } from "../../src/engines/manual/mod.ts";
import { createRuns } from "../../src/engines/manual/runs.ts";
import { until } from "../_support/wait.ts";

const INPUT: SubmitInput = {
  name: "double",
  args: [4],
  kwargs: {},
  queue: null,
  etaMs: null,
  priority: null,
  idempotencyKey: null,
};
const CONTEXT = { signal: AbortSignal.timeout(60_000), remainingMs: 60_000 };

function watch(engine: { attach(sink: never): unknown }): EngineEvent[] {
  const events: EngineEvent[] = [];
  const sink = { event: (event: EngineEvent) => void events.push(event), lost() {}, notice() {} };
  engine.attach(sink as never);
  return events;
}

describe("manualEngine()", () => {
  it("runs functions without an agent, with their results and errors", async () => {
    const engine = manualEngine();
    const broken = new RangeError("no");
    const double = engine.task("double", (n: number) => n * 2);
    const fail = engine.task("fail", () => Promise.reject(broken));
    equal(await double(4), 8);
    await rejects(fail(), (error) => error === broken);
  });

  it("limits how many runs are at work", async () => {
    const engine = manualEngine({ concurrency: 2 });
    let running = 0;
    let most = 0;
    const work = engine.task("work", async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running--;
    });
    await Promise.all([1, 2, 3, 4, 5].map(() => work()));
    equal(most, 2);
    equal(running, 0);
  });

  it("throws the last error when all attempts fail", async () => {
    const engine = manualEngine();
    const events = watch(engine);
    let calls = 0;
    const fail = engine.task("fail", () => {
      throw new Error(`attempt ${++calls}`);
    }, { retries: 2 });
    await rejects(fail(), /attempt 3/);
    deepEqual(
      events.filter((event): event is TaskEvent => "taskId" in event).map(({ kind }) => kind),
      [
        ...["task.sent", "task.received", "task.started", "task.retried", "task.started"],
        ...["task.retried", "task.started", "task.failed"],
      ],
    );
  });

  it("passes named inputs as one object after the positional ones", async () => {
    const engine = manualEngine();
    const seen: unknown[][] = [];
    engine.task("double", (...inputs: unknown[]) => void seen.push(inputs));
    await engine.actions.submit?.({ ...INPUT, kwargs: { a: 1 } }, CONTEXT);
    await until("the run", () => seen.length === 1);
    deepEqual(seen, [[4, { a: 1 }]]);
  });

  it("waits for the time of a submitted run and takes it back at the end", async () => {
    const timers: { callback: () => void; delayMs: number; gone: boolean }[] = [];
    const clock: Clock = {
      now: () => 1_000_000,
      monotonic: () => 0,
      setTimer(callback, delayMs) {
        const timer = { callback, delayMs, gone: false };
        timers.push(timer);
        return () => void (timer.gone = true);
      },
    };
    const engine = manualEngine({ clock });
    let calls = 0;
    engine.task("double", () => calls++);
    const events = watch(engine);
    for (const etaMs of [1_000_500, 1_000_900]) {
      equal((await engine.actions.submit?.({ ...INPUT, etaMs }, CONTEXT))?.status, "done");
    }
    deepEqual(timers.map(({ delayMs }) => delayMs), [500, 900]);
    timers[0]?.callback();
    await until("the run", () => calls === 1);
    await engine.detach();
    ok(timers[1]?.gone, "the timer is cancelled");
    equal(events.filter(({ kind }) => kind === "task.revoked").length, 1);
  });

  it("refuses unknown tasks, queues and more than it can hold", async () => {
    const engine = manualEngine();
    engine.task("double", (n: number) => n * 2);
    const status = async (input: Partial<SubmitInput>): Promise<string | undefined> =>
      (await engine.actions.submit?.({ ...INPUT, ...input }, CONTEXT))?.status;
    equal(await status({ name: "nobody" }), "refused");
    equal(await status({ queue: "mail" }), "refused");
    equal(await status({ etaMs: Number.MAX_SAFE_INTEGER }), "refused");
    for (let i = 0; i < 1000; i++) equal(await status({ etaMs: Date.now() + 60_000 }), "done");
    equal(await status({}), "refused");
    await engine.detach();
  });

  it("rejects wrong registrations", () => {
    const engine = manualEngine();
    engine.task("a", () => 1);
    throws(() => engine.task("a", () => 1), TypeError);
    throws(() => engine.task("", () => 1), TypeError);
    throws(() => engine.task("b", () => 1, { retries: -1 }), RangeError);
    throws(() => engine.task("b", () => 1, { backoffMs: Infinity }), RangeError);
    throws(() => manualEngine({ concurrency: 0 }), RangeError);
    throws(() => manualEngine({ name: "a.b" }), /Cannot use the engine "a.b"/);
  });
});

describe("createRuns()", () => {
  it("forgets finished runs beyond its limit, never open ones", () => {
    const runs = createRuns(1);
    runs.set("open", { state: "started" });
    runs.set("old", { state: "success" });
    runs.set("new", { state: "failure" });
    deepEqual(["open", "old", "new"].map((id) => runs.get(id).state), [
      "started",
      "unknown",
      "failure",
    ]);
    deepEqual(runs.active(), ["open"]);
  });
});
