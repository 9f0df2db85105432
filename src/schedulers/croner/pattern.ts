import type { CronOptionsLike } from "./peer.ts";

/** An expression in the brain's dialect, and what of the original it cannot say. */
export interface BrainExpression {
  /** Five fields, six with the seconds last, or the native text with a note. */
  readonly expression: string;
  /** Why the native text is shown instead; empty when nothing was lost. */
  readonly untranslated: readonly string[];
}

const DAYS: readonly string[] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const NTH_OR_LAST = /[#lL]/;

/**
 * Translates a croner pattern. croner puts the seconds first, the brain last;
 * years, `LW`, lists with a nearest weekday or with an nth weekday, combined
 * day rules and shifted days have no counterpart there, so the native text is
 * shown with a note.
 *
 * @param pattern Five to seven fields as croner resolved them.
 * @param options The options of the job.
 */
export function brainExpression(pattern: string, options: CronOptionsLike): BrainExpression {
  const fields = pattern.trim().split(/\s+/);
  if (fields.length < 5 || fields.length > 7) return native(pattern, ["unknown form"]);
  const seconds = fields.length > 5 ? fields.shift() ?? "0" : "0";
  const year = fields.length === 6 ? fields.pop() ?? "*" : "*";
  const reasons = [...dayReasons(fields, options), ...optionReasons(options)];
  if (year !== "*" && year !== "?") reasons.push("year");
  if (reasons.length > 0) return native(pattern, reasons);
  const [minute = "*", hour = "*", day = "*", month = "*", weekday = "*"] = fields;
  const parts = [minute, hour, day.toUpperCase(), month.toLowerCase(), brainWeekday(weekday)];
  if (seconds !== "0" && seconds !== "00") parts.push(seconds);
  return { expression: parts.map(plainField).join(" "), untranslated: [] };
}

function native(pattern: string, reasons: readonly string[]): BrainExpression {
  return { expression: `${pattern} (croner: ${reasons.join(", ")})`, untranslated: reasons };
}

function dayReasons(fields: readonly string[], options: CronOptionsLike): string[] {
  const [, , day = "*", , weekday = "*"] = fields;
  const reasons: string[] = [];
  if (/lw/i.test(day)) reasons.push("LW");
  else if (/w/i.test(day) && day.includes(",")) reasons.push("W in a list");
  if (weekday.startsWith("+")) reasons.push("both days");
  else if (options.domAndDow === true && isLimited(day) && isLimited(weekday)) {
    reasons.push("both days");
  }
  const items = weekday.split(",");
  const nth = items.filter((item) => isNth(item)).length;
  if (nth > 0 && nth < items.length) reasons.push("nth weekday in a list");
  return reasons;
}

function isLimited(field: string): boolean {
  return field !== "*" && field !== "?";
}

function isNth(item: string): boolean {
  return NTH_OR_LAST.test(item);
}

function optionReasons(options: CronOptionsLike): string[] {
  const reasons: string[] = [];
  if (options.alternativeWeekdays === true) reasons.push("weekdays from 1");
  if ((options.dayOffset ?? 0) !== 0) reasons.push(`moved by ${options.dayOffset} days`);
  if ((options.interval ?? 0) > 1) reasons.push(`at least ${options.interval} s apart`);
  return reasons;
}

/** `5L` and `5#L` are written `L5` in the brain's dialect. */
function brainWeekday(field: string): string {
  return field.split(",").map((item) => {
    const digits = item.toLowerCase().replace(/[a-z]{3}/g, (name) => {
      const index = DAYS.indexOf(name);
      return index < 0 ? name : String(index);
    });
    return digits.replace(/^(\d)#?l$/, "L$1");
  }).join(",");
}

/** `?` is a wildcard to croner; `/10` (sloppy ranges) means every tenth. */
function plainField(field: string): string {
  return field.replaceAll("?", "*").replace(/(^|,)\//g, "$1*/");
}
