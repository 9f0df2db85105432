import type { JsonValue } from "../base/json.ts";
import { MAX_JSON_DEPTH } from "./limits.ts";
import { compareCodePoints, floatText, isPlainText, stringText, unprintable } from "./json_text.ts";

// Up to this many keys an insertion sort beats the general one.
const FEW_KEYS = 16;

/**
 * Prints a plain value as canonical JSON: keys in code-point order, floats as
 * Python prints them, integral numbers below 1e21 as integers, NaN and
 * infinities as `null` (protocol section 6). Members that are `undefined` are
 * left out. The text is what gets signed and what is sent.
 *
 * @throws Z4jError `Z4J_JSON_UNPRINTABLE` for unpaired surrogates, nesting
 * deeper than 990 levels, and values that JSON does not know.
 *
 * @example Print an event payload
 * ```ts
 * import { encodeCanonical } from "@z4j/core/protocol";
 * import { equal } from "node:assert/strict";
 *
 * equal(encodeCanonical({ b: 1, a: [1.5, 1e-7] }), '{"a":[1.5,1e-07],"b":1}');
 * ```
 */
export function encodeCanonical(value: JsonValue): string {
  return printValue(value, 0);
}

function printValue(value: unknown, depth: number): string {
  switch (typeof value) {
    case "string":
      return stringText(value);
    case "number":
      return numberText(value);
    case "boolean":
      return value ? "true" : "false";
    case "object":
      if (value === null) return "null";
      if (depth >= MAX_JSON_DEPTH) throw unprintable("the value is nested too deeply");
      if (Array.isArray(value)) return printArray(value, depth + 1);
      return printObject(value as Record<string, unknown>, depth + 1);
    default:
      throw unprintable(`the value is a ${typeof value}`);
  }
}

function numberText(value: number): string {
  // The signer of the reference turns NaN and infinities into null (6.4).
  if (!Number.isFinite(value)) return "null";
  if (Number.isInteger(value) && Math.abs(value) < 1e21) return value === 0 ? "0" : String(value);
  return floatText(value);
}

function printArray(values: readonly unknown[], depth: number): string {
  if (values.length === 0) return "[]";
  let text = "[";
  for (let i = 0; i < values.length; i++) {
    if (i > 0) text += ",";
    text += printValue(values[i], depth);
  }
  return text + "]";
}

function printObject(value: Record<string, unknown>, depth: number): string {
  const keys = Object.keys(value);
  const plain = sortKeys(keys);
  let text = "";
  for (const key of keys) {
    const member = value[key];
    if (member === undefined) continue;
    text += plain ? (text === "" ? '{"' : ',"') + key + '":' : (text === "" ? "{" : ",") +
      stringText(key) + ":";
    text += printValue(member, depth);
  }
  return text === "" ? "{}" : text + "}";
}

// Sorts in place; answers whether every key prints as it stands.
function sortKeys(keys: string[]): boolean {
  let plain = true;
  let sorted = true;
  let previous = "";
  for (const key of keys) {
    if (!isPlainText(key)) plain = false;
    if (key < previous) sorted = false;
    previous = key;
  }
  if (!plain) keys.sort(compareCodePoints);
  else if (!sorted) sortPlain(keys);
  return plain;
}

function sortPlain(keys: string[]): void {
  if (keys.length > FEW_KEYS) {
    keys.sort();
    return;
  }
  for (let i = 1; i < keys.length; i++) {
    const key = keys[i] as string;
    let at = i;
    while (at > 0 && (keys[at - 1] as string) > key) {
      keys[at] = keys[at - 1] as string;
      at--;
    }
    keys[at] = key;
  }
}
