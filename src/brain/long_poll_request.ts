import type { Clock } from "../base/clock.ts";
import type { JsonValue } from "../base/json.ts";
import { bodyText, type RefusedBody, tooLarge } from "./body_text.ts";
import type { BrainLimits } from "./limits.ts";

/** Reads a JSON body within the limits, told or not how long it is (protocol 22.7). */
export async function readBody(
  request: Request,
  { longPollBodyBytes }: Pick<BrainLimits, "longPollBodyBytes">,
  clock: Clock,
): Promise<{ readonly value: JsonValue } | RefusedBody> {
  if (Number(request.headers.get("content-length") ?? 0) > longPollBodyBytes) {
    await request.body?.cancel();
    return tooLarge(longPollBodyBytes);
  }
  const body = await bodyText(request, longPollBodyBytes, clock);
  if ("status" in body) return body;
  try {
    return { value: JSON.parse(body.text) as JsonValue };
  } catch {
    return { status: 422, detail: "the body is no JSON" };
  }
}
