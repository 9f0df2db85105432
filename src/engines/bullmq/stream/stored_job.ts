import { finite, text } from "../facts.ts";
import type { BullJobLike, BullJobOptionsLike } from "../like.ts";
import { JOB_FIELDS } from "./scripts.ts";

/** A job as its hash in Redis holds it. */
export interface StoredJob extends BullJobLike {
  readonly id: string;
  /** Name of the worker that ran it last. */
  readonly processedBy: string | undefined;
  /** How often it was taken from a worker that went silent. */
  readonly stalledCounter: number;
  /** What it said of its progress. */
  readonly progress: unknown;
  /** The newest lines of its log. */
  readonly logs: readonly string[];
  /** Members that could not be read. */
  readonly corrupt: readonly string[];
}

/** Reads what a script answered for a job; `undefined` when it is gone. */
export function storedJob(answer: unknown): StoredJob | undefined {
  if (!Array.isArray(answer) || !Array.isArray(answer[1])) return undefined;
  const [id, values, logs] = answer as readonly unknown[];
  const fields = fieldsOf(values as readonly unknown[]);
  const corrupt: string[] = [];
  const json = (name: string): unknown => parse(fields.get(name), name, corrupt);
  const opts = json("opts");
  const parent = json("parent");
  return {
    id: String(id),
    name: text(fields.get("name")) ?? "",
    data: json("data"),
    opts: isObject(opts) ? opts as BullJobOptionsLike : {},
    timestamp: number(fields.get("timestamp")) ?? NaN,
    delay: number(fields.get("delay")),
    processedOn: number(fields.get("processedOn")),
    finishedOn: number(fields.get("finishedOn")),
    attemptsMade: number(fields.get("atm")) ?? number(fields.get("attemptsMade")) ?? 0,
    attemptsStarted: number(fields.get("ats")),
    failedReason: text(fields.get("failedReason")),
    stacktrace: stacks(json("stacktrace")),
    returnvalue: json("returnvalue"),
    parentKey: text(fields.get("parentKey")),
    ...(isObject(parent) ? { parent } : {}),
    processedBy: text(fields.get("pb")),
    stalledCounter: number(fields.get("stc")) ?? 0,
    progress: json("progress"),
    logs: Array.isArray(logs) ? logs.map(String) : [],
    corrupt,
  };
}

function fieldsOf(values: readonly unknown[]): ReadonlyMap<string, unknown> {
  return new Map(JOB_FIELDS.map((name, i) => [name, values[i] ?? undefined]));
}

// The scripts answer the length of what is too large to read.
function parse(value: unknown, name: string, corrupt: string[]): unknown {
  if (typeof value === "number") return `[${value} bytes not read: too large]`;
  const json = text(value);
  if (json === undefined) return undefined;
  try {
    return JSON.parse(json) as unknown;
  } catch {
    corrupt.push(name);
    return `[not JSON] ${json.slice(0, 200)}`;
  }
}

function stacks(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((stack) => typeof stack === "string") : [];
}

function number(value: unknown): number | undefined {
  const found = text(value);
  return found === undefined ? undefined : finite(Number(found));
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
