import { splitPatterns, splitTags, textRecord } from "./lists.ts";
import { BARE, describeType, type Parsed, REQUIRED, type Rule, type RuleFacts } from "./rule.ts";

/** A text with most `max` characters and no control character. */
export function text<T extends string | null>(
  facts: RuleFacts & { readonly max: number; readonly fallback: T | typeof REQUIRED },
): Rule<string | T> {
  const parse = (value: string): Parsed<string> => {
    if ([...value].length > facts.max) return wrong("it is too long");
    return hasControl(value) ? wrong("it contains a control character") : right(value);
  };
  return {
    ...BARE,
    ...facts,
    kind: "text",
    expected: `text of 1 to ${facts.max} characters`,
    defaultText: typeof facts.fallback === "string" ? facts.fallback : null,
    min: 1,
    unit: "characters",
    parseText: parse,
    parseOption: fromString(parse),
  };
}

/** A required secret; its value can also come from a file. */
export function secret(facts: RuleFacts & { readonly fileEnv: string }): Rule<string> {
  const parse = (value: string): Parsed<string> =>
    // It travels in an HTTP header, where anything else would break the request.
    /^[\x21-\x7e]+$/.test(value)
      ? right(value)
      : wrong("it contains a space or a special character");
  return {
    ...BARE,
    ...facts,
    kind: "text",
    expected: "the text that the minting dialog shows",
    fallback: REQUIRED,
    defaultText: null,
    secret: true,
    parseText: parse,
    parseOption: fromString(parse),
  };
}

/** A required text with its own parser. */
export function url(
  facts: RuleFacts & {
    readonly expected: string;
    readonly parse: (text: string) => Parsed<string>;
  },
): Rule<string> {
  const { env, meaning, expected, parse } = facts;
  return {
    ...BARE,
    env,
    meaning,
    expected,
    kind: "url",
    fallback: REQUIRED,
    defaultText: null,
    parseText: parse,
    parseOption: fromString(parse),
  };
}

/** A path; `~` at its start is the home directory. */
export function path<T extends string | null>(
  facts: RuleFacts & { readonly defaultText: string; readonly fallback: T },
): Rule<string | T> {
  const parse = (value: string): Parsed<string> =>
    hasControl(value) ? wrong("it contains a control character") : right(value);
  return {
    ...BARE,
    ...facts,
    kind: "path",
    expected: "a path",
    parseText: parse,
    parseOption: fromString(parse),
  };
}

const WORDS: Readonly<Record<string, boolean>> = {
  "1": true,
  true: true,
  yes: true,
  on: true,
  "0": false,
  false: false,
  no: false,
  off: false,
};

/** A yes or no; any other word is a problem, not a silent no. */
export function flag(facts: RuleFacts & { readonly fallback: boolean }): Rule<boolean> {
  const expected = "1, true, yes or on, or 0, false, no or off";
  return {
    ...BARE,
    ...facts,
    kind: "boolean",
    expected,
    defaultText: String(facts.fallback),
    parseText(value) {
      const word = value.toLowerCase();
      const known = Object.hasOwn(WORDS, word) ? WORDS[word] : undefined;
      return known === undefined ? wrong("it is another word") : right(known);
    },
    parseOption: (value) => typeof value === "boolean" ? right(value) : wrong(describeType(value)),
  };
}

/** A whole number from `min` to `max`. */
export function integer<T extends number | null>(
  facts: RuleFacts & {
    readonly min: number;
    readonly max: number | null;
    readonly unit: string;
    readonly fallback: T;
    readonly defaultText?: string;
  },
): Rule<number | T> {
  const top = facts.max ?? Number.MAX_SAFE_INTEGER;
  const parse = (value: number): Parsed<number> => {
    if (!Number.isSafeInteger(value)) return wrong("it is not a whole number");
    if (value < facts.min) return wrong("it is too small");
    return value > top ? wrong("it is too large") : right(value);
  };
  return {
    ...BARE,
    ...facts,
    kind: "integer",
    expected: `a whole number from ${facts.min}` + (facts.max === null ? "" : ` to ${facts.max}`),
    defaultText: facts.defaultText ?? (facts.fallback === null ? null : String(facts.fallback)),
    // Number() alone would take "0x10", "1e3" and "".
    parseText: (value) =>
      /^[+-]?\d+$/.test(value) ? parse(Number(value)) : wrong("it is no number"),
    parseOption: (value) => typeof value === "number" ? parse(value) : wrong(describeType(value)),
  };
}

/** One of a few words; `aliases` are accepted in the environment only. */
export function choice<T extends string>(
  facts: RuleFacts & {
    readonly choices: readonly T[];
    readonly fallback: T;
    readonly aliases?: Readonly<Record<string, T>>;
  },
): Rule<T> {
  const { env, meaning, choices, fallback, aliases = {} } = facts;
  const find = (word: string): Parsed<T> => {
    const known = choices.find((one) => one === word);
    return known === undefined ? wrong("it is another word") : right(known);
  };
  return {
    ...BARE,
    env,
    meaning,
    choices,
    fallback,
    kind: "choice",
    expected: choices.join(", "),
    defaultText: fallback,
    parseText(value) {
      const word = value.toLowerCase();
      const alias = Object.hasOwn(aliases, word) ? aliases[word] : undefined;
      return find(alias ?? word);
    },
    parseOption: fromString(find),
  };
}

/** Regular expressions. */
export function patterns(facts: RuleFacts): Rule<readonly string[]> {
  return {
    ...BARE,
    ...facts,
    kind: "patterns",
    expected: "regular expressions as a JSON array or separated by commas",
    fallback: Object.freeze([]),
    defaultText: "[]",
    parseText: (value) => checkPatterns(splitPatterns(value)),
    parseOption(value) {
      if (!Array.isArray(value)) return wrong(describeType(value));
      const items: readonly unknown[] = value;
      const texts = items.filter((item) => typeof item === "string");
      if (texts.length < items.length) return wrong("it contains something other than text");
      return checkPatterns(texts.map((item) => item.trim()).filter((item) => item !== ""));
    },
  };
}

// Tags ride on every event, so they are kept small.
const MAX_TAGS = 32;
const MAX_TAG_KEY_CHARS = 64;
const MAX_TAG_VALUE_CHARS = 256;

/** Names and values. */
export function tags(facts: RuleFacts): Rule<Readonly<Record<string, string>>> {
  return {
    ...BARE,
    ...facts,
    kind: "tags",
    expected: `up to ${MAX_TAGS} tags as k=v,k2=v2 or a JSON object of texts, ` +
      `names up to ${MAX_TAG_KEY_CHARS} and values up to ${MAX_TAG_VALUE_CHARS} characters`,
    fallback: Object.freeze({}),
    defaultText: "{}",
    max: MAX_TAGS,
    unit: "tags",
    parseText: (value) => checkTags(splitTags(value)),
    parseOption: (value) => checkTags(textRecord(value)),
  };
}

function checkTags(
  found: Readonly<Record<string, string>> | null,
): Parsed<Readonly<Record<string, string>>> {
  if (found === null) return wrong("it is not a set of names and texts");
  const entries = Object.entries(found);
  if (entries.length > MAX_TAGS) return wrong("it has too many tags");
  for (const [key, value] of entries) {
    if (key === "" || key.length > MAX_TAG_KEY_CHARS) {
      return wrong("a tag name is empty or too long");
    }
    if (value.length > MAX_TAG_VALUE_CHARS) return wrong("a tag value is too long");
    if (hasControl(key) || hasControl(value)) return wrong("it contains a control character");
  }
  return right(Object.freeze(found));
}

function checkPatterns(found: readonly string[]): Parsed<readonly string[]> {
  for (const [index, pattern] of found.entries()) {
    try {
      new RegExp(pattern);
    } catch {
      return wrong(`entry ${index + 1} is not a regular expression`);
    }
  }
  return right(Object.freeze(found));
}

function fromString<T>(parse: (text: string) => Parsed<T>): (value: unknown) => Parsed<T> {
  return (value) => typeof value === "string" ? parse(value.trim()) : wrong(describeType(value));
}

function hasControl(value: string): boolean {
  return /\p{Cc}/u.test(value);
}

function right<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

function wrong(state: string): { readonly ok: false; readonly state: string } {
  return { ok: false, state };
}
