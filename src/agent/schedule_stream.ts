import { type CancelTimer, type Clock, TIMED_OUT, withDeadline } from "../base/clock.ts";
import { errorText } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import type { Logger } from "../base/logger.ts";
import type { ActionContext } from "../engines/contract.ts";
import { canonicalText, type StreamPosition } from "../protocol/external_schedule.ts";
import type { ExternalScheduleRow } from "../protocol/external_schedule_row.ts";
import type { Scheduler } from "../schedulers/contract.ts";
import { type Authority, readAuthority, Refusal } from "./schedule_stream_authority.ts";
import { snapshotBatches } from "./schedule_stream_frames.ts";
import { openStreamMemory, type StreamMemory } from "./schedule_stream_memory.ts";
import {
  controlSchedule,
  mutateSchedule,
  type OperationHost,
} from "./schedule_stream_operations.ts";
import type {
  ScheduleCommandOutcome,
  ScheduleMeta,
  SchedulePublisher,
  ScheduleRedactor,
  ScheduleStream,
} from "./schedule_stream_port.ts";
import { type StreamRows, streamRows } from "./schedule_stream_rows.ts";

/** How long changes are gathered before a snapshot. */
export const CHANGE_DELAY_MS = 1000;

/** Least time between two snapshots that changes caused. */
export const CHANGE_SPACING_MS = 5000;

/** How long a scheduler may take to list its schedules. */
export const LIST_DEADLINE_MS = 10_000;

/** How long an answer waits for the brain's ack of the snapshot it is about. */
export const ACK_WAIT_MS = 10_000;

/** Unacknowledged publications beyond which changes wait: a brain may withhold acks. */
export const MAX_UNACKED = 4;

/** What a stream is made of. */
export interface ScheduleStreamParts {
  /** The scheduler to publish. */
  readonly scheduler: Scheduler;
  /** Sends event texts on the current session. */
  readonly publisher: SchedulePublisher;
  /** Keeps what must survive a restart. */
  readonly meta: ScheduleMeta;
  /** The redactor of the agent; must cover what the brain redacts. */
  readonly redactor: ScheduleRedactor;
  /** Time source. */
  readonly clock: Clock;
  /** Where failures to publish are told. */
  readonly logger: Logger;
}

/** Creates the sequenced stream of a scheduler; publishes after an activation only. */
export function createScheduleStream(parts: ScheduleStreamParts): ScheduleStream {
  return new Stream(parts);
}

/** The receipt of a published snapshot (protocol section 20.2). */
interface SnapshotReceipt {
  readonly result: JsonObject;
  readonly delivered: Promise<unknown>;
}

class Stream implements ScheduleStream, OperationHost {
  readonly owner: string;
  readonly tokens: readonly string[];
  readonly scheduler: Scheduler;
  readonly #parts: ScheduleStreamParts;
  #memory: Promise<StreamMemory> | undefined;
  #authority: Authority | null = null;
  #sequence = 0;
  #published: StreamRows = new Map();
  #tail: Promise<unknown> = Promise.resolve();
  #cancelTimer: CancelTimer | undefined;
  #lastAutomaticMs = Number.NEGATIVE_INFINITY;
  #unacked = 0;
  #isBehind = false;
  #closed = false;

  constructor(parts: ScheduleStreamParts) {
    this.#parts = parts;
    this.scheduler = parts.scheduler;
    this.owner = parts.scheduler.name;
    this.tokens = streamTokens(parts.scheduler);
  }

  activate(parameters: JsonObject, context: ActionContext): Promise<ScheduleCommandOutcome> {
    return this.#answer(async () => {
      const authority = readAuthority(parameters, this.owner);
      const memory = await this.memory();
      const known = memory.epoch();
      if (
        known?.stream_id === authority.stream_id && authority.epoch_number <= known.epoch_number
      ) {
        throw new Refusal("the activation is not newer than the current epoch");
      }
      const rows = await this.list();
      await memory.setEpoch({
        stream_id: authority.stream_id,
        epoch_number: authority.epoch_number,
      });
      this.#begin(authority);
      return this.#firstSnapshot(memory, rows, context);
    });
  }

  control(parameters: JsonObject, context: ActionContext): Promise<ScheduleCommandOutcome> {
    return this.#answer(() => controlSchedule(this, parameters, context));
  }

  mutate(parameters: JsonObject, context: ActionContext): Promise<ScheduleCommandOutcome> {
    return this.#answer(() => mutateSchedule(this, parameters, context));
  }

  resync(reason: string): Promise<void> {
    return this.#publish(reason, () => true);
  }

  changed(): void {
    if (this.#closed || this.#authority === null || this.#cancelTimer !== undefined) return;
    const { clock } = this.#parts;
    const spacing = this.#lastAutomaticMs + CHANGE_SPACING_MS - clock.monotonic();
    this.#cancelTimer = clock.setTimer(() => {
      this.#cancelTimer = undefined;
      this.#lastAutomaticMs = clock.monotonic();
      void this.#publish("changed", (rows) => this.#isNews(rows));
    }, Math.max(CHANGE_DELAY_MS, spacing));
  }

  sessionEnded(): void {
    this.#authority = null;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  close(): void {
    this.#closed = true;
    this.sessionEnded();
  }

  authority(): Authority {
    if (this.#authority === null) throw new Refusal("the schedule stream is not activated");
    return this.#authority;
  }

  memory(): Promise<StreamMemory> {
    return this.#memory ??= openStreamMemory(
      this.#parts.meta,
      this.owner,
      (error) => this.#warn(error),
    );
  }

  sequence(): number {
    return this.#sequence;
  }

  published(): StreamRows {
    return this.#published;
  }

  async within<T>(action: Promise<T>, context: ActionContext): Promise<T> {
    const result = await withDeadline(this.#parts.clock, action, context.remainingMs);
    if (result === TIMED_OUT) throw new Refusal("the scheduler did not answer in time", true);
    return result;
  }

  now(): number {
    return this.#parts.clock.now();
  }

  async list(): Promise<StreamRows> {
    const { scheduler, clock, redactor } = this.#parts;
    const list = await withDeadline(
      clock,
      Promise.resolve().then(() => scheduler.list()),
      LIST_DEADLINE_MS,
    );
    if (list === TIMED_OUT) throw new Refusal("the scheduler did not list its schedules in time");
    return streamRows(list, this.owner, scheduler.engine, redactor);
  }

  async publishRows(
    rows: StreamRows,
    reason: string,
    context: ActionContext,
  ): Promise<JsonObject> {
    const receipt = await this.#snapshot(rows, reason);
    await this.#acked(receipt.delivered, context);
    return receipt.result;
  }

  nextPosition(): StreamPosition {
    const authority = this.authority();
    this.#sequence += 1;
    return {
      stream_id: authority.stream_id,
      epoch_uuid: authority.epoch_uuid,
      epoch_number: authority.epoch_number,
      sequence: this.#sequence,
      owner: this.owner,
      source_scope: authority.source_scope,
      adapter_instance_id: authority.adapter_instance_id,
      stable_source: true,
    };
  }

  async publishText(
    text: string,
    key: string,
    row: ExternalScheduleRow,
    context: ActionContext,
  ): Promise<void> {
    this.#published = new Map(this.#published).set(row.source_key, { row, key });
    await this.#acked(this.#parts.publisher.publish([text]), context);
  }

  async #publish(reason: string, isWanted: (rows: StreamRows) => boolean): Promise<void> {
    await this.#queued(async () => {
      if (this.#authority === null) return;
      const rows = await this.list();
      if (isWanted(rows)) await this.#snapshot(rows, reason);
    }).catch((error) => this.#warn(error));
  }

  #isNews(rows: StreamRows): boolean {
    this.#isBehind = this.#unacked >= MAX_UNACKED;
    return !this.#isBehind && !sameRows(rows, this.#published);
  }

  /** Counts what the brain has yet to acknowledge, and catches up afterwards. */
  async #counted<T>(delivered: Promise<T>): Promise<T> {
    this.#unacked += 1;
    try {
      return await delivered;
    } finally {
      this.#unacked -= 1;
      if (this.#isBehind) this.changed();
    }
  }

  #begin(authority: Authority): void {
    this.sessionEnded();
    this.#authority = this.#closed ? null : authority;
    this.#sequence = 0;
    this.#published = new Map();
  }

  /**
   * The first snapshot of an epoch must not lack rows of an older epoch: a stock
   * brain then acknowledges it, stores nothing and blocks the stream. Rows that
   * vanished meanwhile are shown once more, disabled, and removed by the next.
   */
  async #firstSnapshot(
    memory: StreamMemory,
    rows: StreamRows,
    context: ActionContext,
  ): Promise<JsonObject> {
    const superset = new Map(rows);
    const names = new Set([...rows.values()].map(({ row }) => row.name));
    for (const row of memory.remembered()) {
      if (superset.has(row.source_key)) continue;
      const name = names.has(row.name) ? row.source_key : row.name;
      const gone = { ...row, name, is_enabled: false, next_run_at: null };
      superset.set(row.source_key, { row: gone, key: row.source_key });
    }
    const result = await this.publishRows(superset, "activation", context);
    if (superset.size > rows.size && this.#authority !== null) {
      await this.#snapshot(rows, "activation");
    }
    return result;
  }

  async #snapshot(rows: StreamRows, reason: string): Promise<SnapshotReceipt> {
    const plain = [...rows.values()].map(({ row }) => row);
    const memory = await this.memory();
    await memory.remember(plain);
    const position = this.nextPosition();
    const now = this.now();
    const { batches, frameCount, rowCount } = await snapshotBatches(position, plain, reason, now);
    this.#published = rows;
    const sent = batches.map((texts) => this.#parts.publisher.publish(texts));
    const delivered = this.#counted(Promise.all(sent)).then(async (outcomes) => {
      if (outcomes.every((outcome) => outcome === "acked")) await this.#confirm(position, plain);
    }).catch((error) => this.#warn(error));
    return { result: receiptOf(position, rowCount, frameCount), delivered };
  }

  async #confirm(position: StreamPosition, rows: readonly ExternalScheduleRow[]): Promise<void> {
    // Only the newest publication says what the brain holds.
    if (position.sequence !== this.#sequence) return;
    if (position.epoch_uuid !== this.#authority?.epoch_uuid) return;
    await (await this.memory()).confirm(rows);
  }

  async #acked(delivered: Promise<unknown>, context: ActionContext): Promise<void> {
    const waitMs = Math.max(0, Math.min(ACK_WAIT_MS, context.remainingMs / 2));
    await withDeadline(this.#parts.clock, delivered, waitMs);
  }

  /** One publication after the other: sequences must leave in order. */
  #queued<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(action);
    this.#tail = result.catch(() => {});
    return result;
  }

  async #answer(action: () => Promise<JsonObject>): Promise<ScheduleCommandOutcome> {
    try {
      return { status: "success", result: await this.#queued(action) };
    } catch (error) {
      const indeterminate = error instanceof Refusal && error.indeterminate;
      return { status: "failed", error: errorText(error), indeterminate };
    }
  }

  #warn(error: unknown): void {
    const facts = { scheduler: this.owner, error: errorText(error) };
    this.#parts.logger.warn(facts, "the schedules could not be published");
  }
}

function sameRows(a: StreamRows, b: StreamRows): boolean {
  const text = (rows: StreamRows): string =>
    [...rows.values()].map(({ row }) => canonicalText(row)).sort().join();
  return a.size === b.size && text(a) === text(b);
}

function receiptOf(position: StreamPosition, rowCount: number, frameCount: number): JsonObject {
  return {
    scheduler: position.owner,
    stream_id: position.stream_id,
    epoch_uuid: position.epoch_uuid,
    epoch_number: position.epoch_number,
    sequence: position.sequence,
    adapter_instance_id: position.adapter_instance_id,
    schedule_count: rowCount,
    frame_count: frameCount,
  };
}

/** Tokens of a scheduler plus the attestations of section 20.1 and 20.8. */
function streamTokens(scheduler: Scheduler): readonly string[] {
  const tokens: string[] = [...scheduler.capabilities, "external_schedule_stable_snapshot_v1"];
  const acts = Object.values(scheduler.actions).some((action) => typeof action === "function");
  if (acts && scheduler.hasAtomicWrites !== false) {
    tokens.push("external_schedule_mutation_v1");
  }
  return tokens;
}
