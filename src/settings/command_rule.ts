import type { Parsed } from "./rule.ts";

/** What a rule may ask of a command besides its action. */
export type CommandSubject = "queue" | "task" | "worker" | "schedule" | "engine";

const COMMAND_SUBJECTS: readonly CommandSubject[] = [
  "queue",
  "task",
  "worker",
  "schedule",
  "engine",
];

/** One rule of the local command policy; patterns may contain `*`. */
export interface CommandRuleOption extends Readonly<Partial<Record<CommandSubject, string>>> {
  /** Pattern of the action, for example `purge_queue` or `*`. */
  readonly action: string;
}

/** A rule that has been read. */
export interface CommandRule {
  /** The rule as it is shown. */
  readonly text: string;
  /** Pattern of the action. */
  readonly action: string;
  /** Patterns of what the command is about. */
  readonly subjects: readonly (readonly [CommandSubject, string])[];
}

const MAX_RULES = 200;
const MAX_RULE_CHARS = 300;

/** Reads `action queue=pattern task=pattern`. */
export function parseCommandRule(text: string): Parsed<CommandRule> {
  const [action = "", ...terms] = text.trim().split(/\s+/);
  if (text.length > MAX_RULE_CHARS) return wrong("a rule is too long");
  if (!isAction(action)) return wrong("a rule names no action");
  const subjects: [CommandSubject, string][] = [];
  for (const term of terms) {
    const at = term.indexOf("=");
    const subject = COMMAND_SUBJECTS.find((one) => one === term.slice(0, at));
    const pattern = term.slice(at + 1);
    if (at < 1 || subject === undefined || pattern === "") {
      return wrong("a rule has a part that is not queue=, task=, worker=, schedule= or engine=");
    }
    subjects.push([subject, pattern]);
  }
  return { ok: true, value: { text: [action, ...terms].join(" "), action, subjects } };
}

/** Reads a list of rules as texts or objects. */
export function parseCommandRules(list: unknown): Parsed<readonly CommandRule[]> {
  if (!Array.isArray(list)) return wrong("it is not a list of rules");
  if (list.length > MAX_RULES) return wrong("it has too many rules");
  const rules: CommandRule[] = [];
  for (const item of list as readonly unknown[]) {
    const parsed = typeof item === "string" ? parseCommandRule(item) : fromObject(item);
    if (!parsed.ok) return parsed;
    rules.push(parsed.value);
  }
  return { ok: true, value: Object.freeze(rules) };
}

// Names with spaces cannot be written as a text.
function fromObject(item: unknown): Parsed<CommandRule> {
  if (typeof item !== "object" || item === null || Array.isArray(item)) {
    return wrong("a rule is neither a text nor an object");
  }
  const { action, ...others } = item as Readonly<Record<string, unknown>>;
  if (typeof action !== "string" || !isAction(action)) return wrong("a rule names no action");
  const subjects: [CommandSubject, string][] = [];
  for (const [key, pattern] of Object.entries(others)) {
    const subject = COMMAND_SUBJECTS.find((one) => one === key);
    if (subject === undefined) return wrong("a rule has a member that no rule has");
    if (pattern === undefined) continue;
    if (typeof pattern !== "string" || pattern === "" || pattern.length > MAX_RULE_CHARS) {
      return wrong("a pattern of a rule is not a text");
    }
    subjects.push([subject, pattern]);
  }
  const text = [action, ...subjects.map(([subject, pattern]) => `${subject}=${pattern}`)].join(" ");
  return { ok: true, value: { text, action, subjects } };
}

function isAction(action: string): boolean {
  return /^[a-z_.*]{1,64}$/.test(action);
}

function wrong(state: string): { readonly ok: false; readonly state: string } {
  return { ok: false, state };
}
