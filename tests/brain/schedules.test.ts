import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { JsonObject, JsonValue } from "../../src/base/json.ts";
import { encodeCanonical } from "../../src/protocol/canonical_json.ts";
import {
  type BrainFixture,
  connect,
  openFixture,
  type PeerAgent,
  until,
  wireEvent,
} from "../_support/brain_peer.ts";

const STABLE = "external_schedule_stable_snapshot_v1";
const MUTATION = "external_schedule_mutation_v1";

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

function scheduleRow(key: string, over: JsonObject = {}): JsonObject {
  return {
    args: [],
    catch_up: "skip",
    engine: "bullmq",
    expression: "*/5 * * * *",
    external_id: key,
    is_enabled: true,
    kind: "cron",
    kwargs: {},
    last_run_at: null,
    name: key,
    next_run_at: null,
    priority: "normal",
    queue: null,
    scheduler: "croner",
    source: "agent",
    source_hash: null,
    source_key: key,
    task_name: "jobs.report",
    timezone: "UTC",
    total_runs: 0,
    ...over,
  };
}

/** What an agent publishes under one activation. */
class Publisher {
  readonly #position: JsonObject;

  constructor(parameters: JsonValue | undefined) {
    const given = parameters as JsonObject;
    const names = ["stream_id", "epoch_uuid", "epoch_number", "owner", "source_scope"];
    this.#position = Object.fromEntries(
      [...names, "adapter_instance_id"].map((name) => [name, given[name] ?? null]),
    );
  }

  projection(
    sequence: number,
    kind: string,
    rows: readonly JsonObject[],
    over: JsonObject = {},
  ): JsonObject {
    return {
      ...this.#position,
      protocol_version: 1,
      sequence,
      kind,
      complete: kind === "snapshot",
      stable_source: true,
      operation_id: null,
      schedules: rows,
      deleted_source_keys: [],
      ...over,
    };
  }

  event(kind: string, body: JsonObject): JsonObject {
    const data = {
      external_projection: body,
      payload_digest: sha256(encodeCanonical(body)),
      reason: "t",
    };
    return wireEvent({ kind, engine: "croner", task_id: "", data });
  }

  /** Row frames of one row each, then the terminal frame. */
  snapshot(sequence: number, rows: readonly JsonObject[]): JsonObject[] {
    const digest = sha256(encodeCanonical(this.projection(sequence, "snapshot", rows)));
    const shared = {
      ...this.#position,
      protocol_version: 1,
      sequence,
      snapshot_id: crypto.randomUUID(),
      frame_count: rows.length,
      row_count: rows.length,
      snapshot_digest: digest,
      stable_source: true,
    };
    const frames: JsonObject[] = rows.map((row, index) => ({
      ...shared,
      frame_kind: "rows",
      frame_index: index,
      schedules: [row],
    }));
    frames.push({ ...shared, frame_kind: "terminal", frame_index: rows.length, schedules: [] });
    return frames.map((body) =>
      wireEvent({
        kind: "schedule.snapshot",
        engine: "croner",
        task_id: "",
        data: {
          external_snapshot_frame: body,
          frame_digest: sha256(encodeCanonical(body)),
          reason: "t",
        },
      })
    );
  }
}

describe("ExternalSchedules", () => {
  let fixture: BrainFixture;
  beforeEach(async () => {
    fixture = await openFixture();
  });
  afterEach(() => fixture.brain.close());

  const join = (tokens: readonly string[] = [STABLE], over: JsonObject = {}): Promise<PeerAgent> =>
    connect(fixture, {
      schedulers: ["croner"],
      runtime_features: ["external_schedule_protocol_v1"],
      capabilities: { croner: tokens },
      ...over,
    });
  const activated = async (peer: PeerAgent): Promise<Publisher> =>
    new Publisher((await peer.command("schedule.external.activate")).payload["parameters"]);
  const keys = (): readonly string[] =>
    fixture.brain.reader.schedules(fixture.project.id).map((one) => one.sourceKey);
  const isWithheld = async (
    peer: PeerAgent,
    id: string,
    events: readonly JsonValue[],
  ): Promise<boolean> => {
    await peer.send("event_batch", id, { events });
    await peer.batch(`${id}-after`, []);
    return !peer.frames.some((one) => one.payload["acked_id"] === id);
  };

  it("activates only sessions that meet every condition, with a rising epoch", async () => {
    for (const over of [{ runtime_features: [] }, { schedulers: [] }, { capabilities: {} }]) {
      const peer = await join([STABLE], over);
      await peer.batch("b", []);
      assert.equal(peer.frames.some((one) => one.type === "command"), false);
      peer.drop();
    }
    const epochs: JsonValue[] = [];
    for (let i = 0; i < 2; i++) {
      const peer = await join();
      const { payload } = await peer.command("schedule.external.activate");
      assert.equal(typeof payload["delivery_claim_token"], "string");
      epochs.push((payload["parameters"] as JsonObject)["epoch_number"] ?? null);
      peer.drop();
    }
    assert.deepEqual(epochs, [1, 2]);
  });

  it("assembles frames over batches and removes rows that a snapshot lacks", async () => {
    const peer = await join();
    const publisher = await activated(peer);
    for (
      const [index, event] of publisher.snapshot(1, [scheduleRow("a"), scheduleRow("b")]).entries()
    ) {
      assert.equal((await peer.batch(`f${index}`, [event]))["accepted"], 1);
    }
    assert.deepEqual(keys(), ["a", "b"]);
    await peer.batch("s2", publisher.snapshot(2, [scheduleRow("b")]));
    assert.deepEqual(keys(), ["b"]);
    await peer.batch("s3", publisher.snapshot(3, []));
    assert.deepEqual(keys(), []);
  });

  it("applies updates in sequence and acknowledges repetitions", async () => {
    const peer = await join();
    const publisher = await activated(peer);
    const first = publisher.snapshot(1, [scheduleRow("a"), scheduleRow("b")]);
    await peer.batch("s1", first);
    const update = publisher.event(
      "schedule.updated",
      publisher.projection(2, "updated", [scheduleRow("a", { is_enabled: false })]),
    );
    assert.equal((await peer.batch("u2", [update]))["accepted"], 1);
    assert.equal((await peer.batch("u2-again", [update]))["accepted"], 0);
    assert.equal((await peer.batch("s1-again", first))["accepted"], 0);
    const gone = publisher.projection(3, "deleted", [], { deleted_source_keys: ["b"] });
    await peer.batch("d3", [publisher.event("schedule.deleted", gone)]);
    const [row] = fixture.brain.reader.schedules(fixture.project.id);
    assert.deepEqual([keys(), row?.row["is_enabled"]], [["a"], false]);
  });

  it("withholds the ack of gaps, wrong epochs, broken digests and missing frames", async () => {
    const peer = await join();
    const publisher = await activated(peer);
    const [frame, terminal] = publisher.snapshot(1, [scheduleRow("a")]);
    if (frame === undefined || terminal === undefined) assert.fail("no frames");
    assert.equal(await isWithheld(peer, "missing", [terminal]), true);
    assert.equal(await isWithheld(peer, "gap", publisher.snapshot(3, [scheduleRow("a")])), true);
    const early = publisher.projection(1, "updated", [scheduleRow("a")]);
    assert.equal(
      await isWithheld(peer, "early", [publisher.event("schedule.updated", early)]),
      true,
    );
    const foreign = publisher.projection(1, "snapshot", [], { epoch_number: 99 });
    assert.equal(
      await isWithheld(peer, "epoch", [publisher.event("schedule.snapshot", foreign)]),
      true,
    );
    const data = { ...(frame["data"] as JsonObject), frame_digest: "0".repeat(64) };
    assert.equal(await isWithheld(peer, "digest", [{ ...frame, data }]), true);
    assert.deepEqual(keys(), []);
    await peer.batch("good", [frame, terminal]);
    assert.deepEqual(keys(), ["a"]);
  });

  it("ends the epoch when one sequence has two contents, until the next connect", async () => {
    const peer = await join();
    const publisher = await activated(peer);
    await peer.batch("s1", publisher.snapshot(1, [scheduleRow("a")]));
    assert.equal(await isWithheld(peer, "other", publisher.snapshot(1, [scheduleRow("b")])), true);
    assert.equal(await isWithheld(peer, "s2", publisher.snapshot(2, [scheduleRow("a")])), true);
    peer.drop();
    const next = await join();
    await next.batch("s1", (await activated(next)).snapshot(1, [scheduleRow("c")]));
    assert.deepEqual(keys(), ["c"]);
  });

  it("acknowledges and drops a snapshot with a row outside the vocabulary", async () => {
    const peer = await join();
    const publisher = await activated(peer);
    await peer.batch(
      "s1",
      publisher.snapshot(1, [scheduleRow("a", { kind: "moon" }), scheduleRow("b")]),
    );
    assert.deepEqual(keys(), []);
    await peer.batch("s2", publisher.snapshot(2, [scheduleRow("b")]));
    assert.deepEqual(keys(), ["b"]);
  });

  it("moves the stream to another session when its holder goes", async () => {
    const holder = await join([STABLE], { worker_id: "a" });
    await activated(holder);
    const other = await join([STABLE], { worker_id: "b" });
    await other.batch("b", []);
    assert.equal(other.frames.some((one) => one.type === "command"), false);
    holder.drop();
    await other.batch("s1", (await activated(other)).snapshot(1, [scheduleRow("a")]));
    assert.deepEqual(keys(), ["a"]);
  });

  it("controlSchedule() mutates or controls by what the scheduler can, one at a time", async () => {
    const { operator, reader } = fixture.brain;
    const id = fixture.project.id;
    const peer = await join([STABLE, MUTATION, "disable", "trigger_now"]);
    await peer.batch("s1", (await activated(peer)).snapshot(1, [scheduleRow("a")]));
    const schedule = reader.schedules(id)[0]?.id ?? "";
    assert.equal(kindOf(operator.controlSchedule(id, schedule, "enable")), "refused");
    assert.equal(kindOf(operator.controlSchedule(id, "nope", "enable")), "not_found");
    const command = operator.controlSchedule(id, schedule, "disable");
    assert.equal(kindOf(command), "taken");
    assert.equal(kindOf(operator.controlSchedule(id, schedule, "trigger")), "conflict");
    const frame = await peer.command("schedule.external.mutate");
    const parameters = frame.payload["parameters"] as JsonObject;
    assert.deepEqual(parameters["definition"], { is_enabled: false });
    assert.deepEqual(parameters["expected"], scheduleRow("a"));
    assert.equal(parameters["expected_accepted_sequence"], 1);
    await peer.send("command_result", frame.id, {
      status: "success",
      result: {},
      delivery_claim_token: "x",
    });
    await peer.batch("b1", []);
    assert.equal(reader.command(id, frame.id)?.status, "dispatched");
    const claim = frame.payload["delivery_claim_token"] ?? null;
    await peer.send("command_result", frame.id, {
      status: "success",
      result: {},
      delivery_claim_token: claim,
    });
    await until(() => reader.command(id, frame.id)?.status === "completed", "completed");
  });

  it("controlSchedule() sends the digests of the present and the desired row", async () => {
    const { operator, reader } = fixture.brain;
    const id = fixture.project.id;
    const peer = await join();
    await peer.batch("s1", (await activated(peer)).snapshot(1, [scheduleRow("a")]));
    operator.controlSchedule(id, reader.schedules(id)[0]?.id ?? "", "disable");
    const frame = await peer.command("schedule.external.control");
    const parameters = frame.payload["parameters"] as JsonObject;
    const desired = scheduleRow("a", { is_enabled: false });
    assert.deepEqual(parameters["desired_projection"], desired);
    assert.equal(parameters["desired_projection_digest"], sha256(encodeCanonical(desired)));
    assert.equal(
      parameters["expected_projection_digest"],
      sha256(encodeCanonical(scheduleRow("a"))),
    );
    peer.drop();
    const schedule = reader.schedules(id)[0]?.id ?? "";
    assert.equal(kindOf(operator.controlSchedule(id, schedule, "disable")), "refused");
  });

  it("resyncSchedules() asks online agents with a scheduler", async () => {
    const peer = await join();
    const [command] = fixture.brain.operator.resyncSchedules(fixture.project.id);
    const frame = await peer.command("schedule.resync");
    assert.equal(frame.id, command?.id);
    assert.deepEqual(frame.payload["target"], { type: "project", id: "default" });
  });
});

function kindOf(answer: object): string {
  return "kind" in answer ? String(answer.kind) : "taken";
}
