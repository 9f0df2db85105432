import { errorText } from "../base/errors.ts";

/** What stands in place of a value that could not be read. */
export const UNREADABLE = "[UNREADABLE]";

/**
 * Turns values that JSON lacks into ones it knows, one level deep; plain
 * objects and arrays come back as they are. May throw what a getter throws.
 */
export function simplifyHostValue(value: object): unknown {
  if (Array.isArray(value)) return value;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) {
    return hasToJson(value) ? value.toJSON() : value;
  }
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof Error) return simplifyError(value);
  if (value instanceof Map) return simplifyMap(value);
  if (value instanceof Set) return [...value];
  if (ArrayBuffer.isView(value)) return `[${typeName(value)} ${value.byteLength} bytes]`;
  if (value instanceof ArrayBuffer) return `[ArrayBuffer ${value.byteLength} bytes]`;
  if (value instanceof RegExp || value instanceof URL) return String(value);
  if (value instanceof Promise || value instanceof WeakMap || value instanceof WeakSet) {
    return `[${typeName(value)}]`;
  }
  if (hasToJson(value)) return value.toJSON();
  return boxedValue(value);
}

function simplifyError(error: Error): Record<string, unknown> {
  const plain: Record<string, unknown> = {
    name: String(error.name),
    message: errorText(error),
    stack: typeof error.stack === "string" ? error.stack : null,
  };
  for (const key of Object.keys(error)) plain[key] ??= (error as unknown as HostObject)[key];
  if (error.cause !== undefined) plain["cause"] = error.cause;
  return plain;
}

function simplifyMap(map: ReadonlyMap<unknown, unknown>): unknown {
  const plain = new Map<string, unknown>();
  for (const [key, value] of map) plain.set(keyText(key), value);
  return Object.fromEntries(plain);
}

function keyText(key: unknown): string {
  return typeof key === "object" && key !== null ? `[${typeName(key)}]` : String(key);
}

function boxedValue(value: object): unknown {
  if (value instanceof String || value instanceof Number || value instanceof Boolean) {
    return value.valueOf();
  }
  return value;
}

type HostObject = Record<string, unknown>;

function hasToJson(value: object): value is { toJSON(): unknown } {
  return "toJSON" in value && typeof value.toJSON === "function";
}

function typeName(value: object): string {
  const name: unknown = value.constructor?.name;
  return typeof name === "string" && name !== "" ? name : "Object";
}
