import { finite, member, text } from "../../engines/bullmq/facts.ts";
import type { JobSchedulerLike, RepeatLike, TemplateLike } from "./like.ts";

/** Everything that makes a job scheduler, so that it can be made again. */
export interface Definition {
  /** When it fires. */
  readonly repeat: RepeatLike;
  /** Name of its jobs. */
  readonly name: string;
  /** Their one input value; `undefined` when there is none. */
  readonly data: unknown;
  /** Options of its jobs, as BullMQ's own `getJobScheduler` tells them. */
  readonly opts: Readonly<Record<string, unknown>>;
}

/** A scheduler that is switched off, as it is kept in Redis. */
export interface OffRecord {
  /** How to make it again. */
  readonly definition: Definition;
  /** Runs that it had. */
  readonly runs: number;
  /** `off`: it must not run; `enabling`: somebody is about to make it again. */
  readonly state: "off" | "enabling";
}

/** The definition that `getJobScheduler` tells. */
export function definitionOf(scheduler: JobSchedulerLike): Definition {
  const { template } = scheduler;
  const opts = member(template, "opts");
  return {
    repeat: repeatOf(scheduler),
    name: scheduler.name,
    data: member(template, "data"),
    opts: isRecord(opts) ? opts : {},
  };
}

/** The definition that somebody gives to `upsertJobScheduler`. */
export function definitionFrom(
  id: string,
  repeat: unknown,
  template: TemplateLike | undefined,
): Definition {
  const opts = member(template, "opts");
  return {
    repeat: repeatOf(repeat),
    name: text(member(template, "name")) ?? id,
    data: member(template, "data"),
    opts: isRecord(opts) ? opts : {},
  };
}

/** The members of a repetition that outlive a removal. */
export function repeatOf(from: unknown): RepeatLike {
  const every = positive(member(from, "every"));
  const offset = positive(member(from, "offset"));
  const repeat: Record<string, string | number | undefined> = {
    pattern: text(member(from, "pattern")),
    tz: text(member(from, "tz")),
    every,
    limit: positive(member(from, "limit")),
    startDate: dateOf(member(from, "startDate")),
    endDate: dateOf(member(from, "endDate")),
    // BullMQ keeps a zero for patterns, which means nothing there.
    offset: every === undefined ? undefined : offset,
  };
  return Object.fromEntries(Object.entries(repeat).filter(([, value]) => value !== undefined));
}

/** The text that is kept in Redis. */
export function printRecord(record: OffRecord): string {
  return JSON.stringify({ v: 1, ...record });
}

/** Reads a kept text; `undefined` for one that nobody can use. */
export function readRecord(kept: string): OffRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(kept);
  } catch {
    return undefined;
  }
  const definition = member(value, "definition");
  const name = text(member(definition, "name"));
  const repeat = repeatOf(member(definition, "repeat"));
  if (member(value, "v") !== 1 || name === undefined) return undefined;
  if (repeat.pattern === undefined && repeat.every === undefined) return undefined;
  const opts = member(definition, "opts");
  return {
    definition: {
      repeat,
      name,
      data: member(definition, "data"),
      opts: isRecord(opts) ? opts : {},
    },
    runs: finite(member(value, "runs")) ?? 0,
    state: member(value, "state") === "enabling" ? "enabling" : "off",
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function positive(value: unknown): number | undefined {
  const number = finite(typeof value === "string" && value !== "" ? Number(value) : value);
  return number !== undefined && number > 0 ? number : undefined;
}

function dateOf(value: unknown): number | undefined {
  if (value instanceof Date) return finite(value.getTime());
  if (typeof value === "string" && !/^\d+$/.test(value)) return finite(Date.parse(value));
  return positive(value);
}
