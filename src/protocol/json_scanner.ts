import { Z4jError } from "../base/errors.ts";
import { JsonFloat, type JsonTree, JsonTreeObject } from "./json_nodes.ts";
import { compareCodePoints, floatText } from "./json_text.ts";
import { MAX_INTEGER_DIGITS, MAX_JSON_DEPTH } from "./limits.ts";

/** Where a member of the outermost object stands in the source text. */
export interface MemberSpan {
  /** First character of the value. */
  readonly start: number;
  /** Just behind the value. */
  readonly end: number;
  /** Whether the source text of the value is already canonical. */
  readonly canonical: boolean;
}

// Digits that a double holds exactly, whatever they are.
const SAFE_DIGITS = 15;
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

/**
 * A strict JSON parser that keeps number kinds and notices, while it reads,
 * whether the text is already canonical: then nobody has to print it again.
 */
export class JsonScanner {
  readonly #text: string;
  readonly #spans: Map<string, MemberSpan> | undefined;
  #at = 0;
  #depth = 0;
  #canonical = true;

  /** Prepares to read `text`; `spans` receives the outermost members. */
  constructor(text: string, spans?: Map<string, MemberSpan>) {
    this.#text = text;
    this.#spans = spans;
  }

  /** Reads the whole text. */
  parse(): JsonTree {
    const tree = this.#value(this.#skipSpace());
    this.#skipSpace();
    if (this.#at < this.#text.length) this.#fail();
    return tree;
  }

  #value(code: number): JsonTree {
    switch (code) {
      case 0x22:
        return this.#string();
      case 0x7b:
        return this.#object();
      case 0x5b:
        return this.#array();
      case 0x74:
        return this.#word("true", true);
      case 0x66:
        return this.#word("false", false);
      case 0x6e:
        return this.#word("null", null);
      case 0x4e:
        return this.#word("NaN", new JsonFloat(NaN));
      case 0x49:
        return this.#word("Infinity", new JsonFloat(Infinity));
      default:
        return this.#number();
    }
  }

  // Moves to the next character that is not blank and answers its code.
  #skipSpace(): number {
    let code = this.#text.charCodeAt(this.#at);
    while (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) {
      this.#canonical = false;
      code = this.#text.charCodeAt(++this.#at);
    }
    return code;
  }

  #word(word: string, value: JsonTree): JsonTree {
    if (!this.#text.startsWith(word, this.#at)) this.#fail();
    if (value instanceof JsonFloat) this.#canonical = false;
    this.#at += word.length;
    return value;
  }

  #enter(): void {
    if (++this.#depth > MAX_JSON_DEPTH) this.#fail("nested too deeply");
    this.#at++;
  }

  #leave(): void {
    this.#depth--;
    this.#at++;
  }

  #array(): JsonTree {
    const values: JsonTree[] = [];
    this.#enter();
    let code = this.#skipSpace();
    if (code !== 0x5d) {
      for (;;) {
        values.push(this.#value(code));
        code = this.#skipSpace();
        if (code === 0x5d) break;
        if (code !== 0x2c) this.#fail();
        this.#at++;
        code = this.#skipSpace();
      }
    }
    this.#leave();
    return values;
  }

  #object(): JsonTree {
    const keys: string[] = [];
    const values: JsonTree[] = [];
    let ordered = true;
    this.#enter();
    let code = this.#skipSpace();
    while (code !== 0x7d) {
      if (code !== 0x22) this.#fail();
      const key = this.#string();
      if (this.#skipSpace() !== 0x3a) this.#fail();
      this.#at++;
      const last = keys.length - 1;
      if (last >= 0 && compareCodePoints(keys[last] as string, key) >= 0) ordered = false;
      keys.push(key);
      values.push(this.#depth === 1 ? this.#outerMember(key) : this.#value(this.#skipSpace()));
      code = this.#skipSpace();
      if (code !== 0x2c) break;
      this.#at++;
      // A comma must be followed by another member.
      code = this.#skipSpace();
      if (code === 0x7d) this.#fail();
    }
    if (code !== 0x7d) this.#fail();
    this.#leave();
    if (ordered) return new JsonTreeObject(keys, values);
    this.#canonical = false;
    return sortedObject(keys, values);
  }

  #outerMember(key: string): JsonTree {
    const code = this.#skipSpace();
    if (this.#spans === undefined) return this.#value(code);
    const outside = this.#canonical;
    this.#canonical = true;
    const start = this.#at;
    const value = this.#value(code);
    this.#spans.set(key, { start, end: this.#at, canonical: this.#canonical });
    this.#canonical &&= outside;
    return value;
  }

  #string(): string {
    const text = this.#text;
    const start = ++this.#at;
    let at = start;
    for (;;) {
      const code = text.charCodeAt(at);
      if (code === 0x22) break;
      // NaN (end of text) and control characters fail both comparisons.
      if (!(code >= 0x20) || code === 0x5c) {
        if (code === 0x5c) return this.#escapedString(start);
        this.#fail();
      }
      if (code >= 0xd800 && code <= 0xdfff) {
        if (isPair(code, text.charCodeAt(at + 1))) at++;
        else this.#canonical = false;
      }
      at++;
    }
    this.#at = at + 1;
    return text.slice(start, at);
  }

  #escapedString(start: number): string {
    const text = this.#text;
    let value = "";
    let at = start;
    for (let from = start;;) {
      const code = text.charCodeAt(at);
      if (!(code >= 0x20)) this.#fail();
      if (code !== 0x22 && code !== 0x5c) {
        at++;
        continue;
      }
      value += text.slice(from, at);
      if (code === 0x22) break;
      value += this.#escape(at);
      at += text.charCodeAt(at + 1) === 0x75 ? 6 : 2;
      from = at;
    }
    this.#at = at + 1;
    // JSON.stringify also escapes unpaired surrogates, so the check of them is apart.
    this.#canonical &&= value.isWellFormed() &&
      JSON.stringify(value) === text.slice(start - 1, at + 1);
    return value;
  }

  #escape(at: number): string {
    const letter = this.#text.charAt(at + 1);
    if (letter !== "u") {
      const plain = ESCAPES[letter];
      return plain ?? this.#fail();
    }
    const hex = this.#text.slice(at + 2, at + 6);
    if (!/^[0-9a-fA-F]{4}$/.test(hex)) this.#fail();
    return String.fromCharCode(Number.parseInt(hex, 16));
  }

  #digits(at: number): number {
    let code = this.#text.charCodeAt(at);
    while (code >= 0x30 && code <= 0x39) code = this.#text.charCodeAt(++at);
    return at;
  }

  #number(): JsonTree {
    const text = this.#text;
    const start = this.#at;
    const negative = text.charCodeAt(start) === 0x2d;
    const first = negative ? start + 1 : start;
    if (negative && text.charCodeAt(first) === 0x49) {
      this.#at = first;
      return this.#word("Infinity", new JsonFloat(-Infinity));
    }
    const end = text.charCodeAt(first) === 0x30 ? first + 1 : this.#digits(first);
    if (end === first) this.#fail();
    const next = text.charCodeAt(end);
    if (next === 0x2e || next === 0x45 || next === 0x65) return this.#float(start, end);
    this.#at = end;
    return this.#integer(start, first, end);
  }

  #integer(start: number, first: number, end: number): JsonTree {
    const token = this.#text.slice(start, end);
    if (end - first <= SAFE_DIGITS) {
      const value = Number(token);
      if (value !== 0) return value;
      if (start !== first) this.#canonical = false;
      return 0;
    }
    if (end - first > MAX_INTEGER_DIGITS) this.#fail("an integer has too many digits");
    const value = BigInt(token);
    return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER
      ? Number(value)
      : value;
  }

  #float(start: number, end: number): JsonTree {
    const text = this.#text;
    let at = end;
    if (text.charCodeAt(at) === 0x2e) {
      const fraction = at + 1;
      at = this.#digits(fraction);
      if (at === fraction) this.#fail();
    }
    const mark = text.charCodeAt(at);
    if (mark === 0x45 || mark === 0x65) {
      const sign = text.charCodeAt(at + 1);
      const exponent = sign === 0x2b || sign === 0x2d ? at + 2 : at + 1;
      at = this.#digits(exponent);
      if (at === exponent) this.#fail();
    }
    this.#at = at;
    const token = text.slice(start, at);
    const value = Number(token);
    if (!Number.isFinite(value) || floatText(value) !== token) this.#canonical = false;
    return new JsonFloat(value);
  }

  #fail(state = "a character is out of place"): never {
    throw new Z4jError(
      "Z4J_JSON_INVALID",
      `Cannot parse JSON at position ${this.#at}: ${state}, expected strict JSON`,
    );
  }
}

function isPair(high: number, low: number): boolean {
  return high < 0xdc00 && low >= 0xdc00 && low <= 0xdfff;
}

function sortedObject(keys: readonly string[], values: readonly JsonTree[]): JsonTreeObject {
  // Of equal keys the last wins (protocol 6.1).
  const members = new Map<string, JsonTree>();
  for (let i = 0; i < keys.length; i++) members.set(keys[i] as string, values[i] as JsonTree);
  const sorted = [...members.keys()].sort(compareCodePoints);
  return new JsonTreeObject(sorted, sorted.map((key) => members.get(key) as JsonTree));
}
