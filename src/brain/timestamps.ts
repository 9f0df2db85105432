const ISO =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9})\d*)?)?(?:(Z|z)|([+-])(\d\d):?(\d\d))?)?$/;

/**
 * Unix milliseconds of an ISO 8601 time, or `null`. A time without an offset
 * counts as UTC (protocol 11.1); fractions are cut to milliseconds.
 */
export function parseTimestamp(text: unknown): number | null {
  if (typeof text !== "string") return null;
  const parts = ISO.exec(text);
  if (parts === null) return null;
  const part = (index: number): number => Number(parts[index] ?? 0);
  const [month, day, hour] = [part(2), part(3), part(4)];
  if (month < 1 || month > 12 || hour > 23 || part(5) > 59 || part(6) > 59) return null;
  const at = Date.UTC(part(1), month - 1, day, hour, part(5), part(6));
  if (new Date(at).getUTCDate() !== day) return null;
  const milliseconds = Math.trunc(Number(`0.${parts[7] ?? 0}`) * 1000 + 1e-9);
  const offset = (part(10) * 60 + part(11)) * 60_000 * (parts[9] === "-" ? -1 : 1);
  return at + milliseconds - offset;
}
