import { type Clock, sleep, withDeadline } from "../base/clock.ts";
import type { FlushReport } from "./agent_types.ts";
import type { Runtime } from "./runtime.ts";

// Some stores remove entries a moment after the ack.
const LOOK_AGAIN_MS = 25;

/**
 * Waits until everything recorded so far is acknowledged, the time is up, or
 * there is no hope because nothing is connected or connecting.
 */
export async function deliver(
  runtime: Runtime,
  clock: Clock,
  timeoutMs: number,
  isHopeless: () => boolean,
): Promise<FlushReport> {
  const { buffer, pump, outbox } = runtime;
  const deadline = clock.monotonic() + timeoutMs;
  const ackedBefore = pump.counters().acked;
  await withDeadline(clock, buffer.settled(), timeoutMs);
  const goal = ackedBefore + buffer.depth().count;
  const isDone = (): boolean =>
    (buffer.depth().count === 0 || pump.counters().acked >= goal) && outbox.size === 0;
  while (!isDone() && !isHopeless() && clock.monotonic() < deadline) {
    await nextAck(runtime, clock, Math.min(LOOK_AGAIN_MS, deadline - clock.monotonic()));
  }
  // A brain drops what it has not taken yet when the socket closes. It takes
  // frames in order, so the ack of an empty batch proves the answers before it.
  const leftMs = deadline - clock.monotonic();
  if (outbox.owesProof && isDone() && !isHopeless() && leftMs > 0) {
    await withDeadline(clock, pump.publish([]), leftMs);
  }
  return {
    sent: pump.counters().acked - ackedBefore,
    remaining: buffer.depth().count,
    timedOut: !isDone() && clock.monotonic() >= deadline,
  };
}

async function nextAck({ pump }: Runtime, clock: Clock, waitMs: number): Promise<void> {
  const acked = new AbortController();
  const remove = pump.onAcked(() => acked.abort());
  await sleep(clock, waitMs, acked.signal);
  remove();
}
