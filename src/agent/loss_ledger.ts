import { totalOf } from "../base/total.ts";
import type { EventBuffer } from "../buffer/port.ts";
import type { TelemetryLoss } from "../protocol/frames.ts";

/** Counts what could not be recorded or kept, for heartbeats and status. */
export interface LossLedger {
  /** Counts events that never reached the buffer. */
  lost(source: string, count: number): void;
  /** Events lost before the buffer, by engine or reason. */
  bySource(): Readonly<Record<string, number>>;
  /** Everything lost in this process run. */
  total(): number;
  /** Cumulative counters in wire form (protocol section 10). */
  telemetry(): TelemetryLoss;
}

// A brain refuses more members or longer names, and closes with 1011.
const MAX_SOURCES = 28;
const MAX_SOURCE_CHARS = 64;

/** Creates a ledger over a buffer's own counters. */
export function createLossLedger(
  buffer: Pick<EventBuffer, "losses" | "storedLosses" | "storeId">,
  runtimeId: string,
): LossLedger {
  const sources = new Map<string, number>();
  const beforeBuffer = (): number => [...sources.values()].reduce((sum, n) => sum + n, 0);
  return {
    lost(source, count) {
      if (!Number.isSafeInteger(count) || count <= 0) return;
      const short = source.slice(0, MAX_SOURCE_CHARS);
      const name = sources.has(short) || sources.size < MAX_SOURCES ? short : "other";
      sources.set(name, (sources.get(name) ?? 0) + count);
    },
    bySource: () => Object.fromEntries(sources),
    total() {
      const { capacity, storage, content, closed } = buffer.losses();
      return beforeBuffer() + totalOf(capacity) + totalOf(storage) + totalOf(content) +
        totalOf(closed);
    },
    telemetry() {
      const { storage, content, closed } = buffer.losses();
      const evicted = totalOf(buffer.storedLosses());
      const run = {
        ...Object.fromEntries(sources),
        "buffer.storage": totalOf(storage),
        "buffer.content": totalOf(content),
        "buffer.closed": totalOf(closed),
      };
      return {
        buffer_id: buffer.storeId,
        runtime_id: runtimeId,
        capacity_evicted_frames: evicted,
        event_records: evicted,
        adapter_events: Object.fromEntries(Object.entries(run).filter(([, count]) => count > 0)),
      };
    },
  };
}
