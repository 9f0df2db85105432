/** A number that was written with a point or an exponent. */
export class JsonFloat {
  /** The double; may be infinite or NaN, which parses but does not print. */
  readonly value: number;

  /** Wraps the double of a float token. */
  constructor(value: number) {
    this.value = value;
  }
}

/** An object of a parsed text: unique keys in code-point order. */
export class JsonTreeObject {
  /** The keys, ascending by code point. */
  readonly keys: readonly string[];
  /** The values, in the order of the keys. */
  readonly values: readonly JsonTree[];

  /** Takes over sorted unique keys and their values. */
  constructor(keys: readonly string[], values: readonly JsonTree[]) {
    this.keys = keys;
    this.values = values;
  }

  /** The value of a key, or `undefined` when the object lacks it. */
  get(key: string): JsonTree | undefined {
    const at = this.keys.indexOf(key);
    return at < 0 ? undefined : this.values[at];
  }
}

/**
 * A parsed JSON text. Integers are numbers while safe, else bigints; tokens
 * with a point or an exponent are `JsonFloat`.
 */
export type JsonTree =
  | string
  | number
  | bigint
  | boolean
  | null
  | JsonFloat
  | JsonTreeObject
  | readonly JsonTree[];
