import { parseArgs } from "node:util";
import { errorText } from "../base/errors.ts";
import { nearestName } from "../settings/nearest.ts";
import { UsageError } from "./io.ts";

/** A flag of a command. */
export interface FlagRule {
  readonly type: "boolean" | "string";
  readonly short?: string;
}

/** Flags by name. */
export type FlagRules = Readonly<Record<string, FlagRule>>;

/** What was given. */
export interface ParsedFlags {
  /** The value of a flag, or `undefined`. */
  text(name: string): string | undefined;
  /** Whether a switch is set. */
  has(name: string): boolean;
  /** A whole number in a range, or the fallback. */
  number(name: string, fallback: number, min: number, max: number): number;
  /** What is no flag. */
  readonly rest: readonly string[];
}

/** Flags that every command has. */
export const COMMON: FlagRules = {
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
};

/**
 * Reads the flags of a command.
 *
 * @throws {UsageError} for an unknown flag, with the nearest, or a missing value.
 */
export function readFlags(
  argv: readonly string[],
  rules: FlagRules,
  maxRest: number,
): ParsedFlags {
  const unknown = argv.find((arg) => arg.startsWith("--") && !Object.hasOwn(rules, nameOf(arg)));
  if (unknown !== undefined && unknown !== "--") throw new UsageError(unknownFlag(unknown, rules));
  const { values, positionals } = parse(argv, rules);
  const extra = positionals[maxRest];
  if (extra !== undefined) throw new UsageError(`Unexpected argument ${quote(extra)}`);
  const text = (name: string): string | undefined => {
    const value = values[name];
    return typeof value === "string" ? value : undefined;
  };
  return {
    text,
    has: (name) => values[name] === true,
    rest: positionals,
    number(name, fallback, min, max) {
      const given = text(name);
      if (given === undefined) return fallback;
      const value = /^\d{1,9}$/.test(given) ? Number(given) : NaN;
      if (value >= min && value <= max) return value;
      throw new UsageError(`--${name}: expected a whole number from ${min} to ${max}`);
    },
  };
}

/** Answers "did you mean" for a word, or nothing. */
export function suggestion(word: string, known: readonly string[], prefix = ""): string {
  const nearest = nearestName(word, known);
  return nearest === null ? "see --help" : `did you mean ${prefix}${nearest}?`;
}

/** A word in a message: short and printable. */
export function quote(word: string): string {
  return `"${word.replace(/[^\x20-\x7e]/g, "?").slice(0, 40)}"`;
}

function parse(
  argv: readonly string[],
  rules: FlagRules,
): { readonly values: Readonly<Record<string, unknown>>; readonly positionals: readonly string[] } {
  try {
    const options = Object.fromEntries(
      Object.entries(rules).map(([name, { type, short }]) => [
        name,
        short === undefined ? { type } : { type, short },
      ]),
    );
    return parseArgs({ args: [...argv], options, strict: true, allowPositionals: true });
  } catch (error) {
    throw new UsageError(errorText(error).split("\n")[0]?.split(". ")[0] ?? "wrong usage");
  }
}

function nameOf(arg: string): string {
  return arg.slice(2).split("=")[0] ?? "";
}

function unknownFlag(arg: string, rules: FlagRules): string {
  const name = nameOf(arg);
  return `Unknown flag ${quote(`--${name}`)}: ${suggestion(name, Object.keys(rules), "--")}`;
}
