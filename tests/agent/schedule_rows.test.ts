/** Odd schedules, hostile stores and late acknowledgements of a schedule stream. */
import { deepStrictEqual as deepEqual, match, ok, strictEqual as equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { ACK_WAIT_MS, LIST_DEADLINE_MS } from "../../src/agent/schedule_stream.ts";
import type { JsonObject, JsonValue } from "../../src/base/json.ts";
import type { Schedule } from "../../src/schedulers/contract.ts";
import {
  activation,
  context,
  mutation,
  resultOf,
  schedule,
  setup,
  until,
} from "../_support/schedule_stream_rig.ts";

describe("the rows of a schedule stream", () => {
  it("name engine and queue where a scheduler does, and fit the columns of the brain", async () => {
    const wide = "😀".repeat(300);
    const list = [schedule("a", { queue: "mail", name: wide, expression: "x".repeat(201) })];
    const { stream, brain } = setup(list, undefined, undefined, { scheduler: { engine: "bull" } });
    await resultOf(stream.activate(activation(1), context));
    const [row] = brain.published[0]?.rows ?? [];
    deepEqual([row?.engine, row?.queue, row?.name], ["bull", "mail", "😀".repeat(200)]);
    equal(row?.expression, "x".repeat(200));
  });

  it("leave out inputs that no frame holds", async () => {
    const large = Array.from({ length: 100 }, () => "x".repeat(8000));
    const { stream, brain } = setup(
      [schedule("a", { args: large, kwargs: { kept: 1 } })],
      undefined,
      undefined,
      { redact: (value) => value as JsonValue },
    );
    await resultOf(stream.activate(activation(1), context));
    const [row] = brain.published[0]?.rows ?? [];
    deepEqual([row?.args, row?.kwargs], [["[omitted: too large]"], {}]);
  });

  it("are not published by a redactor that finds no end or takes the row away", async () => {
    let passes = 0;
    const growing = (value: unknown): JsonValue =>
      typeof value === "string" ? value : JSON.parse(
        JSON.stringify(value).replace('"expression":"', `"expression":"${passes++} `),
      );
    const cases: readonly (readonly [(value: unknown) => JsonValue, RegExp])[] = [
      [growing, /redaction keeps changing it/],
      [(value) => typeof value === "string" ? value : "gone", /redaction removed the row/],
    ];
    for (const [hostile, reason] of cases) {
      const more = { redact: hostile };
      const { stream, brain } = setup([schedule("a")], undefined, undefined, more);
      const outcome = await stream.activate(activation(1), context);
      ok(outcome.status === "failed");
      match(outcome.error, reason);
      equal(brain.batches.length, 0);
    }
  });
});

describe("what a schedule stream keeps", () => {
  it("counts as absent where it is damaged or foreign", async () => {
    const rows = [null, 7, { source_key: "x" }, { source_key: "old", name: "old", task_name: "t" }];
    const receipts = [null, { id: 1, asked: "", result: {} }, { id: "1", asked: "", result: [] }];
    for (
      const epoch of ["no json", "[]", '{"stream_id":1,"epoch_number":9}', '{"stream_id":"s"}']
    ) {
      const metas = new Map([
        ["schedule.croner.epoch", epoch],
        ["schedule.croner.rows", JSON.stringify(rows)],
        ["schedule.croner.receipts", JSON.stringify(receipts)],
      ]);
      const { stream, brain } = setup([schedule("a")], undefined, metas);
      await resultOf(stream.activate(activation(1), context));
      deepEqual(brain.published[0]?.rows.map(({ name }) => name), ["a", "old"]);
    }
  });

  it("has a bound: the oldest receipt goes first", async () => {
    const all = setup([schedule("a")]);
    await resultOf(all.stream.activate(activation(1), context));
    const trigger = async (n: number): Promise<void> => {
      const parameters = mutation(all, { operation: "trigger", operation_id: `operation-${n}` });
      await resultOf(all.stream.mutate(parameters, context));
    };
    for (let n = 0; n < 33; n++) await trigger(n);
    const kept = JSON.parse(all.metas.get("schedule.croner.receipts") ?? "") as JsonObject[];
    deepEqual([kept.length, kept[0]?.["id"]], [32, "operation-1"]);
    await trigger(32);
    equal(all.calls.length, 33, "a repeat that is remembered runs once");
  });

  it("shows a vanished row under its key when its name lives on", async () => {
    const first = setup([schedule("old", { name: "report" })]);
    await resultOf(first.stream.activate(activation(1), context));
    const second = setup([schedule("new", { name: "report" })], undefined, first.metas);
    await resultOf(second.stream.activate(activation(2), context));
    deepEqual(
      second.brain.published[0]?.rows.map(({ source_key, name }) => [source_key, name]),
      [["new", "report"], ["old", "old"]],
    );
  });
});

describe("a schedule stream in time", () => {
  it("refuses when the scheduler does not list its schedules", async () => {
    const never = new Promise<Schedule[]>(() => {});
    const all = setup([], undefined, undefined, { scheduler: { list: () => never } });
    const answer = all.stream.activate(activation(1), context);
    await until(() => all.clock.nextTimerMs === LIST_DEADLINE_MS);
    all.clock.advance(LIST_DEADLINE_MS);
    const outcome = await answer;
    ok(outcome.status === "failed" && !outcome.indeterminate);
    match(outcome.error, /did not list its schedules in time/);
    equal(all.brain.batches.length, 0);
  });

  it("publishes nothing once it is closed, not even what was about to follow", async () => {
    const all = setup([schedule("a")]);
    await resultOf(all.stream.activate(activation(1), context));
    all.stream.changed();
    equal(all.clock.timerCount, 1);
    all.stream.close();
    equal(all.clock.timerCount, 0);
    equal((await all.stream.activate(activation(2), context)).status, "failed");
    await all.stream.resync("command");
    equal(all.brain.batches.length, 1);
  });

  it("believes no acknowledgement of an older epoch, although its number is the same", async () => {
    const all = setup([schedule("a")]);
    let release = (): void => {};
    all.brain.gate = new Promise((resolve) => release = resolve);
    const activate = async (epoch: number): Promise<void> => {
      const before = all.brain.batches.length;
      const answer = resultOf(all.stream.activate(activation(epoch), context));
      await until(() => all.brain.batches.length > before && all.clock.nextTimerMs === ACK_WAIT_MS);
      all.clock.advance(ACK_WAIT_MS);
      await answer;
    };
    await activate(1);
    all.list.push(schedule("b"));
    await activate(2);
    // The brain may hold "b" from now on: only its own acknowledgement may say otherwise.
    release();
    await until(() => all.brain.published.length === 2);
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
    const kept = JSON.parse(all.metas.get("schedule.croner.rows") ?? "[]") as JsonObject[];
    deepEqual(kept.map((row) => row["source_key"]), ["a", "b"]);
  });
});
