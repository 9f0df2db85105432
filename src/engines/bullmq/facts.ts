/** A member of a foreign object; `undefined` when there is none or it throws. */
export function member(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  try {
    return (value as Readonly<Record<string, unknown>>)[key];
  } catch {
    return undefined;
  }
}

/** A non-empty text, or `undefined`. */
export function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** A finite number, or `undefined`. */
export function finite(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

/** A time in Unix milliseconds after 1970, or `undefined`. */
export function time(value: unknown): number | undefined {
  const ms = finite(value);
  return ms !== undefined && ms > 0 && ms <= MAX_DATE_MS ? ms : undefined;
}

/** ISO text of a time that `Date` can hold. */
export function isoTime(ms: number): string | undefined {
  return time(ms) === undefined ? undefined : new Date(ms).toISOString();
}

// ECMA-262: the range of a time value.
const MAX_DATE_MS = 8.64e15;
