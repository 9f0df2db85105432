import { deepStrictEqual as deepEqual, strictEqual as equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { createCommandRegistry } from "../../src/agent/commands.ts";
import { registerScheduleCommands } from "../../src/agent/schedule_commands.ts";
import type { ScheduleCommandOutcome } from "../../src/agent/schedule_stream_port.ts";
import type { JsonObject } from "../../src/base/json.ts";
import type { ActionOutcome } from "../../src/engines/contract.ts";
import type { SchedulerActions } from "../../src/schedulers/contract.ts";
import { context, received } from "../_support/command_rig.ts";

type Run = (
  action: string,
  parameters: JsonObject,
  target?: JsonObject,
) => Promise<ActionOutcome | undefined>;

/** Commands on the named schedulers, whose calls are noted. */
function commandsOf(
  names: readonly string[],
  seen: string[],
  { answer, actions }: { answer?: ScheduleCommandOutcome; actions?: SchedulerActions } = {},
): Run {
  const registry = createCommandRegistry();
  const watched = names.map((name) => {
    const note = (what: string) => (key: string): Promise<ActionOutcome> => {
      seen.push(`${name} ${what} ${key}`);
      return Promise.resolve({ status: "done", result: {} });
    };
    const ask = (what: string) => (): Promise<ScheduleCommandOutcome> => {
      seen.push(`${name} ${what}`);
      return Promise.resolve(answer ?? { status: "success", result: { by: name } });
    };
    return [name, {
      scheduler: {
        name,
        capabilities: [],
        attach() {},
        detach() {},
        list: () => [],
        actions: actions ??
          { trigger: note("trigger"), enable: note("enable"), disable: note("disable") },
      },
      stream: {
        owner: name,
        tokens: [],
        activate: ask("activate"),
        control: ask("control"),
        mutate: ask("mutate"),
        resync(reason: string) {
          seen.push(`${name} ${reason}`);
          return Promise.resolve();
        },
        changed() {},
        sessionEnded() {},
        close() {},
      },
    }] as const;
  });
  registerScheduleCommands(registry, new Map(watched));
  return async (action, parameters, target = {}) =>
    await registry.find(action)?.(received(action, parameters, target), context());
}

describe("commands on schedules", () => {
  it("reach the scheduler that they name, in whichever place", async () => {
    const seen: string[] = [];
    const run = commandsOf(["one", "two"], seen);
    await run("schedule.trigger_now", { scheduler: "one", external_id: "a" }, { scheduler: "two" });
    await run("schedule.enable", { schedule_id: "b" }, { scheduler: "two" });
    const by = await run("schedule.external.mutate", { owner: "two" });
    deepEqual(by, { status: "done", result: { by: "two" } });
    deepEqual(seen, ["one trigger a", "two enable b", "two mutate"]);
  });

  it("reach the only one there is when they name none, and never one of several", async () => {
    const seen: string[] = [];
    const only = commandsOf(["one"], seen);
    equal((await only("schedule.disable", { schedule_id: "a" }))?.status, "done");
    const nowhere = { status: "refused", reason: 'scheduler "" is not watched by this agent' };
    for (const names of [[], ["one", "two"]]) {
      deepEqual(await commandsOf(names, seen)("schedule.disable", { schedule_id: "a" }), nowhere);
    }
    deepEqual(await only("schedule.disable", { scheduler: "gone", schedule_id: "a" }), {
      status: "refused",
      reason: 'scheduler "gone" is not watched by this agent',
    });
    deepEqual(seen, ["one disable a"]);
  });

  it("are refused without a schedule, or by a scheduler that cannot", async () => {
    const seen: string[] = [];
    deepEqual(await commandsOf(["one"], seen)("schedule.enable", {}), {
      status: "refused",
      reason: "the command names no schedule",
    });
    const poor = commandsOf(["one"], seen, { actions: {} });
    deepEqual(await poor("schedule.trigger_now", { schedule_id: "a" }), {
      status: "refused",
      reason: 'scheduler "one" cannot trigger',
    });
    deepEqual(seen, []);
  });

  it("answer how certain a failure of the stream is", async () => {
    for (const indeterminate of [true, false]) {
      const answer = { status: "failed", error: "no", indeterminate } as const;
      const run = commandsOf(["one"], [], { answer });
      deepEqual(
        await run("schedule.external.control", {}),
        indeterminate
          ? { status: "indeterminate", reason: "no" }
          : { status: "failed", error: "no" },
      );
    }
  });

  it("schedule.resync publishes all of them, also when there are none", async () => {
    const seen: string[] = [];
    const none = await commandsOf([], seen)("schedule.resync", {});
    deepEqual(none, { status: "done", result: { schedulers_drained: 0 } });
    const outcome = await commandsOf(["one", "two"], seen)("schedule.resync", {});
    deepEqual(outcome, { status: "done", result: { schedulers_drained: 2 } });
    deepEqual(seen, ["one resync", "two resync"]);
  });
});
