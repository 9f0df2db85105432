import { deepStrictEqual as deepEqual, strictEqual as equal, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import {
  projectionBody,
  type ProjectionInput,
  snapshotFrameBody,
  type SnapshotFrameInput,
} from "../../src/protocol/external_schedule.ts";

const POSITION = {
  stream_id: "s",
  epoch_uuid: "e",
  epoch_number: 1,
  sequence: 1,
  owner: "croner",
  source_scope: "scope",
  adapter_instance_id: "a",
  stable_source: true,
};
const ROW = { name: "nightly", task_name: "report" };
const PROJECTION: ProjectionInput = {
  ...POSITION,
  kind: "created",
  complete: false,
  schedules: [ROW],
};
const FRAME: SnapshotFrameInput = {
  ...POSITION,
  snapshot_id: "n",
  frame_kind: "rows",
  frame_index: 0,
  frame_count: 1,
  row_count: 1,
  snapshot_digest: "0".repeat(64),
  schedules: [ROW],
};
const REFUSED = { code: "Z4J_SCHEDULE_ROW" };

describe("projectionBody()", () => {
  it("sorts rows and deleted keys, drops blank keys, and names no operation by default", () => {
    const body = projectionBody({
      ...PROJECTION,
      schedules: [{ ...ROW, name: "b" }, { ...ROW, name: "a" }],
      deleted_source_keys: [" z ", "y", "", " "],
    });
    deepEqual(body.schedules.map(({ source_key }) => source_key), ["a", "b"]);
    deepEqual(body.deleted_source_keys, ["y", "z"]);
    equal(body.operation_id, null);
  });

  it("refuses what no brain would take", () => {
    const changes: readonly Partial<ProjectionInput>[] = [
      { kind: "moved" },
      { owner: "" },
      { owner: "z4j-scheduler" },
      { epoch_number: 0 },
      { sequence: 0 },
      { sequence: NaN },
      { adapter_instance_id: "" },
      { schedules: [ROW, ROW] },
      { deleted_source_keys: ["nightly"] },
    ];
    for (const change of changes) {
      throws(() => projectionBody({ ...PROJECTION, ...change }), REFUSED, JSON.stringify(change));
    }
  });
});

describe("snapshotFrameBody()", () => {
  it("takes rows in numbered frames, and a frame without rows behind them", () => {
    equal(snapshotFrameBody(FRAME).schedules.length, 1);
    const terminal = { ...FRAME, frame_kind: "terminal", frame_index: 1, schedules: [] };
    equal(snapshotFrameBody(terminal).frame_index, 1);
    const empty = { ...terminal, frame_index: 0, frame_count: 0, row_count: 0 };
    equal(snapshotFrameBody(empty).frame_count, 0);
  });

  it("refuses what no brain would take", () => {
    const changes: readonly Partial<SnapshotFrameInput>[] = [
      { snapshot_id: "" },
      { frame_kind: "last" },
      { snapshot_digest: "0" },
      { snapshot_digest: "A".repeat(64) },
      { frame_index: -1 },
      { frame_count: -1 },
      { row_count: -1 },
      { frame_index: 2 },
      { frame_index: 1 },
      { schedules: [] },
      { frame_kind: "terminal", frame_index: 1 },
      { frame_kind: "terminal", schedules: [] },
    ];
    for (const change of changes) {
      throws(() => snapshotFrameBody({ ...FRAME, ...change }), REFUSED, JSON.stringify(change));
    }
  });
});
