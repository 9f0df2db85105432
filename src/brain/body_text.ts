import { type Clock, TIMED_OUT, withDeadline } from "../base/clock.ts";
import { readText } from "../base/read_text.ts";

/** A body that is not taken. */
export interface RefusedBody {
  /** HTTP status. */
  readonly status: 400 | 408 | 413 | 422;
  /** Why, for people. */
  readonly detail: string;
}

// A body that has not arrived after this long is refused.
const DEADLINE_MS = 15_000;

/** The text of a body; refused with 413 when it is too large, 408 when too slow. */
export async function bodyText(
  request: Request,
  maxBytes: number,
  clock: Clock,
): Promise<{ readonly text: string } | RefusedBody> {
  const text = await withDeadline(clock, readText(request, maxBytes), DEADLINE_MS);
  if (text === TIMED_OUT) {
    return { status: 408, detail: `the body did not arrive within ${DEADLINE_MS / 1_000} s` };
  }
  return text === null ? tooLarge(maxBytes) : { text };
}

/** The refusal of a body that has more bytes. */
export function tooLarge(maxBytes: number): RefusedBody {
  return { status: 413, detail: `the body is larger than ${maxBytes} bytes` };
}
