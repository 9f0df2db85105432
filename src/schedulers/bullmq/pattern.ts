/** A pattern in the brain's dialect, or the native text with a note. */
export interface ShownPattern {
  /** Five fields, or six with the seconds last; or text for people. */
  readonly expression: string;
  /** Whether the brain can read it. */
  readonly isTranslated: boolean;
}

/** A pattern for BullMQ, or why there is none. */
export type NativePattern = { readonly pattern: string } | { readonly refused: string };

// What cron-parser makes of them; the brain knows only some.
const ALIASES: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@hourly": "0 * * * *",
  "@minutely": "* * * * *",
  "@weekdays": "0 0 * * 1-5",
  "@weekends": "0 0 * * 0,6",
};

const DAYS: readonly string[] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const MONTHS: readonly string[] = [
  ...["jan", "feb", "mar", "apr", "may", "jun"],
  ...["jul", "aug", "sep", "oct", "nov", "dec"],
];
const MONTH_DAYS: readonly number[] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Translates a pattern of BullMQ (seconds first) for the brain (seconds last). */
export function brainPattern(native: string): ShownPattern {
  const text = native.trim().toLowerCase();
  const fields = (ALIASES[text] ?? text).split(/\s+/);
  const seconds = fields.length === 6 ? fields.shift() ?? "0" : "0";
  const [minute, hour, day, month, weekday] = fields;
  const isKnown = fields.length === 5 && day !== undefined && weekday !== undefined &&
    // H is another time in every process, nth and last days in lists have no counterpart.
    !/h(?![a-z])/.test(text) && !/w/.test(day) &&
    !(weekday.includes(",") && /[#l]/.test(weekday)) && !/^l$/.test(weekday);
  if (!isKnown) return { expression: `${native.trim()} (bullmq)`, isTranslated: false };
  const parts = [minute, hour, day?.toUpperCase(), month, weekday?.replace(/^(\w+)l$/, lastDay)];
  if (seconds !== "0" && seconds !== "00") parts.push(seconds);
  return {
    expression: parts.map((part) => (part ?? "*").replaceAll("?", "*")).join(" "),
    isTranslated: true,
  };
}

/** Translates a pattern of the brain for BullMQ; refuses what BullMQ takes otherwise or not at all. */
export function nativePattern(expression: string): NativePattern {
  const text = expression.trim().toLowerCase();
  if (text.startsWith("@") && ALIASES[text] === undefined) {
    return { refused: `BullMQ does not know the alias ${expression.trim()}` };
  }
  const fields = (ALIASES[text] ?? text).split(/\s+/);
  if (fields.length !== 5 && fields.length !== 6) {
    return { refused: `a cron expression has five or six fields, not ${fields.length}` };
  }
  const [minute = "", hour = "", day = "", month = "", weekday = "", second] = fields;
  const problem = fieldProblem("minute", minute, 0, 59) ?? fieldProblem("hour", hour, 0, 23) ??
    dayProblem(day) ?? fieldProblem("month", numbered(month, MONTHS, 1), 1, 12) ??
    weekdayProblem(weekday) ??
    (second === undefined ? undefined : fieldProblem("second", second, 0, 59)) ??
    impossibleDate(day, numbered(month, MONTHS, 1), weekday);
  if (problem !== undefined) return { refused: problem };
  const nativeWeekday = weekday.replace(/^l([0-7])$/, "$1L");
  const five = [minute, hour, day.toUpperCase(), month, nativeWeekday].join(" ");
  return { pattern: second === undefined || second === "0" ? five : `${second} ${five}` };
}

function lastDay(_match: string, day: string): string {
  const index = DAYS.indexOf(day);
  return `L${index < 0 ? day : index}`;
}

function numbered(field: string, names: readonly string[], from: number): string {
  return field.replace(/[a-z]{3}/g, (name) => {
    const index = names.indexOf(name);
    return index < 0 ? name : String(index + from);
  });
}

function fieldProblem(what: string, field: string, low: number, high: number): string | undefined {
  for (const item of field.split(",")) {
    const parsed = /^(?:\*|(\d{1,2})(?:-(\d{1,2}))?)(?:\/(\d{1,3}))?$/.exec(item);
    if (parsed === null) return `the ${what} field cannot hold ${item || "nothing"}`;
    const [, from, to, step] = parsed;
    for (const value of [from, to]) {
      if (value !== undefined && (Number(value) < low || Number(value) > high)) {
        return `the ${what} field goes from ${low} to ${high}, not to ${value}`;
      }
    }
    if (from !== undefined && to !== undefined && Number(from) > Number(to)) {
      return `BullMQ cannot wrap around: ${item} in the ${what} field`;
    }
    if (step !== undefined && Number(step) === 0) return `a step of zero in the ${what} field`;
  }
  return undefined;
}

function dayProblem(day: string): string | undefined {
  if (day === "l") return undefined;
  if (day.includes("w")) return `BullMQ has no nearest weekday: ${day.toUpperCase()}`;
  return fieldProblem("day", day, 1, 31);
}

function weekdayProblem(weekday: string): string | undefined {
  const text = numbered(weekday, DAYS, 0);
  if (/^l[0-7]$/.test(text) || /^[0-7]#[1-5]$/.test(text)) return undefined;
  return fieldProblem("weekday", text, 0, 7);
}

/** A day that none of the months has would never come; BullMQ only throws. */
function impossibleDate(day: string, month: string, weekday: string): string | undefined {
  const numbers = (field: string): readonly number[] | undefined =>
    /^\d+(,\d+)*$/.test(field) ? field.split(",").map(Number) : undefined;
  const days = numbers(day);
  const months = numbers(month);
  if (days === undefined || months === undefined || weekday !== "*") return undefined;
  const exists = months.some((m) => days.some((d) => d <= (MONTH_DAYS[m - 1] ?? 0)));
  return exists ? undefined : `day ${day} of month ${month} never comes`;
}
