import type { JsonValue } from "../base/json.ts";
import { simplifyHostValue, UNREADABLE } from "./host_values.ts";
import { MAX_DEPTH, MAX_NODES, OMITTED, REDACTED } from "./limits.ts";
import { type PathRules, type PathState, stepInto } from "./path_rules.ts";

/** What is known about a key. */
export interface KeyVerdict {
  /** The key after the value rules. */
  readonly name: string;
  /** Whether everything below it is replaced. */
  readonly sensitive: boolean;
}

/** Told what was removed, where, and by which rule; for dry runs. */
export type RedactionTrace = (path: string, rule: string) => void;

/** How one pass differs from others. */
export interface WalkOptions {
  /** Rules for places of the value. */
  readonly paths?: PathRules | undefined;
  /** Told what was removed. */
  readonly trace?: RedactionTrace | undefined;
}

type Copy = Record<string, JsonValue>;

// How often a toJSON may answer another object that has to be simplified.
const MAX_SIMPLIFICATIONS = 4;

/** One pass over one value; holds what the pass must remember. */
export class RedactionWalk {
  readonly #redactText: (text: string) => string;
  readonly #judgeKey: (key: string) => KeyVerdict;
  readonly #paths: PathState | null;
  readonly #trace: RedactionTrace | undefined;
  readonly #path: object[] = [];
  // Names on the way to the present place; kept for a trace only.
  readonly #names: string[] = [];
  #nodes = 0;

  /** Prepares a pass with the rules of a redactor. */
  constructor(
    redactText: (text: string) => string,
    judgeKey: (key: string) => KeyVerdict,
    options: WalkOptions = {},
  ) {
    this.#redactText = redactText;
    this.#judgeKey = judgeKey;
    this.#paths = options.paths?.start ?? null;
    this.#trace = options.trace;
  }

  /** The redacted copy of a value. */
  walk(value: unknown): JsonValue {
    return this.#copy(value, 0, false, this.#paths) ?? null;
  }

  // `undefined` means that an object leaves the member out.
  #copy(
    value: unknown,
    depth: number,
    sensitive: boolean,
    paths: PathState | null,
  ): JsonValue | undefined {
    if (++this.#nodes > MAX_NODES) return this.#removed("more than 10 000 values", OMITTED);
    if (depth >= MAX_DEPTH) return this.#removed("deeper than 64 levels", REDACTED);
    if (typeof value === "object" && value !== null) {
      return this.#copyObject(value, depth, sensitive, paths);
    }
    if (value === undefined || typeof value === "function" || typeof value === "symbol") {
      return undefined;
    }
    if (sensitive) return REDACTED;
    switch (typeof value) {
      case "string":
        return this.#trace === undefined ? this.#redactText(value) : this.#traceText(value);
      case "number":
        return Number.isFinite(value) ? value : null;
      case "bigint":
        return value.toString();
      default:
        return value as boolean | null;
    }
  }

  #copyObject(
    value: object,
    depth: number,
    sensitive: boolean,
    paths: PathState | null,
  ): JsonValue | undefined {
    if (this.#path.includes(value)) return this.#removed("it contains itself", REDACTED);
    this.#path.push(value);
    try {
      const plain = simplify(value);
      if (typeof plain !== "object" || plain === null) {
        this.#nodes--;
        return this.#copy(plain, depth, sensitive, paths);
      }
      return Array.isArray(plain)
        ? this.#copyArray(plain, depth, sensitive, paths)
        : this.#copyMembers(plain as Record<string, unknown>, depth, sensitive, paths);
    } catch {
      return UNREADABLE;
    } finally {
      this.#path.pop();
    }
  }

  #copyArray(
    values: readonly unknown[],
    depth: number,
    sensitive: boolean,
    paths: PathState | null,
  ): JsonValue[] {
    const copy: JsonValue[] = [];
    for (let i = 0; i < values.length; i++) {
      if (paths === null && this.#trace === undefined) {
        copy.push(this.#copy(read(values, i), depth + 1, sensitive, null) ?? null);
      } else {
        copy.push(this.#below(values, i, depth, sensitive, paths) ?? null);
      }
      if (this.#nodes > MAX_NODES) break;
    }
    return copy;
  }

  #copyMembers(
    object: Record<string, unknown>,
    depth: number,
    sensitive: boolean,
    paths: PathState | null,
  ): Copy {
    const copy: Copy = {};
    for (const key of Object.keys(object)) {
      const verdict = this.#judgeKey(key);
      const hidden = sensitive || verdict.sensitive;
      const member = paths === null && this.#trace === undefined
        ? this.#copy(read(object, key), depth + 1, hidden, null)
        : this.#below(object, key, depth, hidden, paths, !sensitive && verdict.sensitive);
      if (member !== undefined) setOwn(copy, verdict.name, member);
      if (this.#nodes > MAX_NODES) break;
    }
    return copy;
  }

  // One member, with path rules or a trace.
  #below(
    object: object,
    key: string | number,
    depth: number,
    sensitive: boolean,
    paths: PathState | null,
    isSecretKey = false,
  ): JsonValue | undefined {
    const name = String(key);
    this.#names.push(typeof key === "number" ? `[${key}]` : name);
    const step = paths === null || sensitive ? null : stepInto(paths, name);
    if (isSecretKey) this.#removed("the name of the key", null);
    else if (step !== null && step.hit !== null) this.#removed(`path rule ${step.hit}`, null);
    // What a path rule hits is replaced as a whole, so not even its shape is left.
    const member = step !== null && step.hit !== null
      ? REDACTED
      : this.#copy(read(object, key), depth + 1, sensitive, step?.state ?? null);
    this.#names.pop();
    return member;
  }

  #removed<T>(rule: string, marker: T): T {
    const path = this.#names.join(".").replaceAll(".[", "[");
    this.#trace?.(path, rule);
    return marker;
  }

  #traceText(text: string): string {
    const clean = this.#redactText(text);
    if (clean === text) return clean;
    return this.#removed(clean === REDACTED ? "what the text contains" : "its length", clean);
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
