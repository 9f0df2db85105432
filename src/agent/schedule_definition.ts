import { isJsonObject, type JsonObject, type JsonValue } from "../base/json.ts";
import { canonicalText } from "../protocol/external_schedule.ts";
import type { ExternalScheduleRow } from "../protocol/external_schedule_row.ts";
import { REDACTED } from "../redaction/limits.ts";
import type { ScheduleChange, ScheduleDefinition } from "../schedulers/contract.ts";
import { Refusal } from "./schedule_stream_authority.ts";

const KINDS = ["cron", "interval", "clocked", "solar"] as const;

/** Reads the definition of a new schedule (protocol section 20.8). */
export function readDefinition(value: JsonValue | undefined): ScheduleDefinition {
  const { name, taskName, kind, expression, ...rest } = readMembers(present(value));
  if (name === undefined || taskName === undefined || expression === undefined) {
    throw new Refusal("a new schedule needs name, task_name and expression");
  }
  return {
    timezone: "UTC",
    queue: null,
    args: [],
    kwargs: {},
    isEnabled: true,
    ...rest,
    name,
    taskName,
    kind: kind ?? "interval",
    expression,
  };
}

/** Reads what shall change; members that say what the row says already are left out. */
export function readChange(
  value: JsonValue | undefined,
  current: ExternalScheduleRow,
): ScheduleChange {
  const row: JsonObject = { ...current };
  const changed = Object.entries(present(value)).filter(([name, wanted]) =>
    canonicalText({ value: wanted }) !== canonicalText({ value: row[name] ?? null })
  );
  return readMembers(Object.fromEntries(changed));
}

function present(definition: JsonValue | undefined): JsonObject {
  if (isJsonObject(definition)) return definition;
  throw new Refusal("definition is missing");
}

function readMembers(value: JsonObject): ScheduleChange {
  const change: { -readonly [K in keyof ScheduleChange]: ScheduleChange[K] } = {};
  for (const [name, member] of Object.entries(value)) {
    if (!isMember(name)) throw new Refusal(`${name} is no member of a schedule`);
    Object.assign(change, READERS[name](member, name));
  }
  return change;
}

function isMember(name: string): name is keyof typeof READERS {
  return Object.hasOwn(READERS, name);
}

const READERS = {
  name: (value: JsonValue, name: string) => ({ name: text(value, name) }),
  task_name: (value: JsonValue, name: string) => ({ taskName: text(value, name) }),
  kind(value: JsonValue): ScheduleChange {
    const kind = KINDS.find((known) => known === value);
    if (kind === undefined) throw new Refusal(`kind must be one of ${KINDS.join(", ")}`);
    return { kind };
  },
  expression: (value: JsonValue, name: string) => ({ expression: text(value, name) }),
  timezone: (value: JsonValue, name: string) => ({ timezone: text(value, name) }),
  queue: (value: JsonValue, name: string) => ({ queue: value === null ? null : text(value, name) }),
  args(value: JsonValue): ScheduleChange {
    if (!Array.isArray(value)) throw new Refusal("args is not an array");
    checkReal(value);
    return { args: value };
  },
  kwargs(value: JsonValue): ScheduleChange {
    if (!isJsonObject(value)) throw new Refusal("kwargs is not an object");
    checkReal(value);
    return { kwargs: value };
  },
  is_enabled(value: JsonValue): ScheduleChange {
    if (typeof value !== "boolean") throw new Refusal("is_enabled is not a boolean");
    return { isEnabled: value };
  },
} as const satisfies Record<string, (value: JsonValue, name: string) => ScheduleChange>;

function text(value: JsonValue, name: string): string {
  if (typeof value === "string" && value.trim() !== "") return value.trim();
  throw new Refusal(`${name} is not a text`);
}

/** What a brain shows redacted must not come back as if it were the input. */
function checkReal(value: JsonValue): void {
  if (JSON.stringify(value).includes(REDACTED)) {
    throw new Refusal(`the inputs hold ${REDACTED}: give the real values, or leave them out`);
  }
}
