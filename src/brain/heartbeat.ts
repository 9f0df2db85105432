import { isJsonObject, type JsonObject, type JsonValue } from "../base/json.ts";
import type { SignedFrame } from "../protocol/frames.ts";
import { markAgentWorker, touchAgent } from "./agents.ts";
import type { BrainContext } from "./context.ts";
import type { EventSource } from "./ingest_unit.ts";
import { parseFindings, storeFindings } from "./findings.ts";
import { DEPTH_ENTRIES, HEALTH_KEYS, WIDTH } from "./limits.ts";
import { setQueueDepth, touchQueue } from "./queues.ts";
import { parseTimestamp } from "./timestamps.ts";
import { reportWorker, type WorkerReport } from "./workers.ts";

// Members of a worker's `conf` that survive (protocol 13).
const CONF: ReadonlySet<string> = new Set([
  "task_serializer",
  "result_serializer",
  "accept_content",
  "task_default_queue",
  "worker_concurrency",
  "worker_prefetch_multiplier",
  "worker_max_tasks_per_child",
  "worker_max_memory_per_child",
  "task_acks_late",
  "task_reject_on_worker_lost",
  "task_time_limit",
  "task_soft_time_limit",
  "broker_pool_limit",
  "broker_heartbeat",
  "timezone",
  "enable_utc",
]);

/** A connection's sign of life. */
export interface HeartbeatSource extends EventSource {
  readonly slot: string;
}

interface HealthContext {
  readonly context: BrainContext;
  readonly source: EventSource;
  readonly engine: string;
  readonly frameMs: number;
  readonly heartbeatMs: number;
}

/**
 * Stores a heartbeat (protocol 13); false when the agent is revoked.
 *
 * @param redact Redaction on arrival; names of queues and workers pass it too.
 */
export function storeHeartbeat(
  context: BrainContext,
  source: HeartbeatSource,
  frame: SignedFrame,
  redact: (value: JsonValue) => JsonValue,
): boolean {
  const nowMs = context.clock.now();
  const isValid = context.db.transaction(() => {
    if (!touchAgent(context.db, source.agent, nowMs)) return false;
    markAgentWorker(context, source.agent, source.slot, "online");
    const health = frame.payload["adapter_health"];
    if (!isJsonObject(health)) return true;
    const flushMs = parseTimestamp(frame.payload["last_flush_at"]);
    const frameMs = parseTimestamp(frame.ts) ?? nowMs;
    const findings: Record<string, JsonValue> = {};
    for (const [key, value] of Object.entries(health).slice(0, HEALTH_KEYS)) {
      const dot = key.indexOf(".");
      const engine = key.slice(0, Math.max(0, dot));
      if (engine === "" || engine.length > WIDTH.engine) continue;
      if (key.slice(dot) === ".findings") findings[engine] = redact([...parseFindings(value)]);
      const map = textObject(value);
      if (map === null) continue;
      const at = { context, source, engine, frameMs, heartbeatMs: flushMs ?? nowMs };
      if (key.slice(dot) === ".queue_depths") storeDepths(at, map);
      if (key.slice(dot) === ".worker_details") storeWorkers(at, redact(map));
    }
    storeFindings(context, source.agent, source.slot, findings);
    return true;
  });
  context.changes.changed("agents", "queues", "workers");
  return isValid;
}

/** Sorted by name; a depth that is no number ends the map (protocol 13). */
function storeDepths(at: HealthContext, depths: JsonObject): void {
  const names = Object.keys(depths).sort().slice(0, DEPTH_ENTRIES);
  for (const name of names) {
    const pending = coerceInteger(depths[name]);
    if (pending === null) return;
    if (!isName(name, WIDTH.queue)) continue;
    setQueueDepth(at.context.db, {
      project: at.source.project,
      engine: at.engine,
      name,
      pending,
      frameMs: at.frameMs,
      nowMs: at.context.clock.now(),
    });
  }
}

function storeWorkers(at: HealthContext, workers: JsonValue): void {
  if (!isJsonObject(workers)) return;
  for (const [name, report] of Object.entries(workers).slice(0, DEPTH_ENTRIES)) {
    if (!isName(name, WIDTH.worker) || !isJsonObject(report)) continue;
    const parsed = parseReport(report);
    const { source, engine } = at;
    const seen = { project: source.project, agent: source.agent, engine, name };
    reportWorker(at.context, { ...seen, state: "online", atMs: at.heartbeatMs }, parsed);
    for (const queue of parsed.queues ?? []) {
      touchQueue(at.context.db, source.project, engine, queue, at.context.clock.now());
    }
  }
}

function parseReport(report: JsonObject): WorkerReport {
  const stats = textObject(report["stats"]);
  const pool = stats === null ? null : stats["pool"];
  const active = report["active"];
  return {
    pid: stats === null ? undefined : coerceInteger(stats["pid"]),
    concurrency: isJsonObject(pool) ? concurrencyOf(pool) : undefined,
    activeTasks: Array.isArray(active) ? active.length : undefined,
    queues: queueNames(report["active_queues"]),
    loadAverage: stats === null ? undefined : numbersOf(stats["loadavg"]),
    metadata: metadataOf(stats, report),
  };
}

function metadataOf(stats: JsonObject | null, report: JsonObject): JsonObject {
  const { registered, conf } = report;
  return {
    ...(stats === null ? {} : { stats }),
    ...(Array.isArray(registered) ? { registered } : {}),
    ...(isJsonObject(conf)
      ? { conf: Object.fromEntries(Object.entries(conf).filter(([key]) => CONF.has(key))) }
      : {}),
  };
}

function concurrencyOf(pool: JsonObject): number | null {
  const { processes } = pool;
  const max = coerceInteger(pool["max-concurrency"]);
  return max ?? (Array.isArray(processes) ? processes.length : coerceInteger(processes));
}

function queueNames(value: JsonValue | undefined): readonly string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.map((item: JsonValue) => isJsonObject(item) ? item["name"] : item)
    .filter((name): name is string => typeof name === "string" && isName(name, WIDTH.queue));
}

function numbersOf(value: JsonValue | undefined): readonly number[] | undefined {
  return Array.isArray(value) ? value.filter((item) => typeof item === "number") : undefined;
}

/** An object, or a JSON text of one. */
function textObject(value: JsonValue | undefined): JsonObject | null {
  if (isJsonObject(value)) return value;
  if (typeof value !== "string") return null;
  try {
    const parsed: unknown = JSON.parse(value);
    return isJsonObject(parsed) ? parsed : null;
  } catch {
    return null;
  }
}

function coerceInteger(value: JsonValue | undefined): number | null {
  const text = typeof value === "string" && /^\s*[+-]?\d+\s*$/.test(value) ? Number(value) : value;
  if (typeof text === "boolean") return Number(text);
  if (typeof text !== "number" || !Number.isFinite(text)) return null;
  const whole = Math.trunc(text);
  return Number.isSafeInteger(whole) ? whole : null;
}

function isName(name: string, width: number): boolean {
  return name !== "" && name.length <= width && !name.includes("\0");
}
