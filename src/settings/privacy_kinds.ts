import { isJsonObject, type JsonValue } from "../base/json.ts";
import { pathRuleProblem } from "../redaction/path_rules.ts";
import { type CommandRule, parseCommandRules } from "./command_rule.ts";
import { parseJson, splitPatterns } from "./lists.ts";
import { BARE, describeType, type Parsed, type Rule, type RuleFacts } from "./rule.ts";

/** What leaves the process with the jobs of one queue, as the settings hold it. */
export interface QueuePrivacySetting {
  /** Switches that differ from the general ones. */
  readonly capture: Readonly<Partial<Record<"args" | "result" | "error", boolean>>>;
  /** Path rules besides the general ones. */
  readonly redactPaths: readonly string[];
}

/** Differences by queue. */
export type QueuePrivacySettings = Readonly<Record<string, QueuePrivacySetting>>;

const MAX_PATHS = 200;
const MAX_QUEUES = 200;

/** Path rules such as `kwargs.user.email`. */
export function paths(facts: RuleFacts): Rule<readonly string[]> {
  return {
    ...BARE,
    ...facts,
    kind: "paths",
    expected: "paths such as kwargs.user.email or args[0].card, as a JSON array or with commas",
    fallback: Object.freeze([]),
    defaultText: "[]",
    max: MAX_PATHS,
    unit: "paths",
    parseText: (value) => checkPaths(splitPatterns(value)),
    parseOption: checkPaths,
  };
}

/** Rules of the command policy. */
export function commandRules(facts: RuleFacts): Rule<readonly CommandRule[]> {
  return {
    ...BARE,
    ...facts,
    kind: "rules",
    expected: "rules such as purge_queue or retry_task queue=mail*, as a JSON array or with commas",
    fallback: Object.freeze([]),
    defaultText: "[]",
    parseText: (value) => parseCommandRules(splitPatterns(value)),
    parseOption: parseCommandRules,
    show: (rules) => rules.map(({ text }) => text),
  };
}

/** Differences of privacy by queue. */
export function queuePrivacy(facts: RuleFacts): Rule<QueuePrivacySettings> {
  return {
    ...BARE,
    ...facts,
    kind: "queues",
    expected: "an object of queue names with capture and redactPaths, in a variable as JSON",
    fallback: Object.freeze({}),
    defaultText: "{}",
    max: MAX_QUEUES,
    unit: "queues",
    parseText: (value) => checkQueues(parseJson(value)),
    parseOption: checkQueues,
    show: (queues) => JSON.parse(JSON.stringify(queues)) as JsonValue,
  };
}

function checkPaths(value: unknown): Parsed<readonly string[]> {
  if (!Array.isArray(value)) return wrong(describeType(value));
  if (value.length > MAX_PATHS) return wrong("it has too many paths");
  const found: string[] = [];
  for (const [index, item] of (value as readonly unknown[]).entries()) {
    if (typeof item !== "string") return wrong("it contains something other than text");
    const problem = pathRuleProblem(item.trim());
    if (problem !== null) return wrong(`entry ${index + 1} cannot be used: ${problem}`);
    found.push(item.trim());
  }
  return { ok: true, value: Object.freeze(found) };
}

function checkQueues(value: unknown): Parsed<QueuePrivacySettings> {
  if (!isJsonObject(value)) return wrong("it is not an object of queues");
  const entries = Object.entries(value as Readonly<Record<string, unknown>>);
  if (entries.length > MAX_QUEUES) return wrong("it has too many queues");
  const found: [string, QueuePrivacySetting][] = [];
  for (const [queue, item] of entries) {
    const parsed = checkQueue(item);
    if (!parsed.ok) return parsed;
    found.push([queue, parsed.value]);
  }
  return { ok: true, value: Object.freeze(Object.fromEntries(found)) };
}

function checkQueue(item: unknown): Parsed<QueuePrivacySetting> {
  if (!isJsonObject(item)) return wrong("a queue is not an object");
  const { capture = {}, redactPaths = [], ...others } = item as Readonly<Record<string, unknown>>;
  if (Object.keys(others).length > 0) {
    return wrong("a queue has a member other than capture and redactPaths");
  }
  const checked = checkPaths(redactPaths);
  if (!checked.ok) return checked;
  if (!isJsonObject(capture)) return wrong("capture of a queue is not an object");
  const given = Object.entries(capture as Readonly<Record<string, unknown>>)
    .filter(([, value]) => value !== undefined);
  const isSwitch = ([key, value]: readonly [string, unknown]): boolean =>
    ["args", "result", "error"].includes(key) && typeof value === "boolean";
  if (!given.every(isSwitch)) {
    return wrong("capture of a queue holds more than args, result and error as booleans");
  }
  const switches = Object.fromEntries(given) as QueuePrivacySetting["capture"];
  return { ok: true, value: Object.freeze({ capture: switches, redactPaths: checked.value }) };
}

function wrong(state: string): { readonly ok: false; readonly state: string } {
  return { ok: false, state };
}
