import type { JsonValue } from "../../base/json.ts";
import type { ActionOutcome } from "../../engines/contract.ts";
import { member, text } from "../../engines/bullmq/facts.ts";
import { dataOf } from "../../engines/bullmq/payload.ts";
import { jobIdOf, taskIdOf } from "../../engines/bullmq/task_id.ts";
import type { ScheduleChange, ScheduleDefinition } from "../contract.ts";
import { type Definition, definitionOf, type OffRecord } from "./definition.ts";
import type { JobSchedulerLike } from "./like.ts";
import { readCadence } from "./cadence.ts";
import { keyOf, standingOf } from "./row.ts";
import { TRIGGER_OPTION } from "./runs.ts";
import type { LiveScheduler, ScheduleStore } from "./store.ts";

/** One schedule, found and locked, with what can be done to it. */
export interface Target {
  readonly store: ScheduleStore;
  readonly id: string;
  /** As BullMQ has it, if it does. */
  readonly live: LiveScheduler | undefined;
  /** Whether it is switched off, and how it was. */
  readonly off: { readonly record: OffRecord | undefined } | undefined;
  /** Unix milliseconds. */
  readonly nowMs: number;
}

/** Makes a switched-off scheduler again, or one whose next job is gone. */
export async function enable(target: Target): Promise<ActionOutcome> {
  const { store, id, live, off, nowMs } = target;
  if (off !== undefined) {
    const { record } = off;
    if (record === undefined) return refused(`the record of "${id}" cannot be read; delete it`);
    await store.record(id, { ...record, state: "enabling" });
    const problem = await make(target, record.definition, record.runs);
    if (problem !== undefined) {
      await store.record(id, record);
      return problem;
    }
    await store.record(id, null);
    return { status: "done", result: { is_enabled: true } };
  }
  if (live === undefined) return unknown(target);
  const standing = standingOf(live, nowMs);
  if (standing === "fires") return { status: "noop", reason: "it is enabled already" };
  if (standing === "exhausted") {
    return refused(`"${id}" has used up its limit or reached its end date`);
  }
  const problem = await make(target, await definition(target), 0);
  return problem ?? { status: "done", result: { is_enabled: true, repaired: true } };
}

/** Takes a scheduler away from BullMQ and keeps its definition. */
export async function disable(target: Target): Promise<ActionOutcome> {
  const { store, id, live, off } = target;
  if (live === undefined) {
    return off === undefined
      ? unknown(target)
      : { status: "noop", reason: "it is disabled already" };
  }
  const runs = Math.max(0, live.iterations - 1, off?.record?.runs ?? 0);
  await store.record(id, { definition: await definition(target), runs, state: "off" });
  await takeAway(store, live);
  return { status: "done", result: { is_enabled: false } };
}

/** Adds one job from the template; the cadence stays as it is. */
export async function trigger(target: Target): Promise<ActionOutcome> {
  const { store, id } = target;
  if (target.live === undefined && target.off === undefined) return unknown(target);
  const { name, data, opts } = await definition(target);
  const kept = Object.entries(opts).filter(([option]) => !OF_ONE_JOB.has(option));
  const job = await store.queue.add(name, data ?? {}, {
    ...Object.fromEntries(kept),
    [TRIGGER_OPTION]: id,
  });
  const jobId = jobIdOf(job) ?? "";
  return {
    status: "done",
    result: { task_id: taskIdOf(store.queue.name, jobId), run_id: jobId, started: false },
  };
}

/** Removes a schedule, its pending job and its record. */
export async function remove(target: Target): Promise<ActionOutcome> {
  const { store, id, live, off } = target;
  if (live === undefined && off === undefined) return unknown(target);
  if (live !== undefined) await takeAway(store, live);
  if (off !== undefined) await store.record(id, null);
  return { status: "done", result: { deleted: true } };
}

/** Makes a new schedule; the name is its id. */
export async function create(target: Target, wanted: ScheduleDefinition): Promise<ActionOutcome> {
  const { store, id, live, off, nowMs } = target;
  if (live !== undefined || off !== undefined) {
    return refused(`there is a schedule "${id}" in the queue ${store.queue.name} already`);
  }
  const cadence = readCadence(wanted, nowMs);
  if ("refused" in cadence) return refused(cadence.refused);
  const payload = dataOf(wanted.args, wanted.kwargs);
  if ("refused" in payload) return refused(payload.refused);
  const made: Definition = {
    repeat: cadence.repeat,
    name: wanted.taskName,
    data: payload.data,
    opts: {},
  };
  const key = keyOf(store.queue.name, id);
  if (!wanted.isEnabled) {
    await store.record(id, { definition: made, runs: 0, state: "off" });
    return { status: "done", result: { key } };
  }
  return await make(target, made, 0) ?? { status: "done", result: { key } };
}

/** Changes a schedule; what is not named stays, limits and options included. */
export async function update(target: Target, change: ScheduleChange): Promise<ActionOutcome> {
  const { store, id, live, off, nowMs } = target;
  if (live === undefined && off === undefined) return unknown(target);
  if (change.name !== undefined && change.name !== id) {
    return refused("the name of a job scheduler is its id and cannot change");
  }
  if (change.queue !== undefined && change.queue !== store.queue.name) {
    return refused("a job scheduler cannot move to another queue");
  }
  if (live === undefined && off?.record === undefined) {
    return refused(`the record of "${id}" cannot be read; delete it`);
  }
  const before = await definition(target);
  const after = changed(before, change, nowMs);
  if ("refused" in after) return refused(after.refused);
  const isEnabled = change.isEnabled ?? live !== undefined;
  const runs = off?.record?.runs ?? Math.max(0, (live?.iterations ?? 1) - 1);
  if (!isEnabled) {
    await store.record(id, { definition: after, runs, state: "off" });
    if (live !== undefined) await takeAway(store, live);
    return { status: "done", result: { is_enabled: false } };
  }
  const problem = await make(target, after, live === undefined ? runs : 0);
  if (problem !== undefined) return problem;
  if (off !== undefined) await store.record(id, null);
  return { status: "done", result: { is_enabled: true } };
}

/** Takes a live scheduler out of BullMQ, with the job that waits for its time. */
export async function takeAway(store: ScheduleStore, live: LiveScheduler): Promise<void> {
  await store.queue.removeJobScheduler(live.id);
  // BullMQ removes a delayed job; one that waits already would still run.
  await store.queue.remove(`repeat:${live.id}:${live.nextMs}`).catch(() => 0);
}

/** The definition with everything that BullMQ's own method knows to decode. */
export async function definition({ store, id, live, off }: Target): Promise<Definition> {
  if (live === undefined && off?.record !== undefined) return off.record.definition;
  const found = await store.queue.getJobScheduler(id);
  if (!isScheduler(found)) throw new Error(`the schedule "${id}" went away`);
  return definitionOf(found);
}

async function make(
  target: Target,
  { repeat, name, data, opts }: Definition,
  runs: number,
): Promise<ActionOutcome | undefined> {
  const { store, id, live, nowMs } = target;
  const { every } = repeat;
  // Without an offset BullMQ runs a new interval at once, which nobody asked for.
  const offset = every === undefined ? undefined : (repeat.offset ?? nowMs % every) || every;
  // BullMQ counts towards a limit by the jobs, which begin anew.
  const done = Math.max(runs, (live?.iterations ?? 1) - 1);
  const again = {
    ...repeat,
    ...(offset === undefined ? {} : { offset }),
    ...(repeat.pattern === undefined || repeat.tz !== undefined || live !== undefined
      ? {}
      : { tz: new Intl.DateTimeFormat().resolvedOptions().timeZone ?? "UTC" }),
    ...(repeat.limit === undefined || done === 0 ? {} : { count: done }),
  };
  let job: unknown;
  try {
    const template = { name, opts, ...(data === undefined ? {} : { data }) };
    job = await store.queue.upsertJobScheduler(id, again as never, template as never);
  } catch (error) {
    return { status: "failed", error: `BullMQ did not take it: ${messageOf(error)}` };
  }
  if (member(job, "id") === undefined) return refused(`"${id}" would have no further run`);
  await store.addIterations(id, runs);
  return undefined;
}

function changed(
  before: Definition,
  change: ScheduleChange,
  nowMs: number,
): Definition | { readonly refused: string } {
  const { args, kwargs } = change;
  let { repeat, data } = before;
  if (
    change.kind !== undefined || change.expression !== undefined || change.timezone !== undefined
  ) {
    const kind = change.kind ?? (repeat.pattern === undefined ? "interval" : "cron");
    const cadence = readCadence({ ...change, kind }, nowMs, repeat);
    if ("refused" in cadence) return cadence;
    repeat = cadence.repeat;
  }
  if (args !== undefined || kwargs !== undefined) {
    const payload = dataOf(args ?? [], kwargs ?? {});
    if ("refused" in payload) return payload;
    data = payload.data as JsonValue;
  }
  return { ...before, repeat, data, name: change.taskName ?? before.name };
}

function isScheduler(value: unknown): value is JobSchedulerLike {
  return text(member(value, "name")) !== undefined;
}

function messageOf(error: unknown): string {
  return text(member(error, "message")) ?? String(error);
}

function unknown({ store, id }: Target): ActionOutcome {
  return refused(`there is no schedule "${id}" in the queue ${store.queue.name}`);
}

function refused(reason: string): ActionOutcome {
  return { status: "refused", reason };
}

// Options that belong to one job; a copy of them would be lost or refused.
const OF_ONE_JOB: ReadonlySet<string> = new Set([
  ...["jobId", "delay", "timestamp", "repeat", "repeatJobKey", "prevMillis", "parent"],
  ...["deduplication", "debounce", "telemetry"],
]);
