import type { FlagRules, ParsedFlags } from "./flags.ts";
import type { CliIo } from "./io.ts";

/** One command of the command line. */
export interface Command {
  /** Its words, such as `buffer ls`. */
  readonly name: string;
  /** What it does, in a few words. */
  readonly summary: string;
  /** Arguments and flags of its own, a line each, for `--help`. */
  readonly help: readonly string[];
  /** Examples, a line each. */
  readonly examples: readonly string[];
  /** Flags besides the common ones; `null` hands all arguments through. */
  readonly flags: FlagRules | null;
  /** Most arguments that are no flag. */
  readonly maxRest: number;
  /** Runs it; answers the exit code. */
  run(flags: ParsedFlags, io: CliIo, argv: readonly string[]): Promise<number>;
}
