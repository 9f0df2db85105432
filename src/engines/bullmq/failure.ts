import { errorText } from "../../base/errors.ts";
import { member, text } from "./facts.ts";

/** Class and message of a failure, and its stack. */
export interface FailureTexts {
  readonly exception: string;
  readonly traceback: string | undefined;
}

const CLASS_AT_START = /^([A-Za-z_$][\w$.]{0,99})(?::|$|\n)/;

/**
 * The texts of a failed job. The job keeps the message only; the class comes
 * from the error at hand or from the first line of the stack.
 */
export function failureTexts(
  job: unknown,
  error: unknown,
  traceback: string | undefined,
): FailureTexts {
  const trace = traceback ?? text(member(error, "stack"));
  const message = text(member(job, "failedReason")) ??
    (error === undefined || error === null ? "" : errorText(error));
  const name = className(error) ?? classInTrace(trace, message) ?? "Error";
  return { exception: message === "" ? name : `${name}: ${message}`, traceback: trace };
}

// `class Declined extends Error {}` keeps the name "Error"; its constructor knows better.
function className(error: unknown): string | undefined {
  const name = text(member(error, "name"));
  const made = constructorName(error);
  if (name === undefined || name === "Error") return made === "Object" ? name : made ?? name;
  return name;
}

function constructorName(error: unknown): string | undefined {
  const made = member(error, "constructor");
  return typeof made === "function" ? text(made.name) : undefined;
}

function classInTrace(trace: string | undefined, message: string): string | undefined {
  if (trace === undefined || (message !== "" && trace.startsWith(message))) return undefined;
  return CLASS_AT_START.exec(trace)?.[1];
}

/** The last of the stacks that BullMQ keeps, one text for each failure. */
export function lastStack(job: unknown): string | undefined {
  const stacks = member(job, "stacktrace");
  return Array.isArray(stacks) ? text(stacks.at(-1)) : undefined;
}

/** The stack of bunqueue: one text for each line of the last failure. */
export function joinedStack(job: unknown): string | undefined {
  const lines = member(job, "stacktrace");
  if (!Array.isArray(lines)) return undefined;
  return text(lines.filter((line) => typeof line === "string").join("\n"));
}
