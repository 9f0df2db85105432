import type { Clock } from "../base/clock.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../base/json.ts";
import type { ActionContext, ActionOutcome, Engine, TaskPriority } from "../engines/contract.ts";
import { type ReceivedCommand, textMember } from "./commands.ts";

/** Carries out a command on the engine that was chosen for it. */
export type EngineRun = (
  engine: Engine,
  command: ReceivedCommand,
  context: ActionContext,
) => Promise<ActionOutcome>;

/** A list; an empty one when there is none, `null` when it is something else. */
export function arrayOf(value: JsonValue | undefined): readonly JsonValue[] | null {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : null;
}

/** An object; an empty one when there is none, `null` when it is something else. */
export function recordOf(value: JsonValue | undefined): JsonObject | null {
  if (value === undefined || value === null) return {};
  return isJsonObject(value) ? value : null;
}

/** When a command wants its job. `eta` is absolute and wins; `eta_seconds` repeats what was typed. */
export function etaOf(parameters: JsonObject, clock: Clock): number | null {
  const { eta, eta_seconds } = parameters;
  if (typeof eta === "number" && Number.isFinite(eta)) return Math.round(eta * 1000);
  if (typeof eta_seconds === "number" && Number.isFinite(eta_seconds)) {
    return clock.now() + Math.round(eta_seconds * 1000);
  }
  return null;
}

const PRIORITIES: ReadonlySet<unknown> = new Set(["critical", "high", "normal", "low"]);

/** A priority label, or `null`. */
export function priorityOf(value: JsonValue | undefined): TaskPriority | null {
  return PRIORITIES.has(value) ? value as TaskPriority : null;
}

/** The queue that a command is about: of its parameters, else of its target. */
export function queueOf({ parameters, target }: ReceivedCommand): string | null {
  return textMember(parameters, "queue") ??
    (target["type"] === "queue" ? textMember(target, "id") : null);
}

/** The worker that a command is about: of its parameters, else of its target. */
export function workerOf({ parameters, target }: ReceivedCommand): string | null {
  return textMember(parameters, "worker_name") ??
    (target["type"] === "worker" ? textMember(target, "id") : null);
}

/** Refuses what an engine has no action for. */
export function cannot(engine: Engine, what: string): Promise<ActionOutcome> {
  return refuse(`engine "${engine.name}" cannot ${what}`);
}

/** Refuses before anything was touched. */
export function refuse(reason: string): Promise<ActionOutcome> {
  return Promise.resolve({ status: "refused", reason });
}
