import type { SqlRow } from "../buffer/sqlite_driver.ts";
import type { Database } from "./database.ts";
import { numberOf, requiredNumber, requiredText } from "./database.ts";
import type { QueueRow } from "./store.ts";

const TOUCH = `INSERT INTO queues (project, engine, name, seen_ms) VALUES (?, ?, ?, ?)
  ON CONFLICT (project, engine, name) DO UPDATE SET seen_ms = max(seen_ms, excluded.seen_ms)`;

// A report older than the stored one changes nothing (protocol 13).
const DEPTH = `INSERT INTO queues (project, engine, name, seen_ms, pending, depth_ms)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)
  ON CONFLICT (project, engine, name) DO UPDATE SET seen_ms = max(seen_ms, excluded.seen_ms),
    pending = excluded.pending, depth_ms = excluded.depth_ms
  WHERE queues.depth_ms IS NULL OR queues.depth_ms <= excluded.depth_ms`;

/** Notes that a queue exists. */
export function touchQueue(
  db: Database,
  project: number,
  engine: string,
  name: string,
  nowMs: number,
): void {
  db.run(TOUCH, project, engine, name, nowMs);
}

/** A queue's depth as a heartbeat reported it. */
export interface DepthReport {
  readonly project: number;
  readonly engine: string;
  readonly name: string;
  readonly pending: number;
  /** The heartbeat frame's own time. */
  readonly frameMs: number;
  readonly nowMs: number;
}

/** Stores a queue's depth unless a newer frame has set it. */
export function setQueueDepth(db: Database, report: DepthReport): void {
  const { project, engine, name, nowMs, pending, frameMs } = report;
  db.run(DEPTH, project, engine, name, nowMs, pending, frameMs);
}

/** The public row of a queue. */
export function queueRow(row: SqlRow): QueueRow {
  return {
    engine: requiredText(row, "engine"),
    name: requiredText(row, "name"),
    pendingCount: numberOf(row, "pending"),
    depthAtMs: numberOf(row, "depth_ms"),
    lastSeenAtMs: requiredNumber(row, "seen_ms"),
  };
}
