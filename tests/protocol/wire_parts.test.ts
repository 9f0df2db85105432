import { deepStrictEqual as deepEqual, strictEqual as equal, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import { deriveProjectSecret } from "../../src/protocol/derive.ts";
import { draftScheduleRun } from "../../src/protocol/event_wire.ts";
import { groupableStack } from "../../src/protocol/stack_text.ts";
import type { ScheduleRun } from "../../src/schedulers/contract.ts";
import { workWire } from "../../src/protocol/work_wire.ts";

describe("deriveProjectSecret()", () => {
  it("refuses a project id that is no dashed UUID, and a master that is too short", () => {
    const id = "00000000-0000-4000-8000-000000000000";
    const master = new Uint8Array(32);
    for (const text of ["", id.replaceAll("-", ""), `{${id}}`, id.replace("4", "g")]) {
      throws(() => void deriveProjectSecret(master, text), TypeError, text);
    }
    throws(() => void deriveProjectSecret(new Uint8Array(31), id), { code: "Z4J_SECRET_INVALID" });
  });
});

describe("workWire()", () => {
  it("spells a context as the wire does, and leaves out what is not known", () => {
    const ids = { traceId: "a".repeat(32), spanId: "b".repeat(16) };
    const wire = { trace_id: ids.traceId, span_id: ids.spanId };
    deepEqual(workWire(ids), wire);
    deepEqual(workWire({ ...ids, scheduledBy: ids }), { ...wire, scheduled_by: wire });
    deepEqual(workWire({ ...ids, scheduledBy: { ...ids, requestId: "r" }, extra: { shop: 7 } }), {
      ...wire,
      shop: 7,
      scheduled_by: { ...wire, request_id: "r" },
    });
  });
});

describe("draftScheduleRun()", () => {
  it("tells the beginning of a run, and its end with how it went", () => {
    const run = {
      runId: "r",
      scheduleKey: "k",
      scheduleName: "nightly",
      taskName: "report",
      occurredAtMs: 0,
      manual: false,
    };
    const draft = (more: Pick<ScheduleRun, "phase" | "outcome" | "runtimeMs">) =>
      draftScheduleRun("e", "croner", { ...run, ...more }, {}, 1);
    const data = { schedule: "nightly", schedule_key: "k", task_name: "report", manual: false };
    const begun = draft({ phase: "started" });
    deepEqual([begun.kind, begun.task_id, begun.data], ["schedule.run_started", "r", data]);
    const ended = draft({ phase: "completed", outcome: "success", runtimeMs: 1.6 });
    deepEqual([ended.kind, ended.data], [
      "schedule.run_completed",
      { ...data, outcome: "success", runtime_ms: 2 },
    ]);
  });
});

describe("groupableStack()", () => {
  it("repeats the twenty innermost frames at most", () => {
    const lines = Array.from({ length: 25 }, (_, i) => `    at f${i} (/app/a.ts:${i + 1}:1)`);
    const frames = groupableStack(["Error: x", ...lines].join("\n"))
      .split("\n").filter((line) => line.startsWith("  File "));
    equal(frames.length, 20);
    equal(frames[0], '  File "/app/a.ts", line 20, in f19');
    equal(frames.at(-1), '  File "/app/a.ts", line 1, in f0');
  });
});
