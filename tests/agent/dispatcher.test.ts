import { deepStrictEqual as deepEqual, strictEqual as equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { createCommandPolicy } from "../../src/agent/command_policy.ts";
import { createCommandRegistry } from "../../src/agent/commands.ts";
import { createDispatcher, type Dispatcher } from "../../src/agent/dispatcher.ts";
import { MAX_RUNNING_COMMANDS, MAX_WAITING_COMMANDS } from "../../src/agent/limits.ts";
import { createOutbox, type Outbox } from "../../src/agent/outbox.ts";
import type { ActionOutcome } from "../../src/engines/contract.ts";
import type { SignedFrame } from "../../src/protocol/frames.ts";
import { createRedactor } from "../../src/redaction/redactor.ts";
import { createFakeClock, type FakeClock } from "../../src/testing/fake_clock.ts";

interface Rig {
  readonly dispatcher: Dispatcher;
  readonly clock: FakeClock;
  /** Ends the oldest action that runs. */
  end(outcome?: ActionOutcome): Promise<void>;
  readonly running: number;
  /** What each command was answered, by its id. */
  answers(): Record<string, unknown>;
}

function rig(): Rig {
  const clock = createFakeClock();
  const outbox: Outbox = createOutbox(clock, () => {});
  const registry = createCommandRegistry();
  const open: ((outcome: ActionOutcome) => void)[] = [];
  for (const action of ["work", "schedule.fire"]) {
    registry.register(action, () => new Promise((resolve) => open.push(resolve)));
  }
  const answers: Record<string, unknown> = {};
  const dispatcher = createDispatcher({
    ...{ registry, outbox, clock },
    redactor: createRedactor({}),
    policy: createCommandPolicy({ allow: [], deny: [], readOnly: false }),
    finished: (command, result) => void (answers[command.id] = result.error ?? result.status),
  });
  return {
    dispatcher,
    clock,
    async end(outcome = { status: "done", result: {} }) {
      open.shift()?.(outcome);
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    },
    get running() {
      return open.length;
    },
    answers: () => answers,
  };
}

function command(id: string): SignedFrame {
  const payload = { action: "work", target: {}, parameters: {}, timeout_seconds: 60 };
  return { type: "command", id, ts: "", nonce: "", seq: 1, payload };
}

describe("createDispatcher()", () => {
  it("runs no more than its bound at once, and the next one when one has ended", async () => {
    const { dispatcher, end, ...of } = rig();
    for (let n = 0; n < MAX_RUNNING_COMMANDS + 2; n++) dispatcher.receive(command(`c${n}`));
    await end();
    equal(dispatcher.counters().running, MAX_RUNNING_COMMANDS);
    deepEqual(of.answers(), { c0: "success" });
  });

  it("refuses what finds no room to wait, and says so", () => {
    const { dispatcher, answers } = rig();
    const most = MAX_RUNNING_COMMANDS + MAX_WAITING_COMMANDS;
    for (let n = 0; n <= most; n++) dispatcher.receive(command(`c${n}`));
    deepEqual(answers(), { [`c${most}`]: "too many commands wait in this agent" });
  });

  it("refuses what waited longer than its command allows", async () => {
    const { dispatcher, clock, end, answers } = rig();
    for (let n = 0; n <= MAX_RUNNING_COMMANDS; n++) dispatcher.receive(command(`c${n}`));
    clock.advance(60_000);
    await end();
    equal(answers()[`c${MAX_RUNNING_COMMANDS}`], "the command waited too long");
  });

  it("drain() refuses what waits and what is new, and ends with what runs", async () => {
    const { dispatcher, end, answers } = rig();
    for (let n = 0; n <= MAX_RUNNING_COMMANDS; n++) dispatcher.receive(command(`c${n}`));
    let drained = false;
    const draining = dispatcher.drain().then(() => drained = true);
    dispatcher.receive(command("late"));
    deepEqual(answers(), {
      [`c${MAX_RUNNING_COMMANDS}`]: "the agent stops",
      late: "the agent stops",
    });
    for (let n = 0; n < MAX_RUNNING_COMMANDS; n++) {
      equal(drained, false);
      await end();
    }
    await draining;
    equal(dispatcher.counters().running, 0);
    await dispatcher.drain();
  });

  it("runs a fire that failed again under a new id, and repeats its failure under the old", async () => {
    const { dispatcher, end, answers } = rig();
    const fire = (id: string): SignedFrame => {
      const payload = { action: "schedule.fire", parameters: { fire_id: "f" } };
      return { type: "command", id, ts: "", nonce: "", seq: 1, payload };
    };
    dispatcher.receive(fire("c1"));
    await end({ status: "failed", error: "busy" });
    dispatcher.receive(fire("c1"));
    deepEqual(dispatcher.counters(), {
      received: 2,
      repeated: 1,
      succeeded: 0,
      failed: 1,
      running: 0,
    });
    dispatcher.receive(fire("c2"));
    await end();
    deepEqual(answers(), { c1: "busy", c2: "success" });
    dispatcher.receive(fire("c3"));
    deepEqual(dispatcher.counters().running, 0, "what took effect runs no second time");
  });

  it("answers an outcome that JSON cannot hold as indeterminate", async () => {
    const { dispatcher, end, answers } = rig();
    dispatcher.receive(command("c"));
    await end(null as unknown as ActionOutcome);
    equal(answers()["c"], "the action answered something that cannot be printed");
  });
});
