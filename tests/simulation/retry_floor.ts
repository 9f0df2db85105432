import type { SessionEnd } from "../../src/transport/port.ts";

/**
 * The least wait that the protocol (section 3.1) and our promise allow after
 * the `streak`-th failure for want of credentials in a row.
 */
export function retryFloorMs(end: SessionEnd, streak: number): number {
  if (end.code === 4002 || end.code === 4429) return 5000;
  if (end.class === "auth") return Math.min(600_000, 10_000 * 2 ** (streak - 1)) / 2;
  return 250;
}
