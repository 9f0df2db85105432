/** A path rule that cannot be used. */
export type PathRuleProblem = "it is too long" | "it has an empty part" | "it has a wrong index";

type Part = string | typeof ANY | typeof DEEP;
// `*` is one name or index, `**` any number of them.
const ANY: unique symbol = Symbol("*");
const DEEP: unique symbol = Symbol("**");

const MAX_RULE_CHARS = 256;
const MAX_PARTS = 32;

/** A rule that has been read. */
export interface PathRule {
  /** As it was written. */
  readonly text: string;
  /** Its steps; symbols stand for `*` and `**`. */
  readonly parts: readonly (string | symbol)[];
}

/** A set of path rules, ready to be followed down a value. */
export interface PathRules {
  /** Where every rule stands at the top of the value; `null` without rules. */
  readonly start: PathState | null;
}

/** How far rules have come at one place of a value. */
export type PathState = readonly (readonly [rule: PathRule, at: number])[];

/** What the rules say about a member. */
export interface PathStep {
  /** The rule that removes it, or `null`. */
  readonly hit: string | null;
  /** Where the rules stand below it; `null` when none can match there. */
  readonly state: PathState | null;
}

/** Without any rule. */
export const NO_PATHS: PathRules = { start: null };

/** Tells what is wrong with a rule such as `kwargs.user.email`, or `null`. */
export function pathRuleProblem(text: string): PathRuleProblem | null {
  if (text.length > MAX_RULE_CHARS) return "it is too long";
  const parts = partsOf(text);
  return parts === null
    ? "it has a wrong index"
    : parts.length > MAX_PARTS
    ? "it is too long"
    : parts.includes("")
    ? "it has an empty part"
    : null;
}

/** Prepares rules that have no problem; others are left out. */
export function compilePathRules(texts: readonly string[]): PathRules {
  const rules = texts.filter((text) => pathRuleProblem(text) === null)
    .map((text): PathRule => ({ text, parts: partsOf(text) ?? [] }));
  return rules.length === 0
    ? NO_PATHS
    : { start: rules.flatMap((rule) => withDeep([[rule, 0] as const])) };
}

/** Goes from a place to one of its members. */
export function stepInto(state: PathState, key: string): PathStep {
  const next: (readonly [PathRule, number])[] = [];
  for (const [rule, at] of state) {
    const part = rule.parts[at];
    if (part === DEEP) next.push([rule, at]);
    else if (part === ANY || part === key) next.push([rule, at + 1]);
  }
  const reached = withDeep(next);
  const hit = reached.find(([rule, at]) => at === rule.parts.length);
  if (hit !== undefined) return { hit: hit[0].text, state: null };
  return { hit: null, state: reached.length === 0 ? null : reached };
}

// `**` may also stand for nothing.
function withDeep(
  state: readonly (readonly [PathRule, number])[],
): (readonly [PathRule, number])[] {
  const all = [...state];
  for (const [rule, at] of all) {
    const known = all.some(([other, place]) => other === rule && place === at + 1);
    if (rule.parts[at] === DEEP && !known) all.push([rule, at + 1]);
  }
  return all;
}

function partsOf(text: string): Part[] | null {
  const parts: Part[] = [];
  for (const piece of text.trim().split(".")) {
    const found = /^([^[\]]*)((?:\[(?:\d{1,6}|\*)\])*)$/.exec(piece);
    if (found === null) return null;
    const [, name = "", indexes = ""] = found;
    if (name !== "" || indexes === "" || parts.length > 0) parts.push(partOf(name));
    for (const [, index = ""] of indexes.matchAll(/\[([^\]]*)\]/g)) parts.push(partOf(index));
  }
  return parts;
}

function partOf(text: string): Part {
  if (text === "*") return ANY;
  return text === "**" ? DEEP : text;
}
