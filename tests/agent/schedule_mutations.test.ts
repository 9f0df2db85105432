/** What brains may ask schedules to become, and what schedulers may answer (protocol section 20). */
import { deepStrictEqual as deepEqual, match, ok, strictEqual as equal } from "node:assert/strict";
import { describe, it } from "node:test";
import type { JsonObject } from "../../src/base/json.ts";
import type { ActionOutcome } from "../../src/engines/contract.ts";
import type { Schedule, SchedulerActions } from "../../src/schedulers/contract.ts";
import {
  activation,
  context,
  controlParameters,
  mutation,
  resultOf,
  schedule,
  type Setup,
  setup,
} from "../_support/schedule_stream_rig.ts";

const done = (result: JsonObject = {}): Promise<ActionOutcome> =>
  Promise.resolve({ status: "done", result });

/** A scheduler whose schedules an operator may make, change and remove. */
function editable(list: Schedule[], seen: unknown[]): SchedulerActions {
  const change = (key: string, more: Partial<Schedule>): void => {
    const at = list.findIndex((row) => row.key === key);
    const row = list[at];
    if (row !== undefined) list[at] = { ...row, ...more };
  };
  return {
    create(definition) {
      seen.push(definition);
      list.push({ ...definition, key: `made-${definition.name}` });
      return done({ key: `made-${definition.name}` });
    },
    update(key, more) {
      seen.push([key, more]);
      change(key, more as Partial<Schedule>);
      return done();
    },
    delete(key) {
      seen.push(`delete ${key}`);
      list.splice(list.findIndex((row) => row.key === key), 1);
      return done();
    },
    enable(key) {
      seen.push(`enable ${key}`);
      change(key, { isEnabled: true });
      return done();
    },
  };
}

async function active(list: Schedule[], actions?: SchedulerActions): Promise<Setup> {
  const all = setup(list, actions);
  await resultOf(all.stream.activate(activation(1), context));
  return all;
}

async function edited(first: Partial<Schedule> = {}): Promise<Setup & { seen: unknown[] }> {
  const [list, seen] = [[schedule("a", first)], [] as unknown[]];
  return { ...await active(list, editable(list, seen)), seen };
}

/** Fails unless it was refused; answers the reason. */
async function refused(all: Setup, more: JsonObject, uncertain = false): Promise<string> {
  const outcome = await all.stream.mutate(mutation(all, more), context);
  ok(outcome.status === "failed", JSON.stringify(more));
  equal(outcome.indeterminate, uncertain, outcome.error);
  return outcome.error;
}

describe("mutate() of a scheduler whose schedules can be edited", () => {
  it("creates with what was left out at its default, and answers the new row", async () => {
    const all = await edited();
    const definition = { name: " nightly ", task_name: "report", expression: "60" };
    const parameters = mutation(all, { operation: "create", schedule_id: null, definition });
    const result = await resultOf(all.stream.mutate(parameters, context));
    deepEqual(all.seen, [{
      name: "nightly",
      taskName: "report",
      kind: "interval",
      expression: "60",
      timezone: "UTC",
      queue: null,
      args: [],
      kwargs: {},
      isEnabled: true,
    }]);
    equal(result["source_key"], "made-nightly");
    equal((result["observed_configuration"] as JsonObject)["name"], "nightly");
    deepEqual(all.brain.published.at(-1)?.rows.map(({ name }) => name), ["a", "nightly"]);
  });

  it("creates with everything that was given", async () => {
    const all = await edited();
    const definition = {
      name: "n",
      task_name: "t",
      kind: "cron",
      expression: "0 3 * * *",
      timezone: "Europe/Berlin",
      queue: "mail",
      args: [1],
      kwargs: { to: "you" },
      is_enabled: false,
    };
    await resultOf(
      all.stream.mutate(mutation(all, { operation: "create", definition }), context),
    );
    const { task_name, is_enabled, ...rest } = definition;
    deepEqual(all.seen, [{ ...rest, taskName: task_name, isEnabled: is_enabled }]);
  });

  it("creates nothing of a definition that lacks something or holds the wrong thing", async () => {
    const all = await edited();
    const good = { name: "n", task_name: "t", expression: "60" };
    const cases: readonly (readonly [JsonObject | string, RegExp])[] = [
      ["text", /definition is missing/],
      [{ name: "n", task_name: "t" }, /needs name, task_name and expression/],
      [{ name: "n", expression: "60" }, /needs name, task_name and expression/],
      [{ task_name: "t", expression: "60" }, /needs name, task_name and expression/],
      [{ ...good, name: "  " }, /name is not a text/],
      [{ ...good, timezone: 1 }, /timezone is not a text/],
      [{ ...good, queue: false }, /queue is not a text/],
      [{ ...good, kind: "weekly" }, /kind must be one of cron, interval/],
      [{ ...good, args: {} }, /args is not an array/],
      [{ ...good, kwargs: [] }, /kwargs is not an object/],
      [{ ...good, is_enabled: "yes" }, /is_enabled is not a boolean/],
      [{ ...good, toString: "x" }, /toString is no member/],
      [{ ...good, kwargs: { password: "[REDACTED]" } }, /give the real values/],
      [{ ...good, args: ["[REDACTED]"] }, /give the real values/],
    ];
    for (const [definition, reason] of cases) {
      match(await refused(all, { operation: "create", definition }), reason);
    }
    deepEqual(all.seen, []);
  });

  it("updates what differs alone, and touches nothing when all is as wanted", async () => {
    const all = await edited({ args: [1], queue: "mail" });
    const same = { name: "a", task_name: "job", queue: "mail", args: [1] };
    await resultOf(
      all.stream.mutate(mutation(all, { operation: "update", definition: same }), context),
    );
    deepEqual(all.seen, []);
    const definition = { ...same, queue: null, expression: "0 4 * * *", is_enabled: false };
    const parameters = mutation(all, { operation: "update", operation_id: "two", definition });
    const result = await resultOf(all.stream.mutate(parameters, context));
    deepEqual(all.seen, [["a", { queue: null, expression: "0 4 * * *", isEnabled: false }]]);
    const observed = result["observed_configuration"] as JsonObject;
    deepEqual([observed["expression"], observed["is_enabled"]], ["0 4 * * *", false]);
    match(await refused(all, { operation: "update", operation_id: "3", definition: null }), /miss/);
    const unknown = { operation: "update", operation_id: "4", definition: { colour: "red" } };
    match(await refused(all, unknown), /colour is no member/);
  });

  it("enables with the action for it, not as an update", async () => {
    const all = await edited({ isEnabled: false });
    const more = { operation: "update", definition: { is_enabled: true } };
    await resultOf(all.stream.mutate(mutation(all, more), context));
    deepEqual(all.seen, ["enable a"]);
    equal(all.brain.published.at(-1)?.rows[0]?.is_enabled, true);
  });

  it("deletes, and answers that nothing is left to see", async () => {
    const all = await edited();
    const parameters = mutation(all, { operation: "delete" });
    const result = await resultOf(all.stream.mutate(parameters, context));
    deepEqual(all.seen, ["delete a"]);
    deepEqual([result["source_key"], result["observed_configuration"]], ["a", null]);
    deepEqual(all.brain.published.at(-1)?.rows, []);
  });
});

describe("mutate() of a scheduler that does not do what it says", () => {
  it("answers indeterminate when the effect does not show", async () => {
    const nothing = (): Promise<ActionOutcome> => done({ key: "elsewhere" });
    const all = await active([schedule("a")], {
      create: nothing,
      delete: nothing,
      disable: nothing,
    });
    const definition = { name: "n", task_name: "t", expression: "60" };
    match(await refused(all, { operation: "create", definition }, true), /does not show/);
    match(await refused(all, { operation: "delete" }, true), /is still there/);
    const off = { operation: "update", definition: { is_enabled: false } };
    match(await refused(all, off, true), /did not take the desired state/);
    equal(all.brain.published.length, 1);
  });

  it("passes its refusals on, and how certain they are", async () => {
    const cases: readonly (readonly [ActionOutcome, boolean])[] = [
      [{ status: "failed", error: "the disk is full" }, false],
      [{ status: "refused", reason: "the disk is full" }, false],
      [{ status: "indeterminate", reason: "the disk is full" }, true],
    ];
    for (const [outcome, uncertain] of cases) {
      const all = await active([schedule("a")], { trigger: () => Promise.resolve(outcome) });
      equal(await refused(all, { operation: "trigger" }, uncertain), "the disk is full");
    }
  });

  it("takes for done what was left to do nothing, with its facts if there are any", async () => {
    for (const result of [undefined, { run_id: "r" }]) {
      const noop = { status: "noop", reason: "it runs", ...(result && { result }) } as const;
      const all = await active([schedule("a")], { trigger: () => Promise.resolve(noop) });
      const answer = await resultOf(
        all.stream.mutate(mutation(all, { operation: "trigger" }), context),
      );
      const told = answer["trigger_result"] as JsonObject;
      deepEqual([told["status"], told["result"]], ["success", result ?? {}]);
    }
  });

  it("says of which kind the action is that it lacks", async () => {
    const all = await active([schedule("a")], {});
    match(await refused(all, { operation: "delete" }), /cannot delete: its schedules are defined/);
    match(await refused(all, { operation: "trigger" }), /cannot trigger$/);
  });

  it("refuses operations that nobody knows and those that expect nothing", async () => {
    const all = await active([schedule("a")]);
    match(await refused(all, { operation: "paint" }), /the operation paint is unknown/);
    match(await refused(all, { operation: "trigger", expected: "a" }), /expected is missing/);
    deepEqual(all.calls, []);
  });
});

describe("control() of a scheduler that changed meanwhile", () => {
  const control = async (all: Setup, more: JsonObject = {}) => {
    const parameters = { ...await controlParameters(all, false), ...more };
    const outcome = await all.stream.control(parameters, context);
    ok(outcome.status === "failed");
    return outcome;
  };

  it("refuses when the schedule is not what the brain was shown", async () => {
    const all = await active([schedule("a")]);
    all.list[0] = schedule("a", { expression: "0 9 * * *" });
    match((await control(all)).error, /changed since the brain last saw it/);
    deepEqual(all.calls, []);
  });

  it("refuses what is about no schedule, or about another one", async () => {
    const all = await active([schedule("a"), schedule("b")]);
    match(
      (await control(all, { desired_projection: null })).error,
      /desired_projection is missing/,
    );
    match((await control(all, { source_key: "b" })).error, /is about another schedule/);
    deepEqual(all.calls, []);
  });

  it("answers indeterminate when the switch had no effect", async () => {
    const all = await active([schedule("a")], { disable: () => done() });
    const outcome = await control(all);
    match(outcome.error, /did not take the desired state/);
    equal(outcome.indeterminate, true);
  });

  it("answers indeterminate when the session ends while it switches", async () => {
    const list = [schedule("a")];
    const all: Setup = await active(list, {
      disable() {
        list[0] = schedule("a", { isEnabled: false });
        all.stream.sessionEnded();
        return done();
      },
    });
    const outcome = await control(all);
    match(outcome.error, /not activated/);
    equal(outcome.indeterminate, true);
    equal(all.brain.published.length, 1);
  });
});

describe("activate() of an authority that is not for this scheduler", () => {
  it("refuses it, and takes what only names its owner otherwise", async () => {
    const cases: readonly (readonly [JsonObject, RegExp])[] = [
      [{ owner: "other" }, /not for the scheduler croner/],
      [{ scheduler: "other" }, /not for the scheduler croner/],
      [{ stable_source: false }, /not stable/],
      [{ source_scope: "other" }, /source scope/],
      [{ epoch_number: 0 }, /not positive/],
      [{ epoch_number: "1" }, /epoch_number is not an integer/],
      [{ epoch_number: 1.5 }, /epoch_number is not an integer/],
      [{ stream_id: "" }, /stream_id is missing/],
      [{ epoch_uuid: 1 }, /epoch_uuid is missing/],
    ];
    const all = setup([schedule("a")]);
    for (const [more, reason] of cases) {
      const outcome = await all.stream.activate({ ...activation(1), ...more }, context);
      ok(outcome.status === "failed");
      match(outcome.error, reason);
    }
    equal(all.brain.published.length, 0);
    // Who registered the owner is compared, whatever it is and also when it is absent.
    const { registry_owner_id: _, ...anonymous } = activation(1);
    await resultOf(all.stream.activate(anonymous, context));
    const named = mutation(all, { operation: "trigger" });
    equal((await all.stream.mutate(named, context)).status, "failed");
    const { registry_owner_id: __, ...same } = named;
    equal((await all.stream.mutate(same, context)).status, "success");
  });
});
