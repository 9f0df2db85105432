import { type Clock, TIMED_OUT, withDeadline } from "../base/clock.ts";
import type { JsonValue } from "../base/json.ts";
import { readText } from "../base/read_text.ts";
import { BODY_DEADLINE_MS, TOO_SLOW } from "./auth_limits.ts";
import type { BrainLimits } from "./limits.ts";

/** A body that is not taken. */
export interface RefusedBody {
  /** HTTP status. */
  readonly status: 400 | 408 | 413 | 422;
  /** Why, for people. */
  readonly detail: string;
}

/** Reads a JSON body within the limits, told or not how long it is (protocol 22.7). */
export async function readBody(
  request: Request,
  limits: Pick<BrainLimits, "longPollBodyBytes">,
  clock: Clock,
): Promise<{ readonly value: JsonValue } | RefusedBody> {
  const most = limits.longPollBodyBytes;
  const tooLarge: RefusedBody = { status: 413, detail: `the body is larger than ${most} bytes` };
  if (Number(request.headers.get("content-length") ?? 0) > most) {
    await request.body?.cancel();
    return tooLarge;
  }
  const text = await withDeadline(clock, readText(request, most), BODY_DEADLINE_MS);
  if (text === TIMED_OUT) return { status: 408, detail: TOO_SLOW };
  if (text === null) return tooLarge;
  try {
    return { value: JSON.parse(text) as JsonValue };
  } catch {
    return { status: 422, detail: "the body is no JSON" };
  }
}
