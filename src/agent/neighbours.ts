import type { ActionOutcome } from "../engines/contract.ts";
import type { WireResult } from "./command_result.ts";
import type { ReceivedCommand } from "./commands.ts";
import type { Announcement } from "./hello.ts";

/** What came of asking a neighbour to carry out a command. */
export type NeighbourAnswer =
  /** It answered. */
  | { readonly status: "answered"; readonly result: WireResult }
  /** It never got the command: somebody else may be asked. */
  | { readonly status: "unreached"; readonly reason: string }
  /** It got the command, and did not answer. */
  | { readonly status: "lost"; readonly reason: string };

/** Another process that shares the token and the home. */
export interface Neighbour {
  /** Its process id, as it sees it itself. */
  readonly pid: number;
  /** Its role, or `null`. */
  readonly role: string | null;
  /** What it brings by itself. */
  readonly announces: Announcement;
  /** Lets it carry out a command; never rejects. */
  ask(command: ReceivedCommand, limits: AskLimits): Promise<NeighbourAnswer>;
}

/** What bounds a question. */
export interface AskLimits {
  /** Milliseconds until an answer is of no use. */
  readonly remainingMs: number;
  /** Ends the wait at once. */
  readonly signal: AbortSignal;
}

/** Carries out a command that reached a neighbour. Never rejects. */
export type CarryOut = (command: ReceivedCommand) => Promise<WireResult>;

/** The outcome behind a result of a neighbour; what it failed at had no effect unless it says so. */
export function outcomeOf({ status, result, error }: WireResult): ActionOutcome {
  if (status === "success") return { status: "done", result: result ?? {} };
  const reason = error ?? "failed without a message";
  if (result === null) return { status: "refused", reason };
  const { indeterminate, ...facts } = result;
  return indeterminate === true
    ? { status: "indeterminate", reason, result: facts }
    : { status: "failed", error: reason, result: facts };
}

/** Names a neighbour in a message, such as `the task process 4711`. */
export function nameOf({ pid, role }: Neighbour): string {
  return role === null ? `process ${pid}` : `the ${role} process ${pid}`;
}
