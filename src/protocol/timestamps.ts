// A date: calendar or ISO week, with or without hyphens.
const DATE = /^(\d{4})(?:-(\d\d)-(\d\d)|(\d\d)(\d\d)|(-?)W(\d\d)(?:\6([1-7]))?)/;
// A time of day. The reference parser lets one stray character pass behind it.
const TIME = /^(\d\d)(?:(:?)(\d\d)(?:\2(\d\d))?)?(?:[.,](?:(\d{6,})[^\d]?|(\d{0,5}))|[^])?$/u;
const OFFSET = /^([+-])(\d\d)(?:(:?)(\d\d)(?:\3(\d\d))?)?(?:[.,](\d+))?$/;
const DAY_MS = 86_400_000;

/**
 * Reads a timestamp of a signed frame: ISO 8601 with an offset or a capital
 * `Z`, in the spellings that the reference receiver takes (protocol section 9,
 * rule 4).
 *
 * @returns Milliseconds since the Unix epoch, with a fraction for
 * microseconds; `null` for anything else, naive times included.
 */
export function parseTimestampMs(text: string): number | null {
  const date = DATE.exec(text);
  if (date === null) return null;
  const day = dayMs(date);
  // One character of any kind separates date and time.
  const separator = String.fromCodePoint(text.codePointAt(date[0].length) ?? 0x20);
  // Behind a week a digit would be ambiguous.
  if (date[7] !== undefined && /\d/.test(separator)) return null;
  const rest = text.slice(date[0].length + separator.length);
  const zone = rest.search(/[Z+-]/);
  if (zone < 0) return null;
  const clock = timeMs(rest.slice(0, zone));
  const offset = zoneMs(rest.slice(zone));
  return day === null || clock === null || offset === null ? null : day + clock - offset;
}

function dayMs(date: RegExpExecArray): number | null {
  const year = Number(date[1]);
  if (year < 1) return null;
  if (date[7] !== undefined) return weekMs(year, Number(date[7]), Number(date[8] ?? "1"));
  const month = Number(date[2] ?? date[4]);
  const day = Number(date[3] ?? date[5]);
  const time = utc(year, month - 1, day);
  const back = new Date(time);
  return back.getUTCMonth() === month - 1 && back.getUTCDate() === day ? time : null;
}

function weekMs(year: number, week: number, weekday: number): number | null {
  // The fourth of January is always in week 1.
  const fourth = utc(year, 0, 4);
  const monday = fourth - ((new Date(fourth).getUTCDay() + 6) % 7) * DAY_MS;
  const time = monday + ((week - 1) * 7 + weekday - 1) * DAY_MS;
  const thursday = new Date(monday + ((week - 1) * 7 + 3) * DAY_MS);
  return week >= 1 && thursday.getUTCFullYear() === year ? time : null;
}

// Date.UTC moves the years 0..99 into the twentieth century.
function utc(year: number, month: number, day: number): number {
  return new Date(0).setUTCFullYear(year, month, day);
}

function timeMs(text: string): number | null {
  const parts = TIME.exec(text);
  if (parts === null) return null;
  const [hours, minutes, seconds] = [
    Number(parts[1]),
    Number(parts[3] ?? 0),
    Number(parts[4] ?? 0),
  ];
  if (hours > 23 || minutes > 59 || seconds > 59) return null;
  return ((hours * 60 + minutes) * 60 + seconds) * 1000 + microseconds(parts[5] ?? parts[6]) / 1000;
}

function zoneMs(text: string): number | null {
  if (text === "Z") return 0;
  const parts = OFFSET.exec(text);
  if (parts === null) return null;
  const [hours, minutes, seconds] = [
    Number(parts[2]),
    Number(parts[4] ?? 0),
    Number(parts[5] ?? 0),
  ];
  const size = ((hours * 60 + minutes) * 60 + seconds) * 1000 + microseconds(parts[6]) / 1000;
  if (size >= DAY_MS) return null;
  return parts[1] === "-" ? -size : size;
}

// Digits beyond the sixth are cut off.
function microseconds(digits: string | undefined): number {
  return digits === undefined ? 0 : Number(digits.slice(0, 6).padEnd(6, "0"));
}
