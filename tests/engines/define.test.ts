import { deepStrictEqual as deepEqual, strictEqual as equal, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import { isZ4jError } from "../../src/base/errors.ts";
import type { Engine, EngineActions, EngineCapability } from "../../src/engines/contract.ts";
import { defineEngine, engineProblems } from "../../src/engines/define.ts";

function engine(
  name: string,
  capabilities: readonly EngineCapability[] = [],
  actions: EngineActions = {},
): Engine {
  return { name, capabilities, actions, attach() {}, detach() {} };
}

describe("defineEngine()", () => {
  it("gives a good engine back", () => {
    const good = engine("my_engine-2");
    equal(defineEngine(good), good);
  });

  it("throws with every problem when something is wrong", () => {
    throws(
      () => defineEngine(engine("a.b", ["submit_task"])),
      (error) =>
        isZ4jError(error) && error.code === "Z4J_ENGINE_INVALID" &&
        (error.details["problems"] as unknown[]).length === 2,
    );
  });
});

describe("engineProblems()", () => {
  it("finds names that a brain cannot keep", () => {
    for (const name of ["", "a.b", "a b", "x".repeat(41), "-a", "é"]) {
      equal(engineProblems(engine(name)).length, 1, name);
    }
    equal(engineProblems(engine("x".repeat(40))).length, 0);
  });

  it("finds claims without actions and actions without claims", () => {
    const noop = (): Promise<{ status: "refused"; reason: string }> =>
      Promise.resolve({ status: "refused", reason: "no" });
    deepEqual(engineProblems(engine("e", [], { cancel: noop })), [
      "capability cancel_task and action cancel must go together",
    ]);
    deepEqual(engineProblems(engine("e", ["bulk_retry"])), [
      "capability bulk_retry needs the action retry",
    ]);
    deepEqual(engineProblems(engine("e", ["fly" as EngineCapability])), [
      "capability fly is unknown",
    ]);
    deepEqual(engineProblems(engine("e", ["retry_task", "bulk_retry"], { retry: noop })), []);
  });
});
