import { deepStrictEqual as deepEqual, strictEqual as equal, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import type { JsonObject } from "../../src/base/json.ts";
import { normalizeScheduleRow } from "../../src/protocol/external_schedule_row.ts";
import {
  scheduleTimestamp,
  scheduleTimestampOfMs,
} from "../../src/protocol/external_schedule_time.ts";

const BASE: JsonObject = { name: "nightly", task_name: "report" };
const row = (more: JsonObject): ReturnType<typeof normalizeScheduleRow> =>
  normalizeScheduleRow({ ...BASE, ...more }, "croner-web");

describe("normalizeScheduleRow()", () => {
  it("fills in what is missing, empty or false", () => {
    deepEqual(row({ kind: "", engine: 0, timezone: null, catch_up: [], expression: {} }), {
      args: [],
      catch_up: "skip",
      engine: "croner",
      expression: "",
      external_id: null,
      is_enabled: true,
      kind: "interval",
      kwargs: {},
      last_run_at: null,
      name: "nightly",
      next_run_at: null,
      priority: "normal",
      queue: null,
      scheduler: "croner-web",
      source: "agent",
      source_hash: null,
      source_key: "nightly",
      task_name: "report",
      timezone: "UTC",
      total_runs: 0,
    });
  });

  it("reads texts and flags as the brain does", () => {
    equal(row({ queue: 7 }).queue, "7");
    equal(row({ kind: true }).kind, "True");
    equal(row({ queue: false }).queue, "False");
    equal(row({ is_enabled: "" }).is_enabled, false);
    equal(row({ is_enabled: [0] }).is_enabled, true);
    equal(row({ is_enabled: {} }).is_enabled, false);
    equal(row({ name: "\u001c nightly \u0085" }).name, "nightly");
  });

  it("counts runs in whole numbers, however they are written", () => {
    for (
      const [given, runs] of [[true, 1], [false, 0], [2.9, 2], [" 1_000 ", 1000], [
        "+5",
        5,
      ]] as const
    ) {
      equal(row({ total_runs: given }).total_runs, runs);
    }
  });

  it("takes the engine from the owner, whole where no name stands before the dash", () => {
    equal(normalizeScheduleRow(BASE, "rq-2-x").engine, "rq");
    equal(normalizeScheduleRow(BASE, "-web").engine, "-web");
  });

  it("takes the first source key that says something", () => {
    equal(row({ source_key: " a " }).source_key, "a");
    equal(row({ source_key: "", external_source_key: "b" }).source_key, "b");
    equal(row({ external_id: 12 }).source_key, "12");
  });

  it("refuses what no brain would take", () => {
    const refused = (more: JsonObject): void =>
      throws(() => row(more), { code: "Z4J_SCHEDULE_ROW" });
    refused({ scheduler: "other" });
    refused({ name: " " });
    refused({ task_name: null });
    refused({ args: {} });
    refused({ kwargs: [] });
    refused({ last_run_at: 5 });
    refused({ next_run_at: "2026-01-01T00:00:00" });
    refused({ total_runs: -1 });
    refused({ total_runs: "many" });
    refused({ total_runs: Infinity });
    refused({ total_runs: NaN });
    refused({ total_runs: null });
    refused({ queue: [1] });
    refused({ source_key: " \t " });
    for (const owner of ["", "z4j-scheduler"]) {
      throws(() => normalizeScheduleRow(BASE, owner), { code: "Z4J_SCHEDULE_ROW" });
    }
  });
});

describe("scheduleTimestamp()", () => {
  it("gives UTC with six digits", () => {
    const at = "2026-01-02T03:04:05";
    equal(scheduleTimestamp(`${at}Z`), `${at}.000000+00:00`);
    equal(scheduleTimestamp(`${at}.1234567Z`), `${at}.123456+00:00`);
    equal(scheduleTimestamp(`${at}+01:30`), "2026-01-02T01:34:05.000000+00:00");
    equal(scheduleTimestamp(`${at}-05:00`), "2026-01-02T08:04:05.000000+00:00");
    equal(scheduleTimestampOfMs(0), "1970-01-01T00:00:00.000000+00:00");
  });

  it("answers null for what is no such time", () => {
    for (
      const text of [
        "soon",
        "2026-01-02T03:04:05",
        "2026-02-30T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:60Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
      ]
    ) {
      equal(scheduleTimestamp(text), null, text);
    }
    equal(scheduleTimestampOfMs(NaN), null);
    equal(scheduleTimestampOfMs(9e15), null);
  });
});
