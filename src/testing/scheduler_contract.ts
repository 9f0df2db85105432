import { systemClock } from "../base/clock.ts";
import { errorText } from "../base/errors.ts";
import type { MaybePromise } from "../base/maybe_promise.ts";
import type { ActionContext, ActionOutcome } from "../engines/contract.ts";
import type {
  ScheduleDefinition,
  Scheduler,
  SchedulerSink,
  ScheduleRun,
} from "../schedulers/contract.ts";

/** The two functions of a test runner that the suite needs. */
export interface SchedulerTestRunner {
  /** Groups tests. */
  describe(title: string, body: () => void): unknown;
  /** Declares a test. */
  it(title: string, body: () => Promise<void>): unknown;
}

/** A scheduler under test with one enabled schedule that does not fire soon. */
export interface SchedulerFixture {
  /** The scheduler, not attached. */
  readonly scheduler: Scheduler;
  /** Key of the enabled schedule; its job must succeed. */
  readonly key: string;
  /** How often the job of `key` ran so far. */
  runs(): number;
  /** Releases everything. */
  close(): MaybePromise<void>;
}

/** What the sink of the suite saw. */
interface Seen {
  readonly runs: ScheduleRun[];
  changes: number;
  readonly sink: SchedulerSink;
}

const CLAIMS = [
  ["create", "create"],
  ["update", "update"],
  ["delete", "delete"],
  ["enable", "enable"],
  ["disable", "disable"],
  ["trigger_now", "trigger"],
] as const;

const WAIT_MS = 5000;
const POLL_MS = 10;

/**
 * Declares the tests that every scheduler must pass. Tests of actions are
 * declared as well for schedulers without them, and then check that nothing is
 * claimed.
 *
 * @param runner `describe` and `it` of any runner.
 * @param title Name of the scheduler in test titles.
 * @param open Creates a fresh fixture for each test.
 *
 * @example Run the suite with node:test
 * ```ts
 * import { describe, it } from "node:test";
 * import { type SchedulerFixture, testScheduler } from "@z4j/core/testing";
 *
 * export function check(openFixture: () => SchedulerFixture): void {
 *   testScheduler({ describe, it }, "mine", openFixture);
 * }
 * ```
 */
export function testScheduler(
  runner: SchedulerTestRunner,
  title: string,
  open: () => MaybePromise<SchedulerFixture>,
): void {
  const test = (name: string, body: (fixture: SchedulerFixture, seen: Seen) => Promise<void>) =>
    runner.it(name, async () => {
      const fixture = await open();
      const seen = watch();
      try {
        await body(fixture, seen);
      } finally {
        await fixture.scheduler.detach();
        await fixture.close();
      }
    });
  runner.describe(`${title} keeps the scheduler contract`, () => {
    test("name and capabilities match the actions", claims);
    test("list() answers unique keys and complete rows when attached", listing);
    test("list() gives the same keys when it is called again", stableKeys);
    test("disable() and enable() show in list() and may be repeated", switching);
    test("create(), update() and delete() show in list()", writing);
    test("trigger() runs once and reports both phases as manual", triggering);
    test("actions refuse an unknown key without a run", unknownKey);
    test("detach() ends reporting and may be repeated", detaching);
  });
}

async function claims({ scheduler }: SchedulerFixture): Promise<void> {
  check(/^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$/.test(scheduler.name), "the name is malformed");
  check(scheduler.name !== "z4j-scheduler", "the name is reserved");
  check(scheduler.capabilities.includes("list"), "capability list is missing");
  for (const [token, action] of CLAIMS) {
    const claimed = scheduler.capabilities.includes(token);
    const able = typeof scheduler.actions[action] === "function";
    check(claimed === able, `capability ${token} and action ${action} do not match`);
  }
  await Promise.resolve();
}

async function listing({ scheduler, key }: SchedulerFixture, seen: Seen): Promise<void> {
  await scheduler.attach(seen.sink);
  const rows = await scheduler.list();
  check(new Set(rows.map((row) => row.key)).size === rows.length, "two rows have one key");
  const row = rows.find((candidate) => candidate.key === key);
  check(row !== undefined, `list() lacks "${key}"`);
  check(row?.isEnabled === true, `"${key}" is not enabled`);
  for (const { name, taskName, expression } of rows) {
    check(name !== "" && taskName !== "" && expression !== "", "a row has empty members");
  }
}

async function stableKeys({ scheduler }: SchedulerFixture, seen: Seen): Promise<void> {
  await scheduler.attach(seen.sink);
  const first = (await scheduler.list()).map((row) => row.key);
  const second = (await scheduler.list()).map((row) => row.key);
  check(first.join() === second.join(), "the keys changed between two lists");
}

async function switching({ scheduler, key }: SchedulerFixture, seen: Seen): Promise<void> {
  await scheduler.attach(seen.sink);
  const { enable, disable } = scheduler.actions;
  if (enable === undefined || disable === undefined) {
    return check(!scheduler.capabilities.includes("enable"), "enable is claimed");
  }
  for (const [action, wanted] of [[disable, false], [disable, false], [enable, true]] as const) {
    expectEffect(await action.call(scheduler.actions, key, context()));
    const row = (await scheduler.list()).find((candidate) => candidate.key === key);
    check(row?.isEnabled === wanted, `isEnabled is ${row?.isEnabled}, expected ${wanted}`);
  }
  check(seen.changes > 0, "no change was told");
}

async function writing({ scheduler, key }: SchedulerFixture, seen: Seen): Promise<void> {
  await scheduler.attach(seen.sink);
  const { create, update, delete: remove } = scheduler.actions;
  if (create === undefined || update === undefined || remove === undefined) {
    return check(!scheduler.capabilities.includes("create"), "create is claimed");
  }
  const rowOf = async (wanted: unknown) =>
    (await scheduler.list()).find((candidate) => candidate.key === wanted);
  const { queue = null, taskName } = await rowOf(key) ?? { taskName: "" };
  const definition: ScheduleDefinition = {
    name: "contract-made",
    taskName,
    kind: "cron",
    expression: "0 4 1 1 *",
    timezone: "UTC",
    queue,
    args: [],
    kwargs: { made: true },
    isEnabled: true,
  };
  const made = await create.call(scheduler.actions, definition, context());
  check(made.status === "done", `create ended as ${JSON.stringify(made)}`);
  const madeKey = made.status === "done" ? made.result["key"] : undefined;
  const row = await rowOf(madeKey);
  check(row?.expression === definition.expression, "the new schedule has another expression");
  check(row?.kwargs?.["made"] === true && row.isEnabled, "the new schedule has other members");
  const again = await create.call(scheduler.actions, definition, context());
  check(again.status === "refused", `a second create ended as ${again.status}`);
  const wanted = { expression: "30 5 1 1 *", kwargs: { made: false } };
  expectEffect(await update.call(scheduler.actions, String(madeKey), wanted, context()));
  const changed = await rowOf(madeKey);
  check(changed?.expression === wanted.expression, "update() did not change the expression");
  check(changed?.kwargs?.["made"] === false, "update() did not change the inputs");
  check(changed?.taskName === taskName, "update() changed what it was not told");
  expectEffect(await remove.call(scheduler.actions, String(madeKey), context()));
  check(await rowOf(madeKey) === undefined, "delete() left the schedule");
}

async function triggering(fixture: SchedulerFixture, seen: Seen): Promise<void> {
  const { scheduler, key } = fixture;
  await scheduler.attach(seen.sink);
  const { trigger } = scheduler.actions;
  if (trigger === undefined) {
    return check(!scheduler.capabilities.includes("trigger_now"), "trigger_now is claimed");
  }
  const before = fixture.runs();
  expectEffect(await trigger.call(scheduler.actions, key, context()));
  await until(() => seen.runs.some((run) => run.phase === "completed"), "the run did not end");
  check(fixture.runs() === before + 1, `the job ran ${fixture.runs() - before} times`);
  check(seen.runs.map((run) => run.phase).join() === "started,completed", "phases are wrong");
  const [started, completed] = seen.runs;
  check(started?.runId === completed?.runId, "the phases have different run ids");
  check(completed?.outcome === "success", `the outcome is ${completed?.outcome}`);
  check(started?.manual === true && completed?.manual === true, "the run is not manual");
  check(started?.scheduleKey === key, "the run names another schedule");
}

async function unknownKey(fixture: SchedulerFixture, seen: Seen): Promise<void> {
  const { scheduler } = fixture;
  await scheduler.attach(seen.sink);
  const before = fixture.runs();
  const { update, delete: remove, enable, disable, trigger } = scheduler.actions;
  const key = "no-such-schedule";
  const outcomes: readonly (ActionOutcome | undefined)[] = [
    await update?.call(scheduler.actions, key, { taskName: "other" }, context()),
    await remove?.call(scheduler.actions, key, context()),
    await enable?.call(scheduler.actions, key, context()),
    await disable?.call(scheduler.actions, key, context()),
    await trigger?.call(scheduler.actions, key, context()),
  ];
  for (const outcome of outcomes) {
    if (outcome === undefined) continue;
    check(outcome.status === "refused", `an unknown key ends as ${outcome.status}`);
  }
  check(fixture.runs() === before && seen.runs.length === 0, "something ran");
}

async function detaching(fixture: SchedulerFixture, seen: Seen): Promise<void> {
  const { scheduler, key } = fixture;
  await scheduler.attach(seen.sink);
  await scheduler.detach();
  await scheduler.detach();
  const told = seen.changes;
  try {
    await scheduler.actions.trigger?.(key, context());
  } catch {
    // A detached scheduler may refuse in any way; it must only stay silent.
  }
  check(seen.runs.length === 0 && seen.changes === told, "something was reported after detach()");
}

function expectEffect(outcome: ActionOutcome): void {
  check(
    outcome.status === "done" || outcome.status === "noop",
    `the action ended as ${JSON.stringify(outcome)}`,
  );
}

function watch(): Seen {
  const runs: ScheduleRun[] = [];
  const seen: Seen = {
    runs,
    changes: 0,
    sink: {
      run: (run) => void runs.push(run),
      changed: () => void seen.changes++,
      notice() {},
    },
  };
  return seen;
}

function context(): ActionContext {
  return { signal: new AbortController().signal, remainingMs: WAIT_MS };
}

async function until(condition: () => boolean, problem: string): Promise<void> {
  const deadline = systemClock.monotonic() + WAIT_MS;
  while (!condition()) {
    if (systemClock.monotonic() > deadline) throw new Error(errorText(problem));
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function check(condition: boolean, problem: string): void {
  if (!condition) throw new Error(problem);
}
