import type { JsonValue } from "../base/json.ts";
import { decodeJsonBytes } from "./json_bytes.ts";
import { JsonScanner } from "./json_scanner.ts";
import { floatText, stringText, unprintable } from "./json_text.ts";
import { JsonFloat, type JsonTree, JsonTreeObject } from "./json_nodes.ts";

export { JsonFloat, type JsonTree, JsonTreeObject };

/**
 * Parses a JSON text and keeps what signatures depend on: integers of any
 * size, the difference between `1` and `1.0`, keys like `__proto__`; of equal
 * keys the last wins (protocol 6.1). NaN, infinities and unpaired surrogates
 * parse, but do not print.
 *
 * @throws Z4jError `Z4J_JSON_INVALID`, also for integers of more than 4300
 * digits and nesting beyond 990 levels.
 */
export function parseJsonTree(text: string): JsonTree {
  return new JsonScanner(text).parse();
}

/** Parses the bytes of a JSON text; see `parseJsonTree` and `decodeJsonBytes`. */
export function parseJsonBytes(bytes: Uint8Array): JsonTree {
  return parseJsonTree(decodeJsonBytes(bytes));
}

/**
 * Prints a parsed text in the form that is signed (protocol 6.2).
 *
 * @throws Z4jError `Z4J_JSON_UNPRINTABLE` for NaN, infinities and unpaired
 * surrogates.
 */
export function printCanonical(tree: JsonTree): string {
  switch (typeof tree) {
    case "string":
      return stringText(tree);
    case "number":
    case "bigint":
      return String(tree);
    case "boolean":
      return tree ? "true" : "false";
  }
  if (tree === null) return "null";
  if (tree instanceof JsonFloat) return printFloat(tree.value);
  return Array.isArray(tree) ? printArray(tree) : printObject(tree as JsonTreeObject);
}

/**
 * Turns a parsed text into plain values. Numbers become doubles, objects own
 * all their keys, `__proto__` included.
 */
export function treeToValue(tree: JsonTree): JsonValue {
  if (typeof tree === "bigint") return Number(tree);
  if (typeof tree !== "object" || tree === null) return tree;
  if (tree instanceof JsonFloat) return tree.value;
  if (Array.isArray(tree)) return tree.map(treeToValue);
  const { keys, values } = tree as JsonTreeObject;
  const object: Record<string, JsonValue> = {};
  for (let i = 0; i < keys.length; i++) {
    setOwn(object, keys[i] as string, treeToValue(values[i] as JsonTree));
  }
  return object;
}

function setOwn(object: Record<string, JsonValue>, key: string, value: JsonValue): void {
  // Assigning to `__proto__` would change the prototype (trap 3).
  if (key === "__proto__") {
    Object.defineProperty(object, key, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  } else {
    object[key] = value;
  }
}

function printFloat(value: number): string {
  if (!Number.isFinite(value)) throw unprintable("a number is not finite");
  return floatText(value);
}

function printArray(trees: readonly JsonTree[]): string {
  let text = "[";
  for (let i = 0; i < trees.length; i++) {
    if (i > 0) text += ",";
    text += printCanonical(trees[i] as JsonTree);
  }
  return text + "]";
}

function printObject({ keys, values }: JsonTreeObject): string {
  let text = "{";
  for (let i = 0; i < keys.length; i++) {
    if (i > 0) text += ",";
    text += `${stringText(keys[i] as string)}:${printCanonical(values[i] as JsonTree)}`;
  }
  return text + "}";
}
