import type { JsonValue } from "../base/json.ts";

/** Levels that a body may nest; a command wraps a few more around it (protocol 6.2). */
export const MAX_BODY_DEPTH = 200;

/**
 * Why a body cannot become part of a frame, or `null`: a command that is
 * accepted must be one that its agent can be sent.
 */
export function bodyProblem(body: JsonValue): string | null {
  // A stack of its own: the body may be deeper than that of the runtime.
  const waiting: { readonly value: JsonValue; readonly depth: number }[] = [
    { value: body, depth: 1 },
  ];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { value, depth } = next;
    if (typeof value === "string" && !value.isWellFormed()) return HALF_PAIR;
    if (typeof value === "number" && !Number.isFinite(value)) {
      return "the body holds a number that no double can hold";
    }
    if (typeof value !== "object" || value === null) continue;
    if (depth > MAX_BODY_DEPTH) return `the body is nested deeper than ${MAX_BODY_DEPTH} levels`;
    if (!Array.isArray(value) && Object.keys(value).some((key) => !key.isWellFormed())) {
      return HALF_PAIR;
    }
    for (const item of Object.values(value)) waiting.push({ value: item, depth: depth + 1 });
  }
  return null;
}

const HALF_PAIR = "the body holds half a surrogate pair";
