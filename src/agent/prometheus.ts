import type { HistogramSnapshot } from "../base/histogram.ts";
import type { AgentStatus } from "./agent_types.ts";
import type { AgentMetrics } from "./metrics.ts";

/** What a page of metrics is printed from. */
export interface MetricFacts {
  /** The status of the agent. */
  readonly status: AgentStatus;
  /** Its counters and latencies. */
  readonly metrics: AgentMetrics;
}

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number];

/** Content type of the text format. */
export const PROMETHEUS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Prints an agent in the text format of Prometheus, version 0.0.4. */
export function prometheusText({ status, metrics }: MetricFacts): string {
  const page = new Page();
  const { buffer, events } = status;
  page.gauge("up", "1 while the agent runs, 0 while it is stopped", [
    [{}, status.state === "stopped" ? 0 : 1],
  ]);
  page.gauge("connected", "1 while the brain has acknowledged the open session", [
    [{}, status.verified ? 1 : 0],
  ]);
  page.gauge("state", "1 for the state that the agent is in", [[{ state: status.state }, 1]]);
  page.counter("reconnects_total", "Sessions after the first one", [[{}, status.reconnects]]);
  page.gauge("buffer_events", "Events that wait in the buffer", [[{}, buffer?.count ?? 0]]);
  page.gauge("buffer_bytes", "Bytes of the events that wait", [[{}, buffer?.bytes ?? 0]]);
  page.gauge("buffer_durable", "1 when what waits survives a crash", [
    [{}, buffer?.capabilities.durable === true ? 1 : 0],
  ]);
  page.counter("events_recorded_total", "Events recorded", [[{}, events.recorded]]);
  page.counter("events_sent_total", "Events sent, repetitions included", [[{}, events.sent]]);
  page.counter("events_acked_total", "Events that the brain acknowledged", [[{}, events.acked]]);
  page.gauge("batches_in_flight", "Batches without an ack", [[{}, events.batchesInFlight]]);
  page.counter("acks_total", "Batches that the brain acknowledged", [[{}, metrics.acks]]);
  page.counter(
    "events_lost_total",
    "Events lost, by where, why and kind of event",
    losses(status),
  );
  page.counter("messages_refused_total", "Messages of the brain that were refused", [
    [{}, status.refusedMessages],
  ]);
  page.counter(
    "commands_total",
    "Commands answered, by action and status",
    metrics.commands.map(({ action, status, count }) => [{ action, status }, count]),
  );
  page.counter("commands_repeated_total", "Commands received again", [
    [{}, status.commands.repeated],
  ]);
  page.gauge("commands_running", "Commands carried out now", [[{}, status.commands.running]]);
  page.counter("request_failures_total", "Requests whose handler threw", [
    [{}, metrics.requestFailures],
  ]);
  const { commandSeconds, ackSeconds, eventToAckSeconds } = metrics;
  page.histogram("command_duration_seconds", "From receipt to answer", commandSeconds);
  page.histogram("ack_latency_seconds", "From sending a batch to its ack", ackSeconds);
  page.histogram(
    "event_to_ack_seconds",
    "From the oldest event of a batch to its ack",
    eventToAckSeconds,
  );
  return page.text();
}

function losses({ buffer, lost }: AgentStatus): Sample[] {
  const inBuffer = Object.entries(buffer?.losses ?? {}).flatMap(([reason, byKind]) =>
    Object.entries(byKind).map(([kind, count]): Sample => [
      { source: "buffer", reason, kind },
      count,
    ])
  );
  const before = Object.entries(lost).map(([source, count]): Sample => [
    { source, reason: "before_buffer", kind: "" },
    count,
  ]);
  return [...inBuffer, ...before];
}

class Page {
  #text = "";

  text(): string {
    return this.#text;
  }

  gauge(name: string, help: string, samples: readonly Sample[]): void {
    this.#family(name, help, "gauge", samples.map(([labels, value]) => [name, labels, value]));
  }

  counter(name: string, help: string, samples: readonly Sample[]): void {
    this.#family(name, help, "counter", samples.map(([labels, value]) => [name, labels, value]));
  }

  histogram(name: string, help: string, { bounds, cumulative, count, sum }: HistogramSnapshot) {
    const buckets = cumulative.map((count, at): Line => [
      `${name}_bucket`,
      { le: String(bounds[at]) },
      count,
    ]);
    this.#family(name, help, "histogram", [
      ...buckets,
      [`${name}_bucket`, { le: "+Inf" }, count],
      [`${name}_sum`, {}, sum],
      [`${name}_count`, {}, count],
    ]);
  }

  #family(name: string, help: string, type: string, lines: readonly Line[]): void {
    this.#text += `# HELP z4j_agent_${name} ${help}\n# TYPE z4j_agent_${name} ${type}\n`;
    for (const [line, labels, value] of lines) {
      this.#text += `z4j_agent_${line}${labelText(labels)} ${value}\n`;
    }
  }
}

type Line = readonly [name: string, labels: Labels, value: number];

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}
