import { boundWork } from "./work_bounds.ts";
import type { WorkContext } from "./work_context.ts";

/** Most characters of a carrier; what is larger loses its least important facts. */
const MAX_CARRIER_CHARS = 2048;

/** A context as a short text that a job can carry to another process. */
export function writeCarrier(context: WorkContext): string {
  const whole = { v: 1, ...context };
  const text = JSON.stringify(whole);
  if (text.length <= MAX_CARRIER_CHARS) return text;
  const shorter = JSON.stringify({ ...whole, extra: undefined });
  if (shorter.length <= MAX_CARRIER_CHARS) return shorter;
  return JSON.stringify({ ...whole, extra: undefined, traceState: undefined });
}

/** Reads a carrier; `undefined` for anything that is none. Never throws. */
export function readCarrier(carrier: unknown): WorkContext | undefined {
  // Foreign code may have put anything here.
  if (typeof carrier !== "string" || carrier.length > 2 * MAX_CARRIER_CHARS) return undefined;
  try {
    return boundWork(JSON.parse(carrier));
  } catch {
    return undefined;
  }
}
