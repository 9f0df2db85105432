import type { JsonValue } from "../../base/json.ts";

/** Inputs of a task as a brain shows them. */
export interface TaskInput {
  /** Positional inputs. */
  readonly args: readonly unknown[];
  /** Named inputs. */
  readonly kwargs: Readonly<Record<string, unknown>>;
}

/** A job has one value: a plain object becomes named inputs, all else one argument. */
export function inputOf(data: unknown): TaskInput {
  if (isPlain(data)) return { args: [], kwargs: data };
  return { args: data === undefined ? [] : [data], kwargs: {} };
}

/** The way back; only inputs that fit into one value can be sent. */
export function dataOf(
  args: readonly JsonValue[],
  kwargs: Readonly<Record<string, JsonValue>>,
): { readonly data: JsonValue } | { readonly refused: string } {
  if (args.length === 0) return { data: kwargs };
  const [first] = args;
  if (args.length === 1 && first !== undefined && Object.keys(kwargs).length === 0) {
    return { data: first };
  }
  return { refused: "a job takes either named inputs or exactly one argument" };
}

/**
 * Id of a job for an idempotency key. Injective; never an integer and without
 * colons, which BullMQ refuses.
 */
export function jobIdForKey(key: string): string {
  const safe = encodeURIComponent(key.toWellFormed()).replaceAll("~", "%7E").replaceAll("%", "~");
  return `z4j-${safe}`;
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
