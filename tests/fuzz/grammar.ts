import type { Random } from "./random.ts";

/** Stands for markup: a page that shows it as it is has a hole. */
export const MARKUP = "<z4j-canary>";

const NUMBERS = ["0", "-0", "1", "-1", "2", "1.0", "1e3", "0.1", "1e-7", "-1.5e300", "1e400"]
  .concat("-1e400", "9007199254740993", "18446744073709551616", "9".repeat(400), "1E+2")
  .concat(`0.${"3".repeat(400)}`, "4294967296", "2147483648", "253402300800000", "5e-324");
const NOT_JSON = ["NaN", "Infinity", "-Infinity", "undefined", "01", "+1", ".5", "1.", "'x'"]
  .concat("tru", "", "\u0000", "0x10", "{a:1}", "[1,]", "/**/1", "\ufeff1");
const STRINGS = ["", " ", "a", "mail:1", "bullmq", "mail", MARKUP, "\\u0000", "\\ud800", "\\udc00"]
  .concat("\\ud83d\\ude00", "😀", "é", "e\u0301", "\u202e", "\u2028", "\\/", '\\"', "%00", "../..")
  .concat("__proto__", "constructor", "'; DROP TABLE tasks; --", "\ufeff", "\ufffe", "\\u001b[2J")
  .concat("2026-01-02T03:04:05Z", "0000-00-00T00:00:00Z", "9999-12-31T23:59:59+23:59", "1e400")
  .concat("x".repeat(41), "x".repeat(201), "é".repeat(501), "x".repeat(9_000), "\\ud800\\ud800");
const KEYS = ["a", "__proto__", "constructor", "toString", "", "\\u0000", "\\ud800", "é", "a", "id"]
  .concat("\\u0061", "engine", "kind", "data", "length", "then", "x".repeat(300), "hasOwnProperty");

/** The text of a JSON string, legal but seldom nice. */
export function stringText(random: Random): string {
  return `"${random.pick(STRINGS)}"`;
}

/** The text of a JSON value, seldom of another thing. */
export function valueText(random: Random, depth: number): string {
  const shape = random.below(depth > 0 ? 12 : 8);
  if (shape < 3) return stringText(random);
  if (shape < 5) return random.pick(NUMBERS);
  if (shape < 7) return random.pick(["true", "false", "null"]);
  if (shape === 7) return random.below(40) === 0 ? random.pick(NOT_JSON) : deepText(random);
  const items = Array.from({ length: random.below(5) }, () => valueText(random, depth - 1));
  if (shape < 10) return `[${items.join(",")}]`;
  return `{${items.map((item) => `"${random.pick(KEYS)}":${item}`).join(",")}}`;
}

/** Something nested: usually a little, at times far beyond what a stack takes. */
export function deepText(random: Random): string {
  const depth = random.pick([2, 5, 20, 100, 985, 995, 1_100, 6_000, 20_000]);
  const isRare = depth > 900 && random.below(6) > 0;
  const levels = isRare ? 3 : depth;
  return random.below(2) === 0
    ? `${"[".repeat(levels)}${"]".repeat(levels)}`
    : `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;
}

/** The members of an object, each right as often as not; keys may come twice. */
export function objectText(
  random: Random,
  members: Readonly<Record<string, string>>,
  rightOf: number,
): string {
  const texts: string[] = [];
  for (const [key, right] of Object.entries(members)) {
    if (random.below(12) === 0) continue;
    texts.push(`"${key}":${random.below(rightOf) > 0 ? right : valueText(random, 2)}`);
    if (random.below(24) === 0) texts.push(`"${key}":${valueText(random, 1)}`);
  }
  if (random.below(4) === 0) texts.push(`"${random.pick(KEYS)}":${valueText(random, 2)}`);
  return `{${texts.join(",")}}`;
}

/** The text without what no frame can carry: half pairs of surrogates, numbers beyond a double. */
export function tamed(text: string): string {
  return text.replace(/(?<!\\ud83d)\\ud[89ab]00/gi, "u").replaceAll("\\udc00", "u")
    .replaceAll("1e400", "1e40").replace(/9{400}/g, "9");
}

/** The text with some of it lost, doubled or replaced. */
export function mutate(text: string, random: Random): string {
  let changed = text;
  for (let n = random.below(3); n >= 0; n--) {
    const at = random.below(changed.length + 1);
    const gone = random.pick([0, 0, 1, 1, 5, 50]);
    const scrap = random.pick(["", "{", "}", "[", "]", '"', ",", ":", "\\", "\u0000", "\ud800"]
      .concat("NaN", "1e999", '"__proto__":1,', "[".repeat(5_000), "9".repeat(400), "\ufeff"));
    changed = changed.slice(0, at) + scrap + changed.slice(at + gone);
  }
  return changed;
}
