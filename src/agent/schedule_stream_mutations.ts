import { errorText } from "../base/errors.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../base/json.ts";
import type { ActionContext, ActionOutcome } from "../engines/contract.ts";
import { canonicalText } from "../protocol/external_schedule.ts";
import {
  type ExternalScheduleRow,
  normalizeScheduleRow,
  scheduleConfiguration,
} from "../protocol/external_schedule_row.ts";
import type { ScheduleChange, Scheduler } from "../schedulers/contract.ts";
import { Refusal, textMember } from "./schedule_stream_authority.ts";
import { readChange, readDefinition } from "./schedule_definition.ts";
import type { StreamRow, StreamRows } from "./schedule_stream_rows.ts";

/** What a mutation needs of its stream. */
export interface MutationHost {
  /** Owner name. */
  readonly owner: string;
  /** The scheduler. */
  readonly scheduler: Scheduler;
  /** The rows as they are now. */
  list(): Promise<StreamRows>;
  /** Waits for an action until the deadline of its command; then it is uncertain. */
  within<T>(action: Promise<T>, context: ActionContext): Promise<T>;
}

/** What a scheduler did, and how to see it in its list. */
export interface Effect {
  /** The row it was done to, `null` when it is gone; throws when it does not show. */
  observe(rows: StreamRows): {
    readonly sourceKey: string;
    readonly row: ExternalScheduleRow | null;
  };
  /** The scheduler's answer to a trigger. */
  readonly triggered?: JsonObject;
}

/** Carries out the operation of a `schedule.external.mutate` (protocol section 20.8). */
export async function mutate(
  host: MutationHost,
  parameters: JsonObject,
  context: ActionContext,
): Promise<Effect> {
  const { operation } = parameters;
  if (operation === "create") return await create(host, parameters, context);
  const sourceKey = textMember(parameters, "schedule_id");
  const current = rowOf(await host.list(), sourceKey);
  checkExpected(host.owner, parameters, current.row);
  const shown = (rows: StreamRows, accepts: (row: ExternalScheduleRow) => boolean) => {
    const { row } = rowOf(rows, sourceKey);
    if (!accepts(row)) throw new Refusal("the schedule did not take the desired state");
    return { sourceKey, row };
  };
  switch (operation) {
    case "trigger": {
      const triggered = await perform(host, "trigger", (run) => run(current.key, context), context);
      return { triggered, observe: (rows) => shown(rows, () => true) };
    }
    case "delete":
      await perform(host, "delete", (run) => run(current.key, context), context);
      return {
        observe(rows) {
          if (rows.has(sourceKey)) throw new Refusal("the schedule is still there");
          return { sourceKey, row: null };
        },
      };
    case "update": {
      const change = readChange(parameters["definition"], current.row);
      await update(host, current.key, change, context);
      const { isEnabled } = change;
      return {
        observe: (rows) =>
          shown(rows, (row) => isEnabled === undefined || row.is_enabled === isEnabled),
      };
    }
    default:
      throw new Refusal(`the operation ${String(operation)} is unknown`);
  }
}

/** Lets a schedule fire, or keeps it from firing. */
export async function switchSchedule(
  host: MutationHost,
  isEnabled: boolean,
  key: string,
  context: ActionContext,
): Promise<void> {
  await perform(host, isEnabled ? "enable" : "disable", (run) => run(key, context), context);
}

/** The row of a source key. */
export function rowOf(rows: StreamRows, sourceKey: string): StreamRow {
  const found = rows.get(sourceKey);
  if (found === undefined) throw new Refusal(`there is no schedule "${sourceKey}"`);
  return found;
}

/** Whether two rows say the same, apart from what their runs change. */
export function sameConfiguration(a: ExternalScheduleRow, b: ExternalScheduleRow): boolean {
  return canonicalText(scheduleConfiguration(a)) === canonicalText(scheduleConfiguration(b));
}

async function create(
  host: MutationHost,
  parameters: JsonObject,
  context: ActionContext,
): Promise<Effect> {
  const definition = readDefinition(parameters["definition"]);
  const made = await perform(host, "create", (run) => run(definition, context), context);
  return {
    observe(rows) {
      for (const [sourceKey, { key, row }] of rows) {
        if (key === made["key"]) return { sourceKey, row };
      }
      throw new Refusal("the new schedule does not show");
    },
  };
}

async function update(
  host: MutationHost,
  key: string,
  change: ScheduleChange,
  context: ActionContext,
): Promise<void> {
  const names = Object.keys(change);
  if (names.length === 0) return;
  if (names.length === 1 && change.isEnabled !== undefined) {
    return await switchSchedule(host, change.isEnabled, key, context);
  }
  await perform(host, "update", (run) => run(key, change, context), context);
}

type Actions = Scheduler["actions"];

async function perform<A extends keyof Actions>(
  host: MutationHost,
  name: A,
  invoke: (run: NonNullable<Actions[A]>) => Promise<ActionOutcome>,
  context: ActionContext,
): Promise<JsonObject> {
  const { actions } = host.scheduler;
  const run = actions[name];
  if (run === undefined) throw new Refusal(cannot(host, name));
  let outcome: ActionOutcome;
  try {
    const bound = run.bind(actions) as NonNullable<Actions[A]>;
    outcome = await host.within(Promise.resolve(invoke(bound)), context);
  } catch (error) {
    throw new Refusal(errorText(error), true);
  }
  switch (outcome.status) {
    case "done":
      return outcome.result;
    case "noop":
      return outcome.result ?? {};
    case "failed":
      throw new Refusal(outcome.error);
    case "refused":
      throw new Refusal(outcome.reason);
    case "indeterminate":
      throw new Refusal(outcome.reason, true);
  }
}

function cannot(host: MutationHost, name: keyof Actions): string {
  const inCode = name === "create" || name === "update" || name === "delete";
  return `the scheduler ${host.owner} cannot ${name}${
    inCode ? ": its schedules are defined in code" : ""
  }`;
}

function checkExpected(owner: string, parameters: JsonObject, current: ExternalScheduleRow): void {
  const expected: JsonValue | undefined = parameters["expected"];
  if (!isJsonObject(expected)) throw new Refusal("expected is missing");
  if (!sameConfiguration(normalizeScheduleRow(expected, owner), current)) {
    throw new Refusal("the schedule changed since the brain last saw it");
  }
}
