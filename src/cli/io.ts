/** What the program gives a command. */
export interface CliIo {
  /** Writes a line of data. */
  out(line: string): void;
  /** Writes a line for people. */
  err(line: string): void;
  /** Whether stdout is a terminal that shows colours. */
  readonly hasColors: boolean;
  /** Whether stderr is a terminal, so that progress has a reader. */
  readonly showsProgress: boolean;
  /** Process id. */
  readonly pid: number;
  /** Resolves when the process shall end. */
  readonly stopped: Promise<void>;
}

/** Exit codes of every command. */
export const EXIT = {
  /** Done, and all is well. */
  ok: 0,
  /** Done, and something is not well; or it failed. */
  failed: 1,
  /** Wrong usage. */
  usage: 2,
  /** The brain cannot be reached, or its port is taken. */
  unreachable: 3,
  /** The brain refuses the credentials. */
  refused: 4,
} as const;

/** Wrong usage: the text for people. */
export class UsageError extends Error {}

/** A failure with its exit code. */
export class CommandError extends Error {
  /** Exit code. */
  readonly exit: number;

  /** Creates the error from its text and exit code. */
  constructor(message: string, exit: number = EXIT.failed) {
    super(message);
    this.exit = exit;
  }
}
