import type { JsonObject } from "../../src/base/json.ts";
import type { Step } from "./trace.ts";

/** Name of the brain's file in the writer's folder. */
export const FILE_NAME = "brain.db";
/** Event `n` happened `n` seconds after this. */
export const BEGIN_MS: number = Date.UTC(2026, 0, 1);
/** How long events stay: short enough that the writer's sweeps remove some. */
export const RETENTION_MS = 90_000;
/** How many events each task has. */
export const EVENTS_PER_TASK = 3;

const KINDS = ["task.received", "task.started", "task.succeeded"] as const;
const STATES = ["received", "started", "success"] as const;

/** How far a command has come, in the order in which it gets there. */
export const STATUSES = ["pending", "dispatched", "acknowledged", "completed"] as const;

/** Kind, task and data of event `n`; the size varies so that some need overflow pages. */
export function factsOf(
  n: number,
): { readonly kind: string; readonly taskId: string; readonly data: JsonObject } {
  const size = n % 17 === 0 ? 6_000 : 20 + (n * 37) % 400;
  return {
    kind: KINDS[n % EVENTS_PER_TASK] ?? "",
    taskId: taskOf(n),
    data: { task_name: `job ${n % 5}`, n, pad: String.fromCharCode(97 + n % 26).repeat(size) },
  };
}

/** The task of event `n`. */
export function taskOf(n: number): string {
  return `mail:${Math.floor(n / EVENTS_PER_TASK)}`;
}

/** The UUID of event `n`. */
export function idOf(n: number): string {
  return `00000000-0000-4000-8000-${n.toString(16).padStart(12, "0")}`;
}

/** State of task number `task` once event `highest` is in. */
export function stateOf(task: number, highest: number): string {
  return STATES[Math.min(highest - task * EVENTS_PER_TASK, EVENTS_PER_TASK - 1)] ?? "none";
}

/** What a mark of the writer says; a `doing` comes before, a `done` after it is stored. */
export interface Mark {
  /** Events up to this number go in, all or none. */
  readonly doing?: number;
  readonly done?: number;
  /** Events below this number, and commands below the other, are removed by a sweep. */
  readonly sweeping?: readonly [events: number, commands: number];
  readonly swept?: readonly [events: number, commands: number];
  /** A command reaches a status, by its place in `STATUSES`. */
  readonly moving?: readonly [command: number, status: number];
  readonly moved?: readonly [command: number, status: number];
  /** An agent with this token was minted. */
  readonly minted?: string;
}

/** A range of what may be there now. */
interface Span {
  least: number;
  most: number;
}

/** What had been promised at a moment of the trace. */
export interface Promised {
  /** The highest event: the last that was stored, or the last that is on its way. */
  readonly highest: Span;
  /** The lowest event. */
  readonly lowest: Span;
  /** The lowest command. */
  readonly lowestCommand: Span;
  /** The status of each command; -1 while it need not be there. */
  readonly commands: Map<number, Span>;
  token: string | null;
}

/** A promise to begin with: nothing. */
export function nothingPromised(): Promised {
  return {
    highest: { least: -1, most: -1 },
    lowest: { least: 0, most: 0 },
    lowestCommand: { least: 0, most: 0 },
    commands: new Map(),
    token: null,
  };
}

/** Takes a mark into account. */
export function apply(promised: Promised, mark: Mark): void {
  const { highest, lowest, lowestCommand, commands } = promised;
  if (mark.doing !== undefined) highest.most = mark.doing;
  if (mark.done !== undefined) highest.least = mark.done;
  if (mark.sweeping !== undefined) [lowest.most, lowestCommand.most] = mark.sweeping;
  if (mark.swept !== undefined) [lowest.least, lowestCommand.least] = mark.swept;
  if (mark.moving !== undefined) {
    const [command, most] = mark.moving;
    commands.set(command, { least: commands.get(command)?.least ?? -1, most });
  }
  if (mark.moved !== undefined) commands.set(mark.moved[0], spanOf(mark.moved[1]));
  if (mark.minted !== undefined) promised.token = mark.minted;
}

/** Whether a mark says that something is stored. */
export function isPromise({ done, swept, moved, minted }: Mark): boolean {
  return [done, swept, moved, minted].some((one) => one !== undefined);
}

/** Every mark of this writer comes in time. */
export function asTheyAre(steps: readonly Step[]): Step[] {
  return [...steps];
}

function spanOf(value: number): Span {
  return { least: value, most: value };
}
