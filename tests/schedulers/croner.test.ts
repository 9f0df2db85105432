import {
  deepStrictEqual as deepEqual,
  match,
  ok,
  rejects,
  strictEqual as equal,
  throws,
} from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import * as croner from "croner";
import type { ScheduleRun } from "../../src/schedulers/contract.ts";
import {
  type CronerScheduler,
  cronerScheduler,
  type CronerSchedulerOptions,
} from "../../src/schedulers/croner/mod.ts";
import { isZ4jError } from "../../src/base/errors.ts";

const { Cron } = croner;
type Job = InstanceType<typeof Cron>;
const YEARLY = "0 0 1 1 *";
const context = { signal: new AbortController().signal, remainingMs: 1000 };

const open: { stop(): void }[] = [];
afterEach(() => {
  for (const item of open.splice(0)) item.stop();
});

function job(
  name: string,
  fn: () => void | Promise<void>,
  options: object = {},
  pattern = YEARLY,
): Job {
  const made = new Cron(pattern, { name, unref: true, ...options }, fn) as Job;
  open.push(made);
  return made;
}

async function attached(options: CronerSchedulerOptions): Promise<{
  scheduler: CronerScheduler;
  runs: ScheduleRun[];
  notices: string[];
  changes(): number;
}> {
  const runs: ScheduleRun[] = [];
  const notices: string[] = [];
  let changes = 0;
  const scheduler = cronerScheduler(options);
  open.push({ stop: () => scheduler.detach() });
  await scheduler.attach({
    run: (run) => void runs.push(run),
    changed: () => void changes++,
    notice: (_facts, message) => void notices.push(message),
  });
  return { scheduler, runs, notices, changes: () => changes };
}

async function until(condition: () => boolean, waitMs = 4000): Promise<void> {
  const deadline = Date.now() + waitMs;
  while (!condition()) {
    ok(Date.now() < deadline, "the condition was not reached in time");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe("cronerScheduler()", () => {
  it("list() describes cron, one-shot and interval jobs when they are adopted", async () => {
    const date = new Date(Date.now() + 86_400_000);
    const once = new Cron(date, { name: "t-once", unref: true }, () => {});
    open.push(once);
    const cron = job("t-cron", function report() {}, { timezone: "Europe/Berlin" }, "5 0 3 * * *");
    const every = job("t-every", () => {}, { interval: 90, utcOffset: 120 }, "* * * * * *");
    const { scheduler } = await attached({ jobs: [once, cron, every] });
    const [a, b, c] = scheduler.list();
    equal(a?.kind, "clocked");
    equal(a?.expression, date.toISOString());
    deepEqual(
      [b?.kind, b?.expression, b?.timezone, b?.taskName],
      ["cron", "0 3 * * * 5", "Europe/Berlin", "report"],
    );
    equal(b?.nextRunAtMs, cron.nextRun()?.getTime());
    deepEqual([c?.kind, c?.expression, c?.timezone], ["interval", "90", "Etc/GMT-2"]);
    equal(c?.taskName, "t-every");
  });

  it("list() finds named jobs when the module is given, also ones made later", async () => {
    job("t-before", () => {});
    const { scheduler, changes, notices } = await attached({ croner });
    const before = changes();
    job("t-after", () => {});
    equal(changes(), before + 1);
    const unnamed = new Cron(YEARLY, { unref: true }, () => {});
    open.push(unnamed);
    deepEqual(scheduler.list().map((row) => row.key), ["t-before", "t-after"]);
    match(notices.join(), /without a name/);
  });

  it("list() finds the jobs of this process when nothing is given", async () => {
    job("t-found", () => {});
    const { scheduler, notices } = await attached({});
    deepEqual(scheduler.list().map((row) => row.key), ["t-found"]);
    deepEqual(notices, []);
  });

  it("attach() gives a notice and works on when croner cannot be found", async () => {
    const { scheduler, notices } = await attached({
      importModule: () => Promise.reject(new Error("not installed")),
    });
    deepEqual(scheduler.list(), []);
    match(notices.join(), /pass \{ croner \}/);
  });

  it("run() reports a scheduled run when its time comes", async () => {
    const ticking = job("t-tick", () => Promise.resolve(), {}, "* * * * * *");
    const { scheduler, runs } = await attached({ jobs: [ticking] });
    await until(() => runs.some((run) => run.phase === "completed"));
    const [started, completed] = runs;
    equal(started?.manual, false);
    equal(completed?.outcome, "success");
    equal(completed?.runId, started?.runId);
    match(started?.runId ?? "", /^t-tick:\d{13}$/);
    equal(scheduler.list()[0]?.totalRuns, runs.filter((run) => run.phase === "started").length);
  });

  it("run() reports skipped and keeps the user's callback when protect blocks", async () => {
    let release = (): void => {};
    let told = 0;
    const busy = job(
      "t-protect",
      () => new Promise<void>((resolve) => release = resolve),
      { protect: () => void told++ },
      "* * * * * *",
    );
    const { runs } = await attached({ jobs: [busy] });
    await until(() => runs.some((run) => run.outcome === "skipped"));
    release();
    ok(told >= 1);
    equal(runs.filter((run) => run.phase === "started").length, 1);
  });

  it("run() reports a failure and passes it on when the job throws", async () => {
    const caught: unknown[] = [];
    const failure = new RangeError("boom");
    const safe = job("t-catch", () => Promise.reject(failure), {
      catch: (error: unknown) => void caught.push(error),
    });
    const bare = job("t-bare", () => {
      throw failure;
    });
    const { runs } = await attached({ jobs: [safe, bare] });
    await safe.trigger();
    deepEqual(caught, [failure]);
    await rejects(bare.trigger(), failure);
    const failed = runs.filter((run) => run.outcome === "failure");
    deepEqual(failed.map((run) => [run.scheduleKey, run.exception, run.manual]), [
      ["t-catch", "RangeError: boom", true],
      ["t-bare", "RangeError: boom", true],
    ]);
    match(failed[0]?.traceback ?? "", /boom/);
  });

  it("trigger() does not reject unhandled when the job fails", async () => {
    const failing = job("t-fails", () => Promise.reject(new Error("later")));
    const { scheduler, runs } = await attached({ jobs: [failing] });
    const outcome = await scheduler.actions.trigger?.("t-fails", context);
    equal(outcome?.status, "done");
    await until(() => runs.some((run) => run.outcome === "failure"));
    equal(outcome?.status === "done" && outcome.result["run_id"], runs[0]?.runId);
  });

  it("pause(), resume() and stop() tell a change when the host calls them", async () => {
    const own = job("t-host", () => {});
    const { scheduler, changes } = await attached({ jobs: [own] });
    const before = changes();
    own.pause();
    equal(scheduler.list()[0]?.isEnabled, false);
    own.resume();
    own.stop();
    equal(changes(), before + 3);
    deepEqual(scheduler.list(), []);
  });

  it("adopt() takes the successor when a stopped job's name is used again", async () => {
    const first = job("t-again", () => {});
    const { scheduler, runs } = await attached({ jobs: [first] });
    first.stop();
    const second = scheduler.adopt(job("t-again", () => {}));
    await second.trigger();
    equal(scheduler.list().length, 1);
    equal(runs.length, 2);
  });

  it("adopt() throws when a job has no name or its name is taken", () => {
    const unnamed = new Cron(YEARLY, { unref: true }, () => {});
    open.push(unnamed);
    throws(() => cronerScheduler({ jobs: [unnamed] }), TypeError);
    const taken = job("t-taken", () => {});
    const scheduler = cronerScheduler({ jobs: { "t-taken": unnamed } });
    throws(
      () => scheduler.adopt(taken),
      (error) => isZ4jError(error) && error.code === "Z4J_SCHEDULER_INVALID",
    );
  });

  it("attach() wraps a function that is scheduled later", async () => {
    const late = new Cron(YEARLY, { name: "t-late", unref: true });
    open.push(late);
    const { scheduler, runs } = await attached({ jobs: [late] });
    const refused = await scheduler.actions.trigger?.("t-late", context);
    equal(refused?.status, "refused");
    late.schedule(() => {});
    await late.trigger();
    deepEqual(runs.map((run) => run.outcome), [undefined, "success"]);
  });

  it("detach() restores the job and the class when it is called", async () => {
    const fn = (): void => {};
    const own = job("t-restore", fn, { protect: true });
    const { schedule } = Cron.prototype;
    const { scheduler } = await attached({ croner });
    ok(Object.hasOwn(own, "trigger"));
    ok(Cron.prototype.schedule !== schedule);
    scheduler.detach();
    deepEqual(["trigger", "pause", "schedule"].filter((name) => Object.hasOwn(own, name)), []);
    equal(Reflect.get(own, "fn"), fn);
    equal(own.options.protect, true);
    equal(Cron.prototype.schedule, schedule);
  });
});
