import { isObject, type Json, type JsonObject } from "./json.ts";

// In the table of all proofs already, or of no use on the page.
const ELSEWHERE: ReadonlySet<string> = new Set(["holds", "ok", "seed", "minutes", "seconds"]);
const UNWANTED: ReadonlySet<string> = new Set([
  "folder",
  "keep",
  "plant",
  "examples",
  "survivors",
  "freezeMs",
  // What a run of the fuzzer goes on from.
  "lanes",
]);
const LONGEST_LIST = 12;

/** A table of Markdown. */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
  return [head, head.map(() => "---"), ...rows].map(line).join("\n");
}

/** `recoveredTwice` and `recovered_twice` as words. */
export function words(name: string): string {
  return name.replace(
    /([a-z])([A-Z])/g,
    (_, before: string, after: string) => `${before} ${after.toLowerCase()}`,
  ).replaceAll("_", " ");
}

/** A number as people read it, a text as it is. */
export function cell(value: Json | undefined): string {
  if (value === undefined || value === null) return "–";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "string") return value;
  if (typeof value === "number") return number(value);
  if (isObject(value)) {
    return Object.entries(value).map(([name, one]) => `${words(name)} ${cell(one)}`).join(", ");
  }
  const shown = value.slice(0, LONGEST_LIST).map(cell).join(", ");
  return value.length > LONGEST_LIST ? `${shown} and ${value.length - LONGEST_LIST} more` : shown;
}

function number(value: number): string {
  if (!Number.isInteger(value)) return String(Math.round(value * 100) / 100);
  return String(value).replace(/\B(?=(\d{3})+$)/g, " ");
}

const isScalar = (value: Json): boolean => typeof value !== "object" || value === null;
const isFlat = (value: Json): value is JsonObject =>
  isObject(value) && Object.values(value).every(isScalar);

/** Rows of a table, if the value is a list or a dictionary of objects. */
function rowsOf(value: Json): readonly JsonObject[] | null {
  if (Array.isArray(value)) {
    return value.length > 0 && value.every(isObject) ? value as readonly JsonObject[] : null;
  }
  if (!isObject(value)) return null;
  const members = Object.entries(value);
  if (members.length === 0 || !members.every(([, one]) => isObject(one))) return null;
  return members.map(([name, one]) => ({ "": name, ...(one as JsonObject) }));
}

function tableOf(rows: readonly JsonObject[]): string {
  const wanted = (row: JsonObject): string[] =>
    Object.entries(row).filter(([name, value]) =>
      !UNWANTED.has(name) && (isScalar(value) || isFlat(value))
    ).map(([name]) => name);
  const names = [...new Set(rows.flatMap(wanted))];
  return markdownTable(names.map(words), rows.map((row) => names.map((name) => cell(row[name]))));
}

/**
 * What an account says, in Markdown: its figures in one table, each list of objects
 * in a table of its own.
 */
export function renderAccount(account: JsonObject): string {
  const figures: string[][] = [];
  const tables: string[] = [];
  for (const [name, value] of Object.entries(account)) {
    if (ELSEWHERE.has(name) || UNWANTED.has(name)) continue;
    const rows = rowsOf(value);
    if (rows !== null) tables.push(`${words(name)}:`, tableOf(rows));
    else if (isScalar(value) || isFlat(value)) figures.push([words(name), cell(value)]);
    else if (Array.isArray(value)) {
      if (value.length > 0 && value.every(isScalar)) figures.push([words(name), cell(value)]);
    } else if (isObject(value)) flatten(name, value, figures, tables);
  }
  return [...(figures.length === 0 ? [] : [markdownTable(["", ""], figures)]), ...tables]
    .join("\n\n");
}

/** An object of mixed members: its scalars in one row, the rest in their own. */
function flatten(name: string, value: JsonObject, figures: string[][], tables: string[]): void {
  const scalars = Object.entries(value).filter(([key, one]) => isScalar(one) && !UNWANTED.has(key));
  if (scalars.length > 0) figures.push([words(name), cell(Object.fromEntries(scalars))]);
  for (const [key, one] of Object.entries(value)) {
    if (isScalar(one) || UNWANTED.has(key)) continue;
    const rows = rowsOf(one);
    if (rows !== null) tables.push(`${words(name)}, ${words(key)}:`, tableOf(rows));
    else if (isFlat(one) && Object.keys(one).length > 0) {
      figures.push([`${words(name)}, ${words(key)}`, cell(one)]);
    }
  }
}
