import type { JsonValue } from "../../base/json.ts";
import { inputOf } from "../../engines/bullmq/payload.ts";
import type { Schedule } from "../contract.ts";
import type { OffRecord } from "./definition.ts";
import type { RepeatLike } from "./like.ts";
import { STUCK_AFTER_MS } from "./limits.ts";
import { brainPattern } from "./pattern.ts";
import type { LiveScheduler } from "./store.ts";

/** How a live scheduler stands. */
export type Standing =
  /** It has a run ahead of it. */
  | "fires"
  /** Its limit or its end date is reached. */
  | "exhausted"
  /** Its next run is overdue and its job is gone: it would never fire again. */
  | "stuck";

/** Tells whether a scheduler still fires. */
export function standingOf(live: LiveScheduler, nowMs: number): Standing {
  if (live.nextMs > nowMs || live.hasPending) return "fires";
  const { limit, endDate } = live.repeat;
  if (limit !== undefined && live.iterations >= limit) return "exhausted";
  if (endDate !== undefined && endDate <= nowMs + (live.repeat.every ?? 0)) return "exhausted";
  return live.nextMs < nowMs - STUCK_AFTER_MS ? "stuck" : "fires";
}

/** The key of a schedule: queue names hold no colon. */
export function keyOf(queue: string, id: string): string {
  return `${queue}:${id}`;
}

/** A scheduler that BullMQ has, as a row. */
export function liveRow(
  queue: string,
  live: LiveScheduler,
  nowMs: number,
  lastRunAtMs: number | null,
): Schedule {
  const standing = standingOf(live, nowMs);
  return {
    ...common(queue, live.id, live.name, live.repeat, parsed(live.dataText)),
    isEnabled: standing === "fires",
    lastRunAtMs,
    nextRunAtMs: standing === "fires" ? live.nextMs : null,
    // The job of the last iteration is still to come, unless it is gone.
    totalRuns: standing === "exhausted" ? live.iterations : Math.max(0, live.iterations - 1),
  };
}

/** A scheduler that is switched off, as a row. */
export function offRow(
  queue: string,
  id: string,
  record: OffRecord | undefined,
  lastRunAtMs: number | null,
): Schedule {
  const { definition, runs = 0 } = record ?? {};
  const off = { isEnabled: false, lastRunAtMs, nextRunAtMs: null, totalRuns: runs };
  if (definition === undefined) {
    return { ...common(queue, id, id, { pattern: "(unreadable)" }, undefined), ...off };
  }
  return { ...common(queue, id, definition.name, definition.repeat, definition.data), ...off };
}

function common(
  queue: string,
  id: string,
  name: string,
  repeat: RepeatLike,
  data: unknown,
): Omit<Schedule, "isEnabled"> {
  const input = inputOf(data);
  return {
    key: keyOf(queue, id),
    name: id,
    taskName: name,
    ...cadence(repeat),
    queue,
    args: input.args as readonly JsonValue[],
    kwargs: input.kwargs as Readonly<Record<string, JsonValue>>,
  };
}

function cadence(repeat: RepeatLike): Pick<Schedule, "kind" | "expression" | "timezone"> {
  if (repeat.pattern === undefined) {
    const seconds = (repeat.every ?? 0) / 1000;
    return { kind: "interval", expression: String(seconds), timezone: "UTC" };
  }
  const { expression } = brainPattern(repeat.pattern);
  return { kind: "cron", expression, timezone: repeat.tz ?? localZone() };
}

// Without a zone BullMQ reckons in that of the worker, which is most likely this one's.
function localZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone ?? "UTC";
}

function parsed(json: string | undefined): unknown {
  if (json === undefined) return undefined;
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return { unreadable: true };
  }
}
