import { createHistogram, type Histogram, type HistogramSnapshot } from "../base/histogram.ts";
import type { Flight } from "./in_flight.ts";

/** Commands by action and by how they ended. */
export interface CommandCount {
  /** Action; `other` for one that no part of this agent knows. */
  readonly action: string;
  /** How it ended; `forbidden` by the policy of this process. */
  readonly status: CommandEnd;
  /** How many. */
  readonly count: number;
}

/** How a command ended. */
export type CommandEnd = "success" | "failed" | "forbidden";

/** Counters and latencies of an agent since its process made it. */
export interface AgentMetrics {
  /** Commands by action and status. */
  readonly commands: readonly CommandCount[];
  /** Seconds from receipt to answer. */
  readonly commandSeconds: HistogramSnapshot;
  /** Seconds from sending a batch to its ack. */
  readonly ackSeconds: HistogramSnapshot;
  /** Seconds from the occurrence of the oldest event of a batch to its ack. */
  readonly eventToAckSeconds: HistogramSnapshot;
  /** Batches that the brain acknowledged. */
  readonly acks: number;
  /** Requests whose handler threw. */
  readonly requestFailures: number;
}

/** Collects what happens; outlives a stop, so that counters only rise. */
export interface MetricsCollector {
  /** A command was answered. */
  command(action: string, status: CommandEnd, seconds: number): void;
  /** A batch was acknowledged. */
  acked(flight: Flight, monotonicMs: number, nowMs: number): void;
  /** The handler of a request threw. */
  requestFailed(): void;
  /** Everything so far. */
  snapshot(): AgentMetrics;
}

const ACK_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const EVENT_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800];
const COMMAND_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60];
// Far more actions than there are; keeps a page small whatever a brain sends.
const MAX_COUNTS = 300;

/** Creates a collector that has seen nothing. */
export function createMetrics(): MetricsCollector {
  const commands = new Map<string, CommandCount>();
  const commandSeconds: Histogram = createHistogram(COMMAND_SECONDS);
  const ackSeconds: Histogram = createHistogram(ACK_SECONDS);
  const eventToAckSeconds: Histogram = createHistogram(EVENT_SECONDS);
  let acks = 0;
  let requestFailures = 0;
  return {
    command(action, status, seconds) {
      commandSeconds.observe(seconds);
      const key = `${action} ${status}`;
      const count = (commands.get(key)?.count ?? 0) + 1;
      if (count > 1 || commands.size < MAX_COUNTS) commands.set(key, { action, status, count });
    },
    acked({ batch, sentAtMs }, monotonicMs, nowMs) {
      acks++;
      ackSeconds.observe((monotonicMs - sentAtMs) / 1000);
      const occurredAtMs = batch.oldestMs ?? NaN;
      eventToAckSeconds.observe(Math.max(0, nowMs - occurredAtMs) / 1000);
    },
    requestFailed: () => void requestFailures++,
    snapshot: () => ({
      commands: [...commands.values()],
      commandSeconds: commandSeconds.snapshot(),
      ackSeconds: ackSeconds.snapshot(),
      eventToAckSeconds: eventToAckSeconds.snapshot(),
      acks,
      requestFailures,
    }),
  };
}
