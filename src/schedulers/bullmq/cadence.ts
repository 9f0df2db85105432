import type { ScheduleChange } from "../contract.ts";
import type { RepeatLike } from "./like.ts";
import { MIN_EVERY_MS } from "./limits.ts";
import { nativePattern } from "./pattern.ts";

/** When a schedule shall fire, in BullMQ's words, or why it cannot. */
export type Cadence = { readonly repeat: RepeatLike } | { readonly refused: string };

/**
 * Reads what an operator wrote. Members that are missing come from `before`, as
 * do limit, start and end.
 */
export function readCadence(
  wanted: Pick<ScheduleChange, "kind" | "expression" | "timezone">,
  nowMs: number,
  before: RepeatLike = {},
): Cadence {
  const { limit, startDate, endDate } = before;
  const bounds = Object.fromEntries(
    Object.entries({ limit, startDate, endDate }).filter(([, value]) => value !== undefined),
  );
  switch (wanted.kind) {
    case "cron":
      return cron(wanted, before, bounds);
    case "interval":
      return interval(wanted, before, bounds, nowMs);
    case "clocked":
      return { refused: "a job scheduler repeats; submit a job with a time instead" };
    default:
      return { refused: `BullMQ has no ${wanted.kind ?? "such"} schedules` };
  }
}

function cron(
  { expression, timezone }: Pick<ScheduleChange, "expression" | "timezone">,
  before: RepeatLike,
  bounds: RepeatLike,
): Cadence {
  const tz = timezone ?? before.tz ?? "UTC";
  if (!isZone(tz)) return { refused: `there is no timezone ${tz}` };
  if (expression === undefined) {
    return before.pattern === undefined
      ? { refused: "a cron schedule needs an expression" }
      : { repeat: { ...bounds, pattern: before.pattern, tz } };
  }
  const native = nativePattern(expression);
  return "refused" in native ? native : { repeat: { ...bounds, pattern: native.pattern, tz } };
}

function interval(
  { expression, timezone }: Pick<ScheduleChange, "expression" | "timezone">,
  before: RepeatLike,
  bounds: RepeatLike,
  nowMs: number,
): Cadence {
  if (timezone !== undefined && timezone !== "UTC") {
    return { refused: "an interval has no timezone" };
  }
  if (expression === undefined) {
    return before.every === undefined
      ? { refused: "an interval needs an expression: seconds" }
      : { repeat: before };
  }
  const every = Math.round(Number(expression) * 1000);
  if (!Number.isSafeInteger(every) || every < MIN_EVERY_MS) {
    return { refused: `an interval is a number of seconds, at least ${MIN_EVERY_MS / 1000}` };
  }
  // The first run comes one interval from now, not at once.
  return { repeat: { ...bounds, every, offset: nowMs % every || every } };
}

function isZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).format(0) !== "";
  } catch {
    return false;
  }
}
