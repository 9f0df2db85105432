import type { JsonObject } from "../base/json.ts";
import type { SqlRow } from "../buffer/sqlite_driver.ts";
import type { BrainContext } from "./context.ts";
import { numberOf, objectOf, requiredNumber, requiredText, stringsOf, textOf } from "./database.ts";
import { jsonOf } from "./database.ts";
import type { WorkerRow } from "./store.ts";

/** A sign of life, or the end, of an engine's worker. */
export interface WorkerSighting {
  readonly project: number;
  readonly agent: number;
  readonly engine: string;
  readonly name: string;
  readonly state: "online" | "offline";
  readonly atMs: number;
}

/** What a heartbeat tells of a worker; `undefined` keeps what is stored. */
export interface WorkerReport {
  readonly pid: number | null | undefined;
  readonly concurrency: number | null | undefined;
  readonly activeTasks: number | undefined;
  readonly queues: readonly string[] | undefined;
  readonly loadAverage: readonly number[] | undefined;
  readonly metadata: JsonObject;
}

const SEEN = `INSERT INTO workers (id, project, engine, name, hostname, agent, state,
    last_heartbeat_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (project, engine, name) DO UPDATE SET agent = excluded.agent, state = excluded.state,
    last_heartbeat_ms = max(coalesce(last_heartbeat_ms, 0), excluded.last_heartbeat_ms)`;

const REPORT = `UPDATE workers SET pid = coalesce(?, pid), concurrency = coalesce(?, concurrency),
    active_tasks = coalesce(?, active_tasks), queues = coalesce(?, queues),
    load_average = coalesce(?, load_average), metadata = ?, hostname = name
  WHERE project = ? AND engine = ? AND name = ?`;

/** Notes that a worker is there, or gone (protocol 11.4). */
export function sightWorker(context: BrainContext, seen: WorkerSighting): void {
  context.db.run(
    SEEN,
    context.random.uuid(),
    seen.project,
    seen.engine,
    seen.name,
    seen.name,
    seen.agent,
    seen.state,
    seen.atMs,
  );
}

/** Notes that an agent reported a `worker.*` event of this worker (protocol 13). */
export function recordEvidence(context: BrainContext, seen: WorkerSighting): void {
  context.db.run(
    "INSERT INTO worker_evidence (project, worker, agent) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
    seen.project,
    seen.name,
    seen.agent,
  );
}

/** Stores what a heartbeat says of a worker; metadata is merged (protocol 13). */
export function reportWorker(
  context: BrainContext,
  seen: WorkerSighting,
  report: WorkerReport,
): void {
  sightWorker(context, seen);
  const key = [seen.project, seen.engine, seen.name] as const;
  const stored = context.db.get(
    "SELECT metadata FROM workers WHERE project = ? AND engine = ? AND name = ?",
    ...key,
  );
  const metadata = mergeObjects(
    stored === undefined ? {} : objectOf(stored, "metadata"),
    report.metadata,
  );
  context.db.run(
    REPORT,
    report.pid ?? null,
    report.concurrency ?? null,
    report.activeTasks ?? null,
    report.queues === undefined ? null : JSON.stringify(report.queues),
    report.loadAverage === undefined ? null : JSON.stringify(report.loadAverage),
    JSON.stringify(metadata),
    ...key,
  );
}

/** The public row of `SELECT workers.*, agents.id AS agent_id`. */
export function workerRow(row: SqlRow): WorkerRow {
  const load = jsonOf(row, "load_average");
  return {
    id: requiredText(row, "id"),
    engine: requiredText(row, "engine"),
    name: requiredText(row, "name"),
    hostname: textOf(row, "hostname"),
    agentId: textOf(row, "agent_id"),
    state: requiredText(row, "state") === "online" ? "online" : "offline",
    pid: numberOf(row, "pid"),
    concurrency: numberOf(row, "concurrency"),
    activeTasks: requiredNumber(row, "active_tasks"),
    queues: stringsOf(row, "queues"),
    loadAverage: Array.isArray(load) ? load.filter((item) => typeof item === "number") : [],
    metadata: objectOf(row, "metadata"),
    lastHeartbeatAtMs: numberOf(row, "last_heartbeat_ms"),
  };
}

function mergeObjects(into: JsonObject, from: JsonObject): JsonObject {
  const merged = new Map(Object.entries(into));
  for (const [key, value] of Object.entries(from)) {
    const had = merged.get(key);
    merged.set(key, isMergeable(had) && isMergeable(value) ? mergeObjects(had, value) : value);
  }
  return Object.fromEntries(merged);
}

function isMergeable(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
