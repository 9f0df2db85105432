import { Z4jError } from "../base/errors.ts";

/** What kind of problem a setting has. */
export type SettingsProblemCode =
  /** A required setting is not given. */
  | "missing"
  /** The value is not of the expected form. */
  | "invalid"
  /** The value would send credentials in the clear. */
  | "insecure"
  /** The file that holds the value cannot be read. */
  | "unreadable"
  /** There is no setting of this name. */
  | "unknown"
  /** Two sources give the same setting; the weaker one is ignored. */
  | "shadowed";

/** One wrong setting. Holds names and rules, never a value. */
export interface SettingsProblem {
  /** Stable kind, to branch on. */
  readonly code: SettingsProblemCode;
  /** The option or variable that is wrong, as it was written. */
  readonly name: string;
  /** The variable of the setting, or `null` when there is none. */
  readonly env: string | null;
  /** What is wrong and what is expected, in one line. */
  readonly message: string;
}

const MAX_NAME_CHARS = 64;

/** A name in a message: short, printable and quoted. */
export function quoteName(name: string): string {
  const printable = name.replace(/[^\x20-\x7e]/g, "?");
  const short = printable.length > MAX_NAME_CHARS
    ? `${printable.slice(0, MAX_NAME_CHARS)}...`
    : printable;
  return `"${short}"`;
}

/** The error that strict mode throws: every problem in its message and, as data, in `details`. */
export function settingsError(problems: readonly SettingsProblem[]): Z4jError {
  const lines = problems.map((problem) => problem.message).join("; ");
  return new Z4jError("Z4J_SETTINGS_INVALID", lines, { details: { problems } });
}
