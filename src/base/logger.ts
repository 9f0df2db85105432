/** How grave a line is. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/**
 * Where the library writes its lines. `console`, pino and LogTape loggers fit
 * after binding the argument order: facts first, message second.
 */
export interface Logger {
  /** Detail for people who debug the library. */
  debug(facts: LogFacts, message: string): void;
  /** A change of state worth knowing. */
  info(facts: LogFacts, message: string): void;
  /** Something degraded that works on. */
  warn(facts: LogFacts, message: string): void;
  /** Something that does not work until somebody acts. */
  error(facts: LogFacts, message: string): void;
}

/** Facts of a log line; never a secret. */
export type LogFacts = Readonly<Record<string, unknown>>;

/** A logger that drops every line. */
export const noopLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
};

/** The four methods of a console that the logger needs. */
export interface ConsoleLike {
  /** Receives debug lines. */
  debug(...values: unknown[]): void;
  /** Receives info lines. */
  info(...values: unknown[]): void;
  /** Receives warnings. */
  warn(...values: unknown[]): void;
  /** Receives errors. */
  error(...values: unknown[]): void;
}

const ORDER: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/**
 * A logger that prints `[z4j] message {facts}` from `level` upwards.
 *
 * @param level The least grave level that is printed. Default `info`.
 * @param out Where to print. Default: the console.
 */
export function consoleLogger(level: LogLevel = "info", out: ConsoleLike = console): Logger {
  const line = (at: LogLevel) => (facts: LogFacts, message: string): void => {
    if (ORDER[at] < ORDER[level]) return;
    const extra = Object.keys(facts).length === 0 ? [] : [JSON.stringify(facts)];
    out[at](`[z4j] ${message}`, ...extra);
  };
  return { debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") };
}

/** Wraps a user's logger so that its failures never reach the caller. */
export function safeLogger(logger: Logger): Logger {
  const guard = (at: LogLevel) => (facts: LogFacts, message: string): void => {
    try {
      logger[at](facts, message);
    } catch {
      // A logger that throws must not disturb the host process.
    }
  };
  return { debug: guard("debug"), info: guard("info"), warn: guard("warn"), error: guard("error") };
}
