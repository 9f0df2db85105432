import { JsonFloat, type JsonTree, JsonTreeObject } from "./json_nodes.ts";

/** Collects the places of what is wrong, as dotted paths. */
export class FieldCheck {
  readonly #invalid: string[];
  readonly #object: JsonTreeObject;
  readonly #path: string;

  /** Checks members of `object`, which stands at `path`. */
  constructor(object: JsonTreeObject, path: string, invalid: string[]) {
    this.#object = object;
    this.#path = path;
    this.#invalid = invalid;
  }

  /** A string of bounded length in code points. */
  text(key: string, min: number, max: number, kind: FieldKind): void {
    this.#check(key, kind, (value) => {
      if (typeof value !== "string" || !value.isWellFormed()) return false;
      const length = [...value].length;
      return length >= min && length <= max;
    });
  }

  /** An integer within bounds. */
  integer(key: string, min: number, max: number, kind: FieldKind): void {
    this.#check(key, kind, (value) => typeof value === "number" && value >= min && value <= max);
  }

  /** An ISO timestamp as text; the offset may be missing. */
  timestamp(key: string): void {
    this.#check(
      key,
      "nullable",
      (value) => typeof value === "string" && isHandshakeTimestamp(value),
    );
  }

  /** The envelope version: the number 2, also written 2.0. */
  version(): void {
    this.#check(
      "v",
      "optional",
      (value) => value === 2 || (value instanceof JsonFloat && value.value === 2),
    );
  }

  /** An object of any content. */
  object(key: string): void {
    this.#check(key, "optional", (value) => value instanceof JsonTreeObject);
  }

  /** An array of strings, of bounded length. */
  texts(key: string, max: number): void {
    const value = this.#object.get(key);
    if (value === undefined) return;
    if (!isArray(value) || value.length > max) this.#refuse(key);
    else this.#refuseNonTexts(key, value);
  }

  /** An object of arrays of strings. */
  textLists(key: string): void {
    const value = this.#object.get(key);
    if (value === undefined) return;
    if (!(value instanceof JsonTreeObject)) return this.#refuse(key);
    value.keys.forEach((name, i) => {
      const list = value.values[i];
      if (isArray(list)) this.#refuseNonTexts(`${key}.${name}`, list);
      else this.#refuse(`${key}.${name}`);
    });
  }

  #check(key: string, kind: FieldKind, passes: (value: JsonTree) => boolean): void {
    const value = this.#object.get(key);
    if (value === undefined) {
      if (kind === "required") this.#refuse(key);
      return;
    }
    if (value === null && kind === "nullable") return;
    if (!passes(value)) this.#refuse(key);
  }

  #refuseNonTexts(path: string, values: readonly JsonTree[]): void {
    values.forEach((value, i) => {
      if (typeof value !== "string") this.#refuse(`${path}.${i}`);
    });
  }

  #refuse(key: string): void {
    this.#invalid.push(`${this.#path}.${key}`);
  }
}

/** Whether a member may be missing, or also `null`. */
export type FieldKind = "required" | "optional" | "nullable";

const TIMESTAMP =
  /^(\d{4})-(\d\d)-(\d\d)[Tt _](\d\d):(\d\d)(?::(\d\d)(?:[.,]\d+)?)?(?:[Zz]|[+\-\u2212](\d\d):?(\d\d))?$/;
const UNIX_TIME = /^[+-]?\d+(?:\.\d*)?$/;
// Great numbers are taken as milliseconds; the years 1 and 9999 end the range.
const MIN_UNIX_TIME = -62_135_596_800_000;
const MAX_UNIX_TIME = 253_402_300_799_999;

// The handshake has its own date parser, laxer and stricter than that of
// signed frames: digits alone are Unix time, basic formats are refused.
function isHandshakeTimestamp(text: string): boolean {
  if (UNIX_TIME.test(text)) {
    return Number(text) >= MIN_UNIX_TIME && Number(text) <= MAX_UNIX_TIME;
  }
  const parts = TIMESTAMP.exec(text);
  if (parts === null) return false;
  const [year, month, day] = [Number(parts[1]), Number(parts[2]), Number(parts[3])];
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return year >= 1 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day &&
    Number(parts[4]) < 24 && Number(parts[5]) < 60 && Number(parts[6] ?? 0) < 60 &&
    Number(parts[7] ?? 0) < 24 && Number(parts[8] ?? 0) < 60;
}

function isArray(value: JsonTree | undefined): value is readonly JsonTree[] {
  return Array.isArray(value);
}
