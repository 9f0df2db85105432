import { Z4jError } from "../base/errors.ts";

// A single probe that takes longer means that matching may block the host.
const MAX_PROBE_MS = 25;
// Short steps, because a running match cannot be stopped: exponential patterns
// show themselves before they hurt. The long ones find polynomial patterns.
const PROBE_LENGTHS: readonly number[] = [
  8,
  12,
  14,
  16,
  18,
  20,
  21,
  22,
  23,
  24,
  25,
  26,
  27,
  28,
  64,
  256,
  1024,
  4096,
  8192,
];
const PROBE_UNITS: readonly string[] = [
  "a",
  "A",
  "0",
  " ",
  "-",
  "_",
  "@",
  ".",
  "aA0",
  "ab",
  "a ",
  "a.",
];
const MAX_OWN_UNITS = 12;

/**
 * Compiles patterns that users add. They ignore case, like the built-in ones.
 * Patterns of scope `whole` must match a key from end to end.
 *
 * @throws Z4jError `Z4J_SETTINGS_INVALID` for a pattern that does not compile
 * or that takes very long on hostile text
 */
export function compilePatterns(
  sources: readonly string[],
  setting: string,
  scope: "whole" | "search",
  monotonic: () => number = () => performance.now(),
): readonly RegExp[] {
  return sources.map((source) => {
    const pattern = compile(source, setting, scope);
    if (isSlow(pattern, monotonic)) {
      throw invalid(setting, source, "it takes too long on hostile text");
    }
    return pattern;
  });
}

function compile(source: string, setting: string, scope: "whole" | "search"): RegExp {
  if (typeof source !== "string" || source === "") {
    throw invalid(setting, String(source), "it is empty");
  }
  const whole = scope === "whole";
  try {
    const pattern = new RegExp(source, "iu");
    return whole ? new RegExp(`^(?:${source})$`, "iu") : pattern;
  } catch {
    // Patterns written without the `u` flag in mind may still be valid.
  }
  try {
    const pattern = new RegExp(source, "i");
    return whole ? new RegExp(`^(?:${source})$`, "i") : pattern;
  } catch (cause) {
    throw invalid(setting, source, "it does not compile", cause);
  }
}

function isSlow(pattern: RegExp, monotonic: () => number): boolean {
  const own = [...new Set(pattern.source.match(/[\p{L}\p{N}]/gu) ?? [])].slice(0, MAX_OWN_UNITS);
  const units = new Set([...PROBE_UNITS, ...own, own.join("")].filter((unit) => unit !== ""));
  for (const unit of units) {
    for (const length of PROBE_LENGTHS) {
      // The tail spoils a match at the end and so forces backtracking.
      const text = unit.repeat(Math.ceil(length / unit.length)) + "!\u0000";
      const startedAt = monotonic();
      pattern.test(text);
      if (monotonic() - startedAt > MAX_PROBE_MS) return true;
    }
  }
  return false;
}

function invalid(setting: string, source: string, state: string, cause?: unknown): Z4jError {
  return new Z4jError(
    "Z4J_SETTINGS_INVALID",
    `Cannot use a redaction pattern of ${setting}: ${state}, expected a regular expression without nested repetition`,
    { cause, details: { setting, pattern: source } },
  );
}
