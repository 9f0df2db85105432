// Extended or basic ISO 8601 with an offset; upper-case Z only, as the brain
// reads it. One arbitrary character may stand between date and time.
const ISO = new RegExp(
  "^(\\d{4})-?(\\d{2})-?(\\d{2})[^]" +
    "(\\d{2})(?::?(\\d{2})(?::?(\\d{2})(?:[.,](\\d+))?)?)?" +
    " ?(?:Z|([+-])(\\d{2})(?::?(\\d{2})(?::?(\\d{2}))?)?)$",
);

/**
 * The form of times in schedule rows: UTC with six fraction digits and `+00:00`
 * (protocol section 20.3). Digits beyond microseconds are cut.
 *
 * @param text An ISO time with an offset.
 * @returns The text, or `null` when it is no such time.
 */
export function scheduleTimestamp(text: string): string | null {
  const match = ISO.exec(text);
  if (match === null) return null;
  const [, year = "", month = "", day = "", hour = "", minute = "0", second = "0", fraction = ""] =
    match;
  const parts = [year, month, day, hour, minute, second].map(Number);
  const wallMs = wallClock(parts);
  if (wallMs === null) return null;
  const date = new Date(wallMs - offsetMs(match));
  if (date.getUTCFullYear() < 1 || date.getUTCFullYear() > 9999) return null;
  const micros = fraction.slice(0, 6).padEnd(6, "0");
  return `${date.toISOString().slice(0, 19)}.${micros}+00:00`;
}

/** The same form from Unix milliseconds, or `null` outside the years 1 to 9999. */
export function scheduleTimestampOfMs(timeMs: number): string | null {
  const date = new Date(timeMs);
  return Number.isNaN(date.getTime()) ? null : scheduleTimestamp(date.toISOString());
}

function wallClock(parts: readonly number[]): number | null {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts;
  if (year < 1 || hour > 23 || minute > 59 || second > 59) return null;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second);
  // An impossible day moves into another month.
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? date.getTime() : null;
}

function offsetMs(match: RegExpExecArray): number {
  const [hours = 0, minutes = 0, seconds = 0] = match.slice(9, 12).map((part) => Number(part ?? 0));
  const size = ((hours * 60 + minutes) * 60 + seconds) * 1000;
  return match[8] === "-" ? -size : size;
}
