import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { constants } from "node:os";
import { type ChildEnd, runChild } from "./platform_support.ts";

type StopSignal = "SIGTERM" | "SIGINT";

function stopped(mode: string, ...signals: readonly [string, StopSignal][]): Promise<ChildEnd> {
  return runChild({
    script: "./stop_child.ts",
    args: [mode],
    signals: signals.map(([after, signal]) => ({ after, signal })),
  });
}

// Ended by a signal: told as the signal, or as 128 plus its number by a wrapper.
function assertEndedBy(end: ChildEnd, signal: StopSignal): void {
  const expected = end.signal ?? end.code;
  const number = 128 + constants.signals[signal];
  assert.ok(expected === signal || expected === number, JSON.stringify(end));
}

describe("onStopSignal()", () => {
  it("onStopSignal() lets an idle process end by itself", async () => {
    const end = await stopped("idle");
    assert.deepEqual([end.code, end.output.trim()], [0, "ready"]);
  });

  it("onStopSignal() ends the process by the same signal when the listener is done", async () => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      const end = await stopped("alone", ["ready", signal]);
      assertEndedBy(end, signal);
      assert.match(end.output, /ours\s+ours done/);
      assert.doesNotMatch(end.output, /natural end/);
    }
  });

  it("onStopSignal() waits for every listener of the library", async () => {
    const end = await stopped("two", ["ready", "SIGTERM"]);
    assertEndedBy(end, "SIGTERM");
    assert.match(end.output, /second/);
    assert.match(end.output, /ours done/);
  });

  it("onStopSignal() contains a listener that throws", async () => {
    const end = await stopped("throws", ["ready", "SIGTERM"]);
    assertEndedBy(end, "SIGTERM");
    assert.match(end.output, /ours done/);
    assert.doesNotMatch(end.output, /boom/);
  });

  it("onStopSignal() leaves the end to the host when it has a handler", async () => {
    for (const mode of ["host-after", "host-once-after", "host-once-first"]) {
      const end = await stopped(mode, ["ready", "SIGTERM"]);
      assert.equal(end.code, 7, `${mode} ${end.output}`);
      assert.match(end.output, /host done/);
      assert.match(end.output, /ours done/);
    }
  });

  it("onStopSignal() lets a second signal end the process at once", async () => {
    const end = await stopped("patient", ["ready", "SIGINT"], ["ours", "SIGINT"]);
    assertEndedBy(end, "SIGINT");
    assert.doesNotMatch(end.output, /ours done/);
  });

  it("onStopSignal() changes nothing once it is removed", async () => {
    const end = await stopped("removed", ["ready", "SIGTERM"]);
    assertEndedBy(end, "SIGTERM");
    assert.doesNotMatch(end.output, /ours/);
  });
});
