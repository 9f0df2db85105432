import type { JsonValue } from "../base/json.ts";
import { compilePatterns } from "./extra_patterns.ts";
import {
  DEFAULT_MAX_VALUE_BYTES,
  MAX_CACHED_KEY_LENGTH,
  MAX_CACHED_KEYS,
  MAX_EXTRA_KEY_LENGTH,
  REDACTED,
} from "./limits.ts";
import { isSensitiveKey } from "./sensitive_keys.ts";
import { truncateText } from "./truncate_text.ts";
import { isSensitiveText } from "./value_rules.ts";
import { type KeyVerdict, RedactionWalk, type WalkOptions } from "./walk.ts";

/** What a redactor does beyond the built-in rules. */
export interface RedactorOptions {
  /** Regular expressions for whole keys; a hit makes the value sensitive. */
  readonly extraKeyPatterns?: readonly string[];
  /** Regular expressions searched in texts; a hit replaces the whole text. */
  readonly extraValuePatterns?: readonly string[];
  /** Longest text in UTF-8 bytes; longer ones are cut. Default 8192. */
  readonly maxValueBytes?: number;
}

/** Removes what must not leave the process. */
export interface Redactor {
  /** A redacted copy as plain JSON; takes any value and never throws. */
  redact(value: unknown, options?: WalkOptions): JsonValue;
  /** A text after cutting and the value rules; never throws. */
  redactText(text: string): string;
}

/**
 * Creates a redactor with the rules of protocol section 21. Agents redact
 * before events are buffered, brains when they arrive.
 *
 * @throws Z4jError `Z4J_SETTINGS_INVALID` for patterns that do not compile or
 * are dangerously slow
 * @throws RangeError when `maxValueBytes` is no positive integer
 *
 * @example Redact the arguments of a job
 * ```ts
 * import { createRedactor } from "./redactor.ts";
 * import { deepEqual } from "node:assert/strict";
 *
 * const redactor = createRedactor();
 * deepEqual(redactor.redact({ to: "bob@example.com", password: "x", n: 1 }), {
 *   to: "[REDACTED]",
 *   password: "[REDACTED]",
 *   n: 1,
 * });
 * ```
 */
export function createRedactor(options: RedactorOptions = {}): Redactor {
  const { maxValueBytes = DEFAULT_MAX_VALUE_BYTES } = options;
  if (!Number.isSafeInteger(maxValueBytes) || maxValueBytes < 1) {
    throw new RangeError(
      `Cannot create a redactor: maxValueBytes is ${maxValueBytes}, expected a positive integer`,
    );
  }
  const keyPatterns = compilePatterns(options.extraKeyPatterns ?? [], "extraKeyPatterns", "whole");
  const valuePatterns = compilePatterns(
    options.extraValuePatterns ?? [],
    "extraValuePatterns",
    "search",
  );
  const verdicts = new Map<string, KeyVerdict>();

  const redactText = (text: string): string => {
    const whole = text.isWellFormed() ? text : text.toWellFormed();
    const cut = truncateText(whole, maxValueBytes);
    if (isSensitiveText(cut)) return REDACTED;
    for (const pattern of valuePatterns) if (pattern.test(cut)) return REDACTED;
    return cut;
  };
  const judgeKey = (key: string): KeyVerdict => {
    const known = verdicts.get(key);
    if (known !== undefined) return known;
    const verdict = { name: redactText(key), sensitive: isSensitive(key, keyPatterns) };
    if (verdicts.size < MAX_CACHED_KEYS && key.length <= MAX_CACHED_KEY_LENGTH) {
      verdicts.set(key, verdict);
    }
    return verdict;
  };
  return {
    redact: (value, walk) => new RedactionWalk(redactText, judgeKey, walk).walk(value),
    redactText,
  };
}

function isSensitive(key: string, patterns: readonly RegExp[]): boolean {
  if (isSensitiveKey(key)) return true;
  if (patterns.length === 0) return false;
  if (key.length > MAX_EXTRA_KEY_LENGTH && [...key].length > MAX_EXTRA_KEY_LENGTH) return true;
  return patterns.some((pattern) => pattern.test(key));
}
