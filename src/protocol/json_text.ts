import { Z4jError } from "../base/errors.ts";

// Strings that print as they stand and sort alike by UTF-16 unit and by code
// point: no escapes, no surrogates, nothing above them.
const SPECIAL = /[^\x20\x21\x23-\x5b\x5d-\ud7ff]/;

/** Tells whether a string needs no escape and sorts alike in both orders. */
export function isPlainText(text: string): boolean {
  return !SPECIAL.test(text);
}

/**
 * Prints a string as canonical JSON (protocol 6.2). `JSON.stringify` escapes
 * exactly the required set as long as the string is well-formed (trap 6).
 */
export function stringText(text: string): string {
  if (!SPECIAL.test(text)) return `"${text}"`;
  if (!text.isWellFormed()) throw unprintable("a string holds an unpaired surrogate");
  return JSON.stringify(text);
}

/** Prints a finite double the way Python's `repr` does (protocol 6.2). */
export function floatText(value: number): string {
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
  const size = Math.abs(value);
  if (size >= 1e-4 && size < 1e16) {
    return Number.isInteger(value) ? `${value}.0` : String(value);
  }
  const text = value.toExponential();
  // Python writes at least two exponent digits.
  const digit = text.charCodeAt(text.length - 2);
  return digit === 0x2b || digit === 0x2d ? `${text.slice(0, -1)}0${text.slice(-1)}` : text;
}

/** Orders two strings by Unicode code points (protocol 6.2, trap 2). */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return codePointRank(x) - codePointRank(y);
  }
  return a.length - b.length;
}

// Surrogates stand for code points above every other UTF-16 unit.
function codePointRank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/** The error for values that have no canonical text. */
export function unprintable(state: string): Z4jError {
  return new Z4jError(
    "Z4J_JSON_UNPRINTABLE",
    `Cannot print canonical JSON: ${state}, expected a value that JSON can hold`,
  );
}
