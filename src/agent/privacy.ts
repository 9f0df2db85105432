import { errorText } from "../base/errors.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../base/json.ts";
import type { EventDraft } from "../protocol/event_wire.ts";
import { compilePathRules, type PathRules } from "../redaction/path_rules.ts";
import type { RedactionTrace } from "../redaction/walk.ts";
import type { OnceLogger } from "./guard.ts";
import type { RedactorLike } from "./recorder.ts";

/** Which parts of a job leave the process. */
export interface CaptureSwitches {
  /** Inputs: `args` and `kwargs`. */
  readonly args: boolean;
  /** What the job returned. */
  readonly result: boolean;
  /** Text and stack of a failure. */
  readonly error: boolean;
}

/** What leaves the process with the jobs of one queue. */
export interface QueuePrivacyRules {
  /** Switches that differ from the general ones. */
  readonly capture: Partial<CaptureSwitches>;
  /** Path rules besides the general ones. */
  readonly redactPaths: readonly string[];
}

/** What a redaction hook knows about an event. */
export interface RedactInfo {
  /** What happened, for example `task.succeeded`. */
  readonly kind: string;
  /** Engine or scheduler. */
  readonly engine: string;
  /** Name of the job, or `null`. */
  readonly taskName: string | null;
  /** Its queue, or `null`. */
  readonly queue: string | null;
}

/**
 * Removes more from an event, after the built-in rules. Gets a copy that it may
 * change and answers it or another object.
 */
export type RedactHook = (data: Record<string, JsonValue>, info: RedactInfo) => unknown;

/** What this process keeps to itself. */
export interface PrivacyRules {
  /** Which parts leave it. */
  readonly capture: CaptureSwitches;
  /** Places that are removed, for example `kwargs.user.email`. */
  readonly redactPaths: readonly string[];
  /** Differences by queue. */
  readonly queues: Readonly<Record<string, QueuePrivacyRules>>;
  /** The user's own redaction. */
  readonly redact?: RedactHook | undefined;
}

/** Turns the data of an event into what may leave the process. */
export type Privacy = (
  draft: EventDraft,
  trace?: RedactionTrace,
  /** Queue of what has none in its data, as the run of a schedule. */
  queue?: string,
) => JsonObject;

const EVERYTHING: CaptureSwitches = { args: true, result: true, error: true };

/** Keeps nothing back but what the redactor knows. */
export const NO_PRIVACY: PrivacyRules = { capture: EVERYTHING, redactPaths: [], queues: {} };

// What a job's author put in; removed when the hook cannot be trusted.
const PAYLOAD: readonly string[] = [
  ...["args", "kwargs", "result", "exception", "traceback"],
  ...["progress", "logs", "context"],
];
const SWITCHES: Readonly<Record<keyof CaptureSwitches, readonly string[]>> = {
  args: ["args", "kwargs"],
  // What a job tells on its way is its result as well.
  result: ["result", "progress", "logs"],
  error: ["exception", "traceback"],
};
const REMOVED = "[REMOVED]";
const SLOW_MS = 10;
const MAX_SLOW_CALLS = 20;

/** Prepares the rules; every event goes through the answer. */
export function createPrivacy(
  rules: PrivacyRules,
  redactor: RedactorLike,
  notices: OnceLogger,
): Privacy {
  const general: Plan = { ...rules.capture, paths: compilePathRules(rules.redactPaths) };
  const plans = new Map(
    Object.entries(rules.queues).map(([queue, own]): [string, Plan] => [queue, {
      ...rules.capture,
      ...own.capture,
      paths: compilePathRules([...rules.redactPaths, ...own.redactPaths]),
    }]),
  );
  const hook = rules.redact === undefined ? null : createHook(rules.redact, redactor, notices);
  return (draft, trace, queueOfRun) => {
    const queue = queueOfRun ?? draft.data["queue"];
    const plan = (typeof queue === "string" ? plans.get(queue) : undefined) ?? general;
    const kept = capture(draft.data, plan, trace);
    const clean = redactor.redact(kept, { paths: plan.paths, trace });
    if (!isJsonObject(clean)) throw new TypeError("the redactor answered no object");
    return hook === null ? clean : hook(clean, infoOf(draft, queue), trace);
  };
}

interface Plan extends CaptureSwitches {
  readonly paths: PathRules;
}

function capture(
  data: Readonly<Record<string, unknown>>,
  plan: Plan,
  trace: RedactionTrace | undefined,
): Readonly<Record<string, unknown>> {
  if (plan.args && plan.result && plan.error) return data;
  const kept: Record<string, unknown> = { ...data };
  for (const part of ["args", "result", "error"] as const) {
    if (plan[part]) continue;
    for (const key of SWITCHES[part]) {
      if (!(key in kept)) continue;
      delete kept[key];
      trace?.(key, `capture.${part} is off`);
    }
  }
  return kept;
}

type Hook = (clean: JsonObject, info: RedactInfo, trace?: RedactionTrace) => JsonObject;

function createHook(redact: RedactHook, redactor: RedactorLike, notices: OnceLogger): Hook {
  let slowCalls = 0;
  // Whatever goes wrong, the payload stays here: the hook exists to keep it back.
  const withheld = (clean: JsonObject, why: string, trace?: RedactionTrace): JsonObject => {
    notices.warn("redact hook", { error: why }, "the redact hook failed; payloads are withheld");
    const kept: Record<string, JsonValue> = { ...clean };
    for (const key of PAYLOAD) {
      if (!(key in kept)) continue;
      if (key === "args") kept[key] = [REMOVED];
      else kept[key] = key === "kwargs" || key === "context" ? { removed: true } : REMOVED;
      trace?.(key, "the redact hook failed");
    }
    return kept;
  };
  return (clean, info, trace) => {
    if (slowCalls >= MAX_SLOW_CALLS) return withheld(clean, "it is too slow", trace);
    const startedAt = performance.now();
    const before = trace === undefined ? null : textsOf(clean);
    try {
      const answer: unknown = redact({ ...clean }, info);
      if (performance.now() - startedAt > SLOW_MS) slowCalls++;
      if (answer instanceof Promise) answer.catch(() => {});
      const checked = isJsonObject(answer) ? redactor.redact(answer) : undefined;
      if (!isJsonObject(checked) || answer instanceof Promise) {
        return withheld(clean, "it answered no object", trace);
      }
      for (const [key, text] of before ?? []) {
        if (JSON.stringify(checked[key]) !== text) trace?.(key, "the redact hook");
      }
      return checked;
    } catch (error) {
      return withheld(clean, errorText(error), trace);
    }
  };
}

function textsOf(data: JsonObject): readonly (readonly [string, string])[] {
  return Object.entries(data).map(([key, value]) => [key, JSON.stringify(value)]);
}

function infoOf({ kind, engine, data }: EventDraft, queue: unknown): RedactInfo {
  const text = (value: unknown): string | null => typeof value === "string" ? value : null;
  return { kind, engine, taskName: text(data["task_name"]), queue: text(queue) };
}
