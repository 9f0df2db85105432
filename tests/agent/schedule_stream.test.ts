import { deepStrictEqual as deepEqual, match, ok, strictEqual as equal } from "node:assert/strict";
import { describe, it } from "node:test";
import type { JsonObject } from "../../src/base/json.ts";
import { noopLogger } from "../../src/base/logger.ts";
import {
  CHANGE_SPACING_MS,
  createScheduleStream,
  MAX_UNACKED,
} from "../../src/agent/schedule_stream.ts";
import { MAX_FRAME_BYTES } from "../../src/agent/schedule_stream_frames.ts";
import { rowDigest } from "../../src/protocol/external_schedule.ts";
import {
  type ExternalScheduleRow,
  scheduleConfiguration,
} from "../../src/protocol/external_schedule_row.ts";
import {
  activation,
  context,
  controlParameters,
  keys,
  mutation,
  OWNER,
  redact,
  resultOf,
  schedule,
  setup,
  until,
} from "../_support/schedule_stream_rig.ts";

describe("activate()", () => {
  it("activate() publishes a complete snapshot with sequence 1 when it is called", async () => {
    const { stream, brain } = setup([schedule("b"), schedule("a")]);
    const result = await resultOf(stream.activate(activation(1), context));
    deepEqual(result, {
      scheduler: OWNER,
      stream_id: "stream-1",
      epoch_uuid: "epoch-1",
      epoch_number: 1,
      sequence: 1,
      adapter_instance_id: "instance-1",
      schedule_count: 2,
      frame_count: 2,
    });
    deepEqual(keys(brain.published[0]), ["a:true", "b:true"]);
  });

  it("activate() publishes one terminal frame when there are no schedules", async () => {
    const { stream, brain } = setup([]);
    const result = await resultOf(stream.activate(activation(1), context));
    equal(result["frame_count"], 1);
    deepEqual(brain.published, [{ sequence: 1, kind: "snapshot", rows: [] }]);
  });

  it("activate() refuses an epoch that is not newer, also after a restart", async () => {
    const first = setup([schedule("a")]);
    await resultOf(first.stream.activate(activation(5), context));
    const again = setup([schedule("a")], undefined, first.metas);
    const outcome = await again.stream.activate(activation(5), context);
    equal(outcome.status, "failed");
    equal(again.brain.batches.length, 0);
    equal((await again.stream.activate(activation(6), context)).status, "success");
  });

  it("activate() shows vanished rows once more, disabled, before it drops them", async () => {
    const first = setup([schedule("kept"), schedule("gone")]);
    await resultOf(first.stream.activate(activation(1), context));
    const second = setup([schedule("kept")], undefined, first.metas);
    const result = await resultOf(second.stream.activate(activation(2), context));
    deepEqual([result["sequence"], result["schedule_count"]], [1, 2]);
    await until(() => second.brain.published.length === 2);
    deepEqual(second.brain.published.map(keys), [["gone:false", "kept:true"], ["kept:true"]]);
    const third = setup([schedule("kept")], undefined, first.metas);
    await until(() => !(first.metas.get("schedule.croner.rows") ?? "").includes("gone"));
    await resultOf(third.stream.activate(activation(3), context));
    deepEqual(third.brain.published.map(keys), [["kept:true"]]);
  });

  it("activate() still remembers rows of a snapshot whose ack was lost", async () => {
    const first = setup([schedule("kept"), schedule("gone")]);
    first.brain.outcome = "lost";
    await resultOf(first.stream.activate(activation(1), context));
    const second = setup([schedule("kept")], undefined, first.metas);
    await resultOf(second.stream.activate(activation(2), context));
    deepEqual(keys(second.brain.published[0]), ["gone:false", "kept:true"]);
  });

  it("activate() redacts to a fixpoint, so that digests hold after redaction", async () => {
    const { stream, brain, calls } = setup([
      schedule("ann@example.test", { kwargs: { password: 1, to: "ann@example.test" } }),
      schedule("bob@example.test"),
    ]);
    await resultOf(stream.activate(activation(1), context));
    const rows = brain.published[0]?.rows ?? [];
    equal(new Set(rows.map((row) => row.source_key)).size, 2);
    ok(rows.every((row) => row.source_key.startsWith("key-")));
    ok(!JSON.stringify(rows).includes("@"));
    deepEqual(rows.map((row) => row.name), rows.map((row) => row.source_key));
    const row = rows.find((candidate) => "password" in candidate.kwargs);
    const parameters = {
      ...activation(1),
      operation_id: "o",
      operation: "trigger",
      schedule_id: row?.source_key ?? null,
      expected: row as unknown as JsonObject,
      definition: {},
    };
    await resultOf(stream.mutate(parameters, context));
    deepEqual(calls, ["trigger ann@example.test"]);
  });

  it("activate() splits large lists into frames and batches within the limit", async () => {
    const big = "x".repeat(8000);
    const list = Array.from({ length: 200 }, (_, i) => schedule(`s${i}`, { args: [big] }));
    const { stream, brain } = setup(list);
    const result = await resultOf(stream.activate(activation(1), context));
    equal(result["frame_count"], 4);
    equal(brain.published[0]?.rows.length, 200);
    for (const batch of brain.batches) ok(batch.join().length <= MAX_FRAME_BYTES);
  });

  it("activate() fails without a snapshot when the list cannot be complete", async () => {
    const { stream, brain } = setup([schedule("a"), schedule("a")]);
    const outcome = await stream.activate(activation(1), context);
    ok(outcome.status === "failed" && !outcome.indeterminate);
    await stream.resync("command");
    equal(brain.batches.length, 0);
  });
});

describe("changed() and resync()", () => {
  it("changed() publishes once per second, merged, and only real changes", async () => {
    const { stream, brain, clock, list } = setup([schedule("a")]);
    stream.changed();
    equal(clock.timerCount, 0);
    await resultOf(stream.activate(activation(1), context));
    list.push(schedule("b"));
    stream.changed();
    stream.changed();
    clock.advance(999);
    equal(clock.timerCount, 1);
    clock.advance(1);
    await until(() => brain.published.length === 2);
    deepEqual(brain.published[1]?.sequence, 2);
    stream.changed();
    clock.advance(5000);
    await stream.resync("command");
    await until(() => brain.published.length >= 3);
    deepEqual(brain.published.map((snapshot) => snapshot.sequence), [1, 2, 3]);
  });

  it("changed() waits while the brain withholds acks, and catches up after them", async () => {
    const { stream, brain, clock, list } = setup([schedule("a")]);
    await resultOf(stream.activate(activation(1), context));
    let release = (): void => {};
    brain.gate = new Promise((resolve) => release = resolve);
    for (let i = 0; i < MAX_UNACKED + 3; i++) {
      const before = brain.batches.length;
      list.push(schedule(`new-${i}`));
      stream.changed();
      clock.advance(CHANGE_SPACING_MS);
      if (i < MAX_UNACKED) await until(() => brain.batches.length === before + 1);
      else await new Promise((resolve) => setTimeout(resolve, 20));
    }
    equal(brain.batches.length, 1 + MAX_UNACKED);
    release();
    await until(() => clock.timerCount > 0);
    clock.advance(CHANGE_SPACING_MS);
    await until(() => brain.published.length === 2 + MAX_UNACKED);
    equal(brain.published.at(-1)?.rows.length, list.length);
  });

  it("resync() publishes nothing when the session ended", async () => {
    const { stream, brain } = setup([schedule("a")]);
    await resultOf(stream.activate(activation(1), context));
    stream.sessionEnded();
    stream.changed();
    await stream.resync("command");
    equal(brain.published.length, 1);
  });
});

describe("mutate()", () => {
  it("mutate() disables, publishes and answers the receipt when asked to update", async () => {
    const all = setup([schedule("a", { totalRuns: 1 })]);
    await resultOf(all.stream.activate(activation(1), context));
    const parameters = mutation(all, { operation: "update", definition: { is_enabled: false } });
    // Runs since the brain last looked are no conflict.
    all.list[0] = schedule("a", { totalRuns: 9, lastRunAtMs: 1 });
    const result = await resultOf(all.stream.mutate(parameters, context));
    const row = all.brain.published[1]?.rows[0];
    ok(row !== undefined && !row.is_enabled);
    equal(result["sequence"], 2);
    deepEqual(result["observed_configuration"], { ...scheduleConfiguration(row) });
    deepEqual(await resultOf(all.stream.mutate(parameters, context)), result);
    deepEqual(all.calls, ["disable a"]);
  });

  it("mutate() triggers once for one operation id, also after a restart", async () => {
    const first = setup([schedule("a")]);
    await resultOf(first.stream.activate(activation(1), context));
    const parameters = mutation(first, { operation: "trigger" });
    const result = await resultOf(first.stream.mutate(parameters, context));
    deepEqual(result["trigger_result"], {
      status: "success",
      result: { name: "trigger" },
      error: null,
    });
    const second = setup([schedule("a")], undefined, first.metas);
    await resultOf(second.stream.activate(activation(2), context));
    const repeat = { ...parameters, ...activation(2) };
    deepEqual(await resultOf(second.stream.mutate(repeat, context)), result);
    deepEqual(second.calls, []);
    const other = await second.stream.mutate({ ...repeat, operation: "delete" }, context);
    equal(other.status, "failed");
  });

  it("mutate() refuses create, delete, edits, stale rows and foreign epochs", async () => {
    const all = setup([schedule("a")]);
    const early = await all.stream.mutate(mutation(all, { operation: "trigger" }), context);
    equal(early.status, "failed");
    await resultOf(all.stream.activate(activation(1), context));
    const stale = { ...all.brain.published[0]?.rows[0], name: "other" } as unknown as JsonObject;
    const cases: JsonObject[] = [
      { operation: "create", schedule_id: null },
      { operation: "delete" },
      { operation: "update", definition: { is_enabled: false, name: "x" } },
      { operation: "trigger", expected: stale },
      { operation: "trigger", epoch_number: 2 },
      { operation: "trigger", session_generation: 9 },
      { operation: "trigger", schedule_id: "missing" },
    ];
    for (const more of cases) {
      const outcome = await all.stream.mutate(mutation(all, more), context);
      ok(outcome.status === "failed" && !outcome.indeterminate, JSON.stringify(more));
    }
    deepEqual(all.calls, []);
    equal(all.brain.published.length, 1);
  });

  it("mutate() answers indeterminate when the scheduler throws", async () => {
    const all = setup([schedule("a")], { trigger: () => Promise.reject(new Error("broken")) });
    await resultOf(all.stream.activate(activation(1), context));
    const outcome = await all.stream.mutate(mutation(all, { operation: "trigger" }), context);
    ok(outcome.status === "failed" && outcome.indeterminate);
    match(outcome.error, /broken/);
  });
});

describe("mutate() with a broken host", () => {
  it("mutate() answers indeterminate when an action outlives its deadline", async () => {
    const all = setup([schedule("a")], { trigger: () => new Promise(() => {}) });
    await resultOf(all.stream.activate(activation(1), context));
    const answer = all.stream.mutate(mutation(all, { operation: "trigger" }), context);
    await until(() => all.clock.timerCount > 0 && all.clock.nextTimerMs === context.remainingMs);
    all.clock.advance(context.remainingMs);
    const outcome = await answer;
    ok(outcome.status === "failed" && outcome.indeterminate);
    await all.stream.resync("command");
    await until(() => all.brain.published.length === 2);
  });

  it("activate() publishes all the same when nothing can be kept", async () => {
    const { brain, clock, list } = setup([schedule("a")]);
    const refuse = (): never => {
      throw new Error("disk full");
    };
    const stream = createScheduleStream({
      scheduler: {
        name: OWNER,
        capabilities: ["list"],
        attach() {},
        detach() {},
        list: () => list,
        actions: {},
      },
      publisher: brain,
      meta: { getMeta: refuse, setMeta: refuse },
      redactor: { redact },
      clock,
      logger: noopLogger,
    });
    deepEqual(stream.tokens, ["list", "external_schedule_stable_snapshot_v1"]);
    equal((await stream.activate(activation(1), context)).status, "success");
    equal(brain.published.length, 1);
  });
});

describe("control()", () => {
  it("control() switches and publishes the one row with the reserved sequence", async () => {
    const all = setup([schedule("a", { totalRuns: 1 })]);
    await resultOf(all.stream.activate(activation(1), context));
    const parameters = await controlParameters(all, false);
    all.list[0] = schedule("a", { totalRuns: 5 });
    const result = await resultOf(all.stream.control(parameters, context));
    deepEqual(result, {
      operation_id: "control-false",
      sequence: 2,
      projection_buffered: true,
      deduplicated: false,
    });
    const [, control] = all.brain.published;
    deepEqual([control?.kind, control?.sequence], ["control", 2]);
    deepEqual(control?.rows, [parameters["desired_projection"]]);
    const repeat = await resultOf(all.stream.control(parameters, context));
    deepEqual(repeat, { ...result, deduplicated: true });
    deepEqual(all.calls, ["disable a"]);
  });

  it("control() refuses wrong digests, a moved stream and other edits", async () => {
    const all = setup([schedule("a")]);
    await resultOf(all.stream.activate(activation(1), context));
    const good = await controlParameters(all, false);
    const renamed = { ...all.brain.published[0]?.rows[0], name: "x" } as ExternalScheduleRow;
    const cases: JsonObject[] = [
      { expected_projection_digest: "0".repeat(64) },
      { desired_projection_digest: "0".repeat(64) },
      { expected_accepted_sequence: 7 },
      { adapter_instance_id: "other" },
      {
        desired_projection: renamed as unknown as JsonObject,
        desired_projection_digest: await rowDigest(renamed),
      },
    ];
    for (const more of cases) {
      const outcome = await all.stream.control({ ...good, ...more }, context);
      ok(outcome.status === "failed" && !outcome.indeterminate, JSON.stringify(more));
    }
    deepEqual(all.calls, []);
  });
});
