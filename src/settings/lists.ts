import { isJsonObject, type JsonValue } from "../base/json.ts";

/**
 * Splits a list of regular expressions: a JSON array of texts, or else commas
 * outside braces, brackets and parentheses, so `a{1,3},b` are two.
 */
export function splitPatterns(text: string): readonly string[] {
  const json = parseJson(text);
  if (Array.isArray(json) && json.every((item) => typeof item === "string")) {
    return json.map((item) => String(item).trim()).filter((item) => item !== "");
  }
  return splitOutside(text).map((item) => item.trim()).filter((item) => item !== "");
}

/** Reads tags: a JSON object of texts, or `k=v,k2=v2`; `null` if it is neither. */
export function splitTags(text: string): Readonly<Record<string, string>> | null {
  if (text.startsWith("{")) return textRecord(parseJson(text));
  const pairs: [string, string][] = [];
  for (const part of text.split(",")) {
    const item = part.trim();
    if (item === "") continue;
    const equals = item.indexOf("=");
    if (equals < 1) return null;
    pairs.push([item.slice(0, equals).trim(), item.slice(equals + 1).trim()]);
  }
  return Object.fromEntries(pairs);
}

/** The value as a record of texts, or `null` if it is something else. */
export function textRecord(value: unknown): Readonly<Record<string, string>> | null {
  if (!isJsonObject(value)) return null;
  const entries: [string, string][] = [];
  for (const [key, item] of Object.entries(value)) {
    if (typeof item !== "string") return null;
    entries.push([key, item]);
  }
  return Object.fromEntries(entries);
}

/** The value of a JSON text; `undefined` for anything else. */
export function parseJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}

function splitOutside(text: string): string[] {
  const parts: string[] = [];
  let part = "";
  let depth = 0;
  let inClass = false;
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i);
    if (char === "," && depth === 0 && !inClass) {
      parts.push(part);
      part = "";
      continue;
    }
    part += char;
    if (char === "\\") part += text.charAt(++i);
    else if (char === "[") inClass = true;
    else if (char === "]") inClass = false;
    else if (!inClass) depth = Math.max(0, depth + nesting(char));
  }
  parts.push(part);
  return parts;
}

function nesting(char: string): -1 | 0 | 1 {
  if (char === "{" || char === "(") return 1;
  return char === "}" || char === ")" ? -1 : 0;
}
