import { ok, strictEqual as equal } from "node:assert/strict";
import { createScheduleStream } from "../../src/agent/schedule_stream.ts";
import type { PublishOutcome, ScheduleStream } from "../../src/agent/schedule_stream_port.ts";
import type { JsonObject, JsonValue } from "../../src/base/json.ts";
import { noopLogger } from "../../src/base/logger.ts";
import type { ActionContext } from "../../src/engines/contract.ts";
import {
  projectionBody,
  projectionDigest,
  type ProjectionInput,
  rowDigest,
  scheduleScope,
  type SnapshotFrameBody,
  snapshotFrameDigest,
} from "../../src/protocol/external_schedule.ts";
import type { ExternalScheduleRow } from "../../src/protocol/external_schedule_row.ts";
import { createRedactor, type Redactor } from "../../src/redaction/redactor.ts";
import type { Schedule, Scheduler, SchedulerActions } from "../../src/schedulers/contract.ts";
import { createFakeClock, type FakeClock } from "../../src/testing/fake_clock.ts";

export const OWNER = "croner";
export const context: ActionContext = { signal: new AbortController().signal, remainingMs: 60_000 };

export const redact: Redactor["redact"] = createRedactor().redact;

export function schedule(key: string, more: Partial<Schedule> = {}): Schedule {
  return {
    key,
    name: key,
    taskName: "job",
    kind: "cron",
    expression: "0 3 * * *",
    isEnabled: true,
    ...more,
  };
}

export interface Published {
  readonly sequence: number;
  readonly kind: string;
  readonly rows: ExternalScheduleRow[];
}

/** A brain that redacts, checks every digest, and counts sequences. */
export class BrainDouble {
  readonly published: Published[] = [];
  readonly batches: (readonly string[])[] = [];
  outcome: PublishOutcome = "acked";
  gate: Promise<void> = Promise.resolve();
  #pending: ExternalScheduleRow[] = [];
  #tail: Promise<void> = Promise.resolve();

  publish(events: readonly string[]): Promise<PublishOutcome> {
    this.batches.push(events);
    this.#tail = this.#tail.then(() => this.gate).then(async () => {
      for (const text of events) await this.#take(redact(JSON.parse(text)) as JsonObject);
    });
    return this.#tail.then(() => this.outcome);
  }

  async #take(event: JsonObject): Promise<void> {
    equal(event["engine"], OWNER);
    const data = event["data"] as JsonObject;
    const frame = data["external_snapshot_frame"] as unknown as SnapshotFrameBody | undefined;
    if (frame === undefined) {
      const body = data["external_projection"] as unknown as ProjectionInput & Published;
      equal(await projectionDigest(projectionBody(body)), data["payload_digest"]);
      const rows = body.schedules as unknown as ExternalScheduleRow[];
      this.published.push({ sequence: body.sequence, kind: body.kind, rows });
      return;
    }
    equal(await snapshotFrameDigest(frame), data["frame_digest"]);
    this.#pending.push(...frame.schedules);
    if (frame.frame_kind !== "terminal") return;
    equal(this.#pending.length, frame.row_count);
    const input = { ...frame, kind: "snapshot", complete: true, schedules: this.#pending };
    equal(await projectionDigest(projectionBody(input)), frame.snapshot_digest);
    this.published.push({ sequence: frame.sequence, kind: "snapshot", rows: this.#pending });
    this.#pending = [];
  }
}

export interface Setup {
  readonly stream: ScheduleStream;
  readonly brain: BrainDouble;
  readonly clock: FakeClock;
  readonly list: Schedule[];
  readonly calls: string[];
  readonly metas: Map<string, string>;
}

/** What is otherwise than usual. */
export interface SetupMore {
  readonly scheduler?: Partial<Scheduler>;
  readonly redact?: (value: unknown) => JsonValue;
}

/** A stream before a brain double; its scheduler keeps the list. */
export function setup(
  list: Schedule[],
  actions?: SchedulerActions,
  metas: Map<string, string> = new Map(),
  more: SetupMore = {},
): Setup {
  const brain = new BrainDouble();
  const clock = createFakeClock();
  const calls: string[] = [];
  const turn = (name: string, isEnabled?: boolean) => (key: string) => {
    calls.push(`${name} ${key}`);
    const index = list.findIndex((row) => row.key === key);
    const row = list[index];
    if (row !== undefined && isEnabled !== undefined) list[index] = { ...row, isEnabled };
    return Promise.resolve({ status: "done", result: { name } } as const);
  };
  const scheduler: Scheduler = {
    name: OWNER,
    capabilities: ["list", "enable", "disable", "trigger_now"],
    attach() {},
    detach() {},
    list: () => [...list],
    actions: actions ??
      { enable: turn("enable", true), disable: turn("disable", false), trigger: turn("trigger") },
    ...more.scheduler,
  };
  const stream = createScheduleStream({
    scheduler,
    publisher: brain,
    meta: {
      getMeta: (key) => metas.get(key) ?? null,
      setMeta: (key, value) => void (value === null ? metas.delete(key) : metas.set(key, value)),
    },
    redactor: { redact: more.redact ?? redact },
    clock,
    logger: noopLogger,
  });
  return { stream, brain, clock, list, calls, metas };
}

export function activation(epoch: number): JsonObject {
  return {
    scheduler: OWNER,
    owner: OWNER,
    source_scope: scheduleScope(OWNER),
    stream_id: "stream-1",
    epoch_uuid: `epoch-${epoch}`,
    epoch_number: epoch,
    adapter_instance_id: `instance-${epoch}`,
    stable_source: true,
    registry_owner_id: "registry",
    session_generation: epoch,
  };
}

export async function resultOf(
  outcome: ReturnType<ScheduleStream["activate"]>,
): Promise<JsonObject> {
  const settled = await outcome;
  if (settled.status !== "success") throw new Error(settled.error);
  return settled.result;
}

export async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!condition()) {
    ok(Date.now() < deadline, "the condition was not reached in time");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export function mutation(setup: Setup, more: JsonObject): JsonObject {
  const row = setup.brain.published.at(-1)?.rows[0];
  return {
    ...activation(1),
    operation_id: "operation-1",
    schedule_id: row?.source_key ?? null,
    expected: row as unknown as JsonObject,
    expected_accepted_sequence: setup.brain.published.at(-1)?.sequence ?? 0,
    definition: {},
    ...more,
  };
}

/** Source keys and switches of a publication. */
export const keys = (published: Published | undefined): string[] =>
  (published?.rows ?? []).map((row) => `${row.source_key}:${row.is_enabled}`);

/** Parameters of a `schedule.external.control` about the first published row. */
export async function controlParameters(all: Setup, isEnabled: boolean): Promise<JsonObject> {
  const row = all.brain.published.at(-1)?.rows[0];
  if (row === undefined) throw new Error("nothing was published");
  const desired = { ...row, is_enabled: isEnabled };
  return {
    ...activation(1),
    operation_id: `control-${isEnabled}`,
    schedule_id: row.source_key,
    source_key: row.source_key,
    expected_accepted_sequence: all.brain.published.at(-1)?.sequence ?? 0,
    expected_projection_digest: await rowDigest(row),
    desired_projection: desired as unknown as JsonObject,
    desired_projection_digest: await rowDigest(desired),
  };
}
