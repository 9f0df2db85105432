import { matchesGlob } from "../base/glob.ts";
import type { JsonObject, JsonValue } from "../base/json.ts";
import type { CommandRule, CommandSubject } from "../settings/command_rule.ts";
import { objectMember, type ReceivedCommand, textMember } from "./commands.ts";

/** What this process forbids, whatever a brain asks for. */
export interface CommandPolicyRules {
  /** When not empty, of the actions that change something only what one of these covers. */
  readonly allow: readonly CommandRule[];
  /** What is never carried out; stronger than `allow`. */
  readonly deny: readonly CommandRule[];
  /** Whether only actions are carried out that change nothing. */
  readonly readOnly: boolean;
}

/** Judges commands before any engine is touched. */
export interface CommandPolicy {
  /** Why a command is refused, naming the rule; `null` when it may go on. */
  refusal(command: ReceivedCommand): string | null;
  /** Whether an action is forbidden whatever it is about. */
  forbids(action: string): boolean;
}

// Actions that only look.
const READING: ReadonlySet<string> = new Set([
  "reconcile_task",
  "dlq.list",
  "schedule.resync",
  // Begins a stream of facts towards the brain; it changes nothing here.
  "schedule.external.activate",
]);

/** Allows everything. */
export const NO_POLICY: CommandPolicy = { refusal: () => null, forbids: () => false };

/**
 * Creates the judge. It fails closed: where a command leaves open what it is
 * about, a rule of `deny` that asks for it matches and one of `allow` does not.
 */
export function createCommandPolicy(rules: CommandPolicyRules): CommandPolicy {
  const { allow, deny, readOnly } = rules;
  if (allow.length === 0 && deny.length === 0 && !readOnly) return NO_POLICY;
  const forbids = (action: string): boolean => {
    if (readOnly && !READING.has(action)) return true;
    const hit = (rule: CommandRule): boolean => matchesGlob(rule.action, action);
    if (deny.some((rule) => rule.subjects.length === 0 && hit(rule))) return true;
    return allow.length > 0 && !READING.has(action) && !allow.some(hit);
  };
  return {
    forbids,
    refusal(command) {
      const { action } = command;
      if (readOnly && !READING.has(action)) return refused("it is read-only (commands.readOnly)");
      const about = subjectsOf(command);
      const denied = deny.find((rule) => mayConcern(rule, action, about));
      if (denied !== undefined) return refused(`commands.deny holds "${denied.text}"`);
      if (allow.length === 0 || READING.has(action)) return null;
      if (allow.some((rule) => surelyIs(rule, action, about))) return null;
      return refused(`no rule of commands.allow covers "${action}" with this target`);
    },
  };
}

function refused(reason: string): string {
  return `this process forbids it: ${reason}`;
}

/** Everything that a command says it is about, by kind; no entry means unknown. */
type Subjects = Readonly<Record<CommandSubject, readonly string[]>>;

function mayConcern(rule: CommandRule, action: string, about: Subjects): boolean {
  return matchesGlob(rule.action, action) && rule.subjects.every(([subject, pattern]) => {
    const names = about[subject];
    return names.length === 0 || names.some((name) => matchesGlob(pattern, name));
  });
}

function surelyIs(rule: CommandRule, action: string, about: Subjects): boolean {
  return matchesGlob(rule.action, action) && rule.subjects.every(([subject, pattern]) => {
    const names = about[subject];
    return names.length > 0 && names.every((name) => matchesGlob(pattern, name));
  });
}

// Commands that carry the name of the job to start; elsewhere the name is the
// brain's claim about a job that the engine finds by its id.
const STARTING: ReadonlySet<string> = new Set(["submit_task", "schedule.fire"]);

function subjectsOf(command: ReceivedCommand): Subjects {
  const { action, target, parameters } = command;
  const of = (...keys: readonly string[]): string[] => collect([parameters, target], keys);
  const ofTarget = (type: string): string[] =>
    target["type"] === type ? collect([target], ["id"]) : [];
  const rows = ["definition", "expected", "desired_projection"].map((key) =>
    objectMember(parameters, key)
  );
  const ids = taskIdsOf(command);
  return {
    queue: ids.length > 0
      ? queuesOf(ids)
      : [...of("queue", "queues"), ...ofTarget("queue"), ...collect(rows, ["queue"])],
    task: [
      ...(STARTING.has(action) ? of("name", "task_name") : []),
      ...(action === "rate_limit" ? [...of("task_name"), ...ofTarget("task")] : []),
      ...collect(rows, ["task_name"]),
    ],
    worker: [...of("worker", "worker_id", "worker_name"), ...ofTarget("worker")],
    schedule: [
      ...of("schedule_id", "schedule_name", "external_id", "source_key"),
      ...ofTarget("schedule"),
      ...collect(rows, ["name", "source_key"]),
    ],
    engine: [...of("engine", "scheduler", "owner"), ...collect([filterOf(command)], ["engine"])],
  };
}

// The ids by which engines find jobs; the other members of a filter are hints.
function taskIdsOf(command: ReceivedCommand): string[] {
  const { action, target, parameters } = command;
  const ids = collect([parameters, filterOf(command)], ["task_id", "task_ids"]);
  if (ids.length > 0 || target["type"] !== "task" || action === "rate_limit") return ids;
  const engine = textMember(target, "engine") ?? textMember(parameters, "engine");
  return collect([target], ["id"]).map((id) =>
    engine !== null && id.startsWith(`${engine}:`) ? id.slice(engine.length + 1) : id
  );
}

function filterOf({ parameters }: ReceivedCommand): JsonObject {
  return objectMember(parameters, "filter");
}

// Ids of queue engines begin with the queue; one without it leaves all open.
function queuesOf(taskIds: readonly string[]): string[] {
  if (taskIds.some((id) => id.indexOf(":") < 1)) return [];
  return [...new Set(taskIds.map((id) => id.slice(0, id.indexOf(":"))))];
}

function collect(sources: readonly JsonObject[], keys: readonly string[]): string[] {
  const found = new Set<string>();
  const add = (value: JsonValue | undefined): void => {
    if (typeof value === "string" && value !== "") found.add(value);
    else if (Array.isArray(value)) value.forEach(add);
  };
  for (const source of sources) for (const key of keys) add(source[key]);
  return [...found];
}
