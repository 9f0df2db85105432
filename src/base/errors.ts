/**
 * Every failure code that this library throws. Codes are stable: branch on
 * them, never on message texts.
 */
export type Z4jErrorCode =
  | "Z4J_SETTINGS_INVALID"
  | "Z4J_SECRET_INVALID"
  | "Z4J_JSON_INVALID"
  | "Z4J_JSON_UNPRINTABLE"
  | "Z4J_FRAME_INVALID"
  | "Z4J_FRAME_TOO_LARGE"
  | "Z4J_BUFFER_OPEN"
  | "Z4J_BUFFER_WRITE"
  | "Z4J_BUFFER_CLOSED"
  | "Z4J_BUFFER_FULL"
  | "Z4J_RUNTIME_UNSUPPORTED"
  | "Z4J_AGENT_STATE"
  | "Z4J_AGENT_TIMEOUT"
  | "Z4J_ENGINE_INVALID"
  | "Z4J_SCHEDULER_INVALID"
  | "Z4J_SCHEDULE_ROW"
  | "Z4J_BRAIN_STORE"
  | "Z4J_BRAIN_SERVE";

/** Extra facts that an error may carry; never a secret. */
export interface Z4jErrorOptions {
  /** The failure underneath, kept for stack traces. */
  readonly cause?: unknown;
  /** Small machine-readable facts, for example the list of problems. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * A failure of the library, as opposed to a wrong argument (`TypeError`,
 * `RangeError`).
 *
 * @example Branch on the code
 * ```ts
 * import { Z4jError } from "@z4j/core";
 * import { equal } from "node:assert/strict";
 *
 * const error = new Z4jError("Z4J_SECRET_INVALID", "Cannot decode the secret");
 * equal(error.code, "Z4J_SECRET_INVALID");
 * ```
 */
export class Z4jError extends Error {
  /** The stable code to branch on. */
  readonly code: Z4jErrorCode;
  /** Machine-readable facts; empty when there are none. */
  readonly details: Readonly<Record<string, unknown>>;

  /** Creates the error from its code, a message for people, and facts. */
  constructor(code: Z4jErrorCode, message: string, options: Z4jErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = "Z4jError";
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** Tells whether a caught value is a `Z4jError`, also across module copies. */
export function isZ4jError(value: unknown): value is Z4jError {
  return value instanceof Error && value.name === "Z4jError" && "code" in value;
}

/** The text of anything that was thrown; never throws itself. */
export function errorText(value: unknown): string {
  try {
    return value instanceof Error ? value.message : String(value);
  } catch {
    return "unprintable error";
  }
}
