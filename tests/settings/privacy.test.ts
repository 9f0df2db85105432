import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { describeSettings } from "../../src/settings/describe.ts";
import { problemsOf, resolve, settingsOf } from "./settings_support.ts";

describe("privacy and policy settings", () => {
  it("are grouped in code and single in the environment, which wins", () => {
    const settings = settingsOf(resolve(
      {
        capture: { args: false, error: undefined },
        commands: { deny: ["purge_queue", { action: "*", queue: "two words" }], readOnly: true },
        redactPaths: ["kwargs.user.email"],
        queuePrivacy: { mail: { capture: { result: false, args: undefined } } },
      },
      { Z4J_CAPTURE_ARGS: "1", Z4J_COMMANDS_ALLOW: "retry_task queue=mail*, cancel_task" },
    ));
    assert.deepEqual(
      [settings.captureArgs, settings.captureResult, settings.captureError, settings.readOnly],
      [true, true, true, true],
    );
    const { commandsAllow, commandsDeny, captureArgs } = describeSettings(settings);
    assert.deepEqual(commandsAllow, {
      value: ["retry_task queue=mail*", "cancel_task"],
      source: "env",
      from: "Z4J_COMMANDS_ALLOW",
    });
    assert.deepEqual(commandsDeny, {
      value: ["purge_queue", "* queue=two words"],
      source: "option",
      from: "commands.deny",
    });
    assert.equal(captureArgs.from, "Z4J_CAPTURE_ARGS");
    assert.deepEqual(settings.queuePrivacy, {
      mail: { capture: { result: false }, redactPaths: [] },
    });
  });

  it("are read from JSON in the environment", () => {
    const settings = settingsOf(resolve({}, {
      Z4J_QUEUE_PRIVACY: '{"mail":{"capture":{"args":false},"redactPaths":["result.id"]}}',
      Z4J_REDACT_PATHS: "kwargs.user.email,args[0].card,**.token",
      Z4J_COMMANDS_DENY: '["purge_queue queue=a,b"]',
      Z4J_READ_ONLY: "yes",
    }));
    assert.deepEqual(settings.redactPaths, ["kwargs.user.email", "args[0].card", "**.token"]);
    assert.equal(settings.commandsDeny[0]?.text, "purge_queue queue=a,b");
    assert.equal(settings.queuePrivacy["mail"]?.capture.args, false);
    assert.equal(settings.readOnly, true);
  });

  it("are refused when they are wrong, so that nothing leaks by a slip", () => {
    const wrong: readonly object[] = [
      { capture: { arg: false } },
      { capture: false },
      { capture: { args: "no" } },
      { commands: { alow: [] } },
      { commands: { deny: "purge_queue" } },
      { commands: { deny: ["purge_queue where=x"] } },
      { commands: [] },
      { redactPaths: "kwargs" },
      { redactPaths: ["a..b"] },
      { queuePrivacy: { mail: { captures: {} } } },
      { queuePrivacy: { mail: { capture: { args: 1 } } } },
      { queuePrivacy: { mail: { redactPaths: ["a["] } } },
      { queuePrivacy: { mail: true } },
      { queuePrivacy: [] },
    ];
    for (const options of wrong) {
      assert.equal(problemsOf(resolve(options)).length, 1, JSON.stringify(options));
    }
    for (const name of ["Z4J_QUEUE_PRIVACY", "Z4J_REDACT_PATHS", "Z4J_COMMANDS_ALLOW"]) {
      assert.equal(problemsOf(resolve({}, { [name]: "{[" })).length, 1, name);
    }
  });
});
