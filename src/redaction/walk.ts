import type { JsonValue } from "../base/json.ts";
import { simplifyHostValue, UNREADABLE } from "./host_values.ts";
import { MAX_DEPTH, MAX_NODES, OMITTED, REDACTED } from "./limits.ts";

/** What is known about a key. */
export interface KeyVerdict {
  /** The key after the value rules. */
  readonly name: string;
  /** Whether everything below it is replaced. */
  readonly sensitive: boolean;
}

type Copy = Record<string, JsonValue>;

// How often a toJSON may answer another object that has to be simplified.
const MAX_SIMPLIFICATIONS = 4;

/** One pass over one value; holds what the pass must remember. */
export class RedactionWalk {
  readonly #redactText: (text: string) => string;
  readonly #judgeKey: (key: string) => KeyVerdict;
  readonly #path: object[] = [];
  #nodes = 0;

  /** Prepares a pass with the rules of a redactor. */
  constructor(redactText: (text: string) => string, judgeKey: (key: string) => KeyVerdict) {
    this.#redactText = redactText;
    this.#judgeKey = judgeKey;
  }

  /** The redacted copy of a value. */
  walk(value: unknown): JsonValue {
    return this.#copy(value, 0, false) ?? null;
  }

  // `undefined` means that an object leaves the member out.
  #copy(value: unknown, depth: number, sensitive: boolean): JsonValue | undefined {
    if (++this.#nodes > MAX_NODES) return OMITTED;
    if (depth >= MAX_DEPTH) return REDACTED;
    if (typeof value === "object" && value !== null) {
      return this.#copyObject(value, depth, sensitive);
    }
    if (value === undefined || typeof value === "function" || typeof value === "symbol") {
      return undefined;
    }
    if (sensitive) return REDACTED;
    switch (typeof value) {
      case "string":
        return this.#redactText(value);
      case "number":
        return Number.isFinite(value) ? value : null;
      case "bigint":
        return value.toString();
      default:
        return value as boolean | null;
    }
  }

  #copyObject(value: object, depth: number, sensitive: boolean): JsonValue | undefined {
    if (this.#path.includes(value)) return REDACTED;
    this.#path.push(value);
    try {
      const plain = simplify(value);
      if (typeof plain !== "object" || plain === null) {
        this.#nodes--;
        return this.#copy(plain, depth, sensitive);
      }
      return Array.isArray(plain)
        ? this.#copyArray(plain, depth, sensitive)
        : this.#copyMembers(plain as Record<string, unknown>, depth, sensitive);
    } catch {
      return UNREADABLE;
    } finally {
      this.#path.pop();
    }
  }

  #copyArray(values: readonly unknown[], depth: number, sensitive: boolean): JsonValue[] {
    const copy: JsonValue[] = [];
    for (let i = 0; i < values.length; i++) {
      copy.push(this.#copy(read(values, i), depth + 1, sensitive) ?? null);
      if (this.#nodes > MAX_NODES) break;
    }
    return copy;
  }

  #copyMembers(object: Record<string, unknown>, depth: number, sensitive: boolean): Copy {
    const copy: Copy = {};
    for (const key of Object.keys(object)) {
      const verdict = this.#judgeKey(key);
      const member = this.#copy(read(object, key), depth + 1, sensitive || verdict.sensitive);
      if (member !== undefined) setOwn(copy, verdict.name, member);
      if (this.#nodes > MAX_NODES) break;
    }
    return copy;
  }
}

function simplify(value: object): unknown {
  let plain: unknown = value;
  for (let i = 0; i < MAX_SIMPLIFICATIONS; i++) {
    if (typeof plain !== "object" || plain === null) return plain;
    const next = simplifyHostValue(plain);
    if (next === plain) return plain;
    plain = next;
  }
  return plain;
}

function read(object: object, key: string | number): unknown {
  try {
    return (object as Record<string | number, unknown>)[key];
  } catch {
    return UNREADABLE;
  }
}

function setOwn(copy: Copy, key: string, value: JsonValue): void {
  // Assigning to `__proto__` would change the prototype.
  if (key === "__proto__") {
    Object.defineProperty(copy, key, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  } else {
    copy[key] = value;
  }
}
