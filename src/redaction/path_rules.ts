/** A path rule that cannot be used. */
export type PathRuleProblem = "it is too long" | "it has an empty part" | "it has a wrong index";

const MAX_RULE_CHARS = 256;
// The places of a rule are bits of one number.
const MAX_PARTS = 29;
const ANY = "*";
const DEEP = "**";

/** A rule that has been read; each number is a set of its places, as bits. */
export interface PathRule {
  /** As it was written. */
  readonly text: string;
  /** Places at which any name or index fits. */
  readonly any: number;
  /** Places at which any number of them fits. */
  readonly deep: number;
  /** Places by the name that fits there. */
  readonly names: ReadonlyMap<string, number>;
  /** The place behind the last part. */
  readonly end: number;
}

/** A set of path rules, ready to be followed down a value. */
export interface PathRules {
  /** Where every rule stands at the top of the value; `null` without rules. */
  readonly start: PathState | null;
}

/** At which of their places rules stand somewhere in a value. */
export type PathState = readonly (readonly [rule: PathRule, places: number])[];

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
  if (parts === null) return "it has a wrong index";
  if (parts.length > MAX_PARTS) return "it is too long";
  return parts.includes("") ? "it has an empty part" : null;
}

/** Prepares rules that have no problem; others are left out. */
export function compilePathRules(texts: readonly string[]): PathRules {
  const rules = texts.filter((text) => pathRuleProblem(text) === null).map(compile);
  if (rules.length === 0) return NO_PATHS;
  return { start: rules.map((rule) => [rule, reach(rule, 1)] as const) };
}

/** Goes from a place to one of its members; takes time in proportion to the rules alone. */
export function stepInto(state: PathState, key: string): PathStep {
  const next: (readonly [PathRule, number])[] = [];
  for (const [rule, places] of state) {
    const onward = (places & (rule.any | (rule.names.get(key) ?? 0))) << 1;
    const reached = reach(rule, onward | (places & rule.deep));
    if ((reached & rule.end) !== 0) return { hit: rule.text, state: null };
    if (reached !== 0) next.push([rule, reached]);
  }
  return { hit: null, state: next.length === 0 ? null : next };
}

// `**` may also stand for nothing; two in a row were made one.
function reach({ deep }: PathRule, places: number): number {
  return places | ((places & deep) << 1);
}

function compile(text: string): PathRule {
  const parts = (partsOf(text) ?? []).filter((part, at, all) =>
    part !== DEEP || all[at - 1] !== DEEP
  );
  const names = new Map<string, number>();
  let any = 0;
  let deep = 0;
  for (const [at, part] of parts.entries()) {
    if (part === ANY) any |= 1 << at;
    else if (part === DEEP) deep |= 1 << at;
    else names.set(part, (names.get(part) ?? 0) | (1 << at));
  }
  return { text, any, deep, names, end: 1 << parts.length };
}

function partsOf(text: string): string[] | null {
  const parts: string[] = [];
  for (const piece of text.trim().split(".")) {
    const found = /^([^[\]]*)((?:\[(?:\d{1,6}|\*)\])*)$/.exec(piece);
    if (found === null) return null;
    const [, name = "", indexes = ""] = found;
    if (name !== "" || indexes === "" || parts.length > 0) parts.push(name);
    for (const [, index = ""] of indexes.matchAll(/\[([^\]]*)\]/g)) parts.push(index);
  }
  return parts;
}
