import type { JsonValue } from "../base/json.ts";

/** A parsed value, or what is wrong with it, without the value itself. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly state: string };

/** Marks a setting that has no default. */
export const REQUIRED: unique symbol = Symbol("required");

/** Form of a setting's value. */
export type SettingKind =
  | "text"
  | "url"
  | "path"
  | "boolean"
  | "integer"
  | "choice"
  | "patterns"
  | "paths"
  | "rules"
  | "queues"
  | "tags";

/** One setting: its name in the environment, its form, bounds and meaning. */
export interface Rule<T> {
  /** Environment variable. */
  readonly env: string;
  /** Variable that names a file with the value, or `null`. */
  readonly fileEnv: string | null;
  /** Form of the value. */
  readonly kind: SettingKind;
  /** What is accepted, to end a message with. */
  readonly expected: string;
  /** Value when nothing is given. */
  readonly fallback: T | typeof REQUIRED;
  /** The default as documentation shows it; `null` for none. */
  readonly defaultText: string | null;
  /** Least value or length, or `null`. */
  readonly min: number | null;
  /** Greatest value or length, or `null`. */
  readonly max: number | null;
  /** Unit of the value or of its bounds, or `null`. */
  readonly unit: string | null;
  /** Accepted values of a choice, or `null`. */
  readonly choices: readonly string[] | null;
  /** Whether the value is never shown. */
  readonly secret: boolean;
  /** One sentence for people. */
  readonly meaning: string;
  /** Member of a grouped option, for example `capture.args`; absent for an option of its own. */
  readonly option?: readonly [group: string, member: string] | undefined;
  /** How a value that is no plain text is shown. */
  readonly show?: ((value: T) => JsonValue) | undefined;
  /** Reads the text of a variable; trimmed and not empty. */
  readonly parseText: (text: string) => Parsed<T>;
  /** Reads what a user wrote in code. */
  readonly parseOption: (value: unknown) => Parsed<T>;
}

/** What every rule states about itself. */
export interface RuleFacts {
  /** Environment variable. */
  readonly env: string;
  /** One sentence for people. */
  readonly meaning: string;
  /** Member of a grouped option. */
  readonly option?: readonly [group: string, member: string] | undefined;
}

/** The parts of a rule that most rules leave empty. */
export const BARE: {
  readonly fileEnv: null;
  readonly min: null;
  readonly max: null;
  readonly unit: null;
  readonly choices: null;
  readonly secret: false;
} = { fileEnv: null, min: null, max: null, unit: null, choices: null, secret: false };

/** Names the type of a value without showing it. */
export function describeType(value: unknown): string {
  if (value === null) return "it is null";
  return Array.isArray(value) ? "it is an array" : `it is of type ${typeof value}`;
}
