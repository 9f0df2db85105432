import type { JsonTree } from "../../src/protocol/json_tree.ts";

/** One case of a vector file; its members depend on the kind. */
export type VectorCase = Readonly<Record<string, unknown>>;

/**
 * Checks a case: `null` when it holds, else what differs. `tree` is the same
 * case with its numbers as written.
 */
export type VectorCheck = (vector: VectorCase, tree: JsonTree) => Promise<string | null>;

/** A member that must be a text. */
export function textOf(vector: VectorCase, key: string): string {
  const value = vector[key];
  if (typeof value !== "string") throw new TypeError(`case lacks the text ${key}`);
  return value;
}

/** The bytes of a hex text. */
export function bytesOfHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** Describes a difference, or answers `null` when there is none. */
export function differs(what: string, actual: unknown, expected: unknown): string | null {
  const [a, b] = [stableText(actual), stableText(expected)];
  return a === b ? null : `${what}: got ${shorten(a)}, expected ${shorten(b)}`;
}

/** The first description of a difference. */
export function firstOf(...differences: readonly (string | null)[]): string | null {
  return differences.find((difference) => difference !== null) ?? null;
}

function stableText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(stableText).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).map(([key, member]) =>
      `${JSON.stringify(key)}:${stableText(member)}`
    );
    return `{${members.sort().join(",")}}`;
  }
  return Object.is(value, -0) ? "-0" : JSON.stringify(value) ?? "undefined";
}

function shorten(text: string): string {
  return text.length <= 200 ? text : `${text.slice(0, 120)}...${text.slice(-70)}`;
}
