import type { SqliteStatement } from "../buffer/sqlite_driver.ts";
import type { BrainContext } from "./context.ts";
import { type IngestEvent, textIn } from "./event_input.ts";
import { WIDTH } from "./limits.ts";
import { touchQueue } from "./queues.ts";
import type { ChangeTopic } from "./store.ts";
import { projectTask } from "./task_machine.ts";
import {
  SELECT_TASK,
  taskParameters,
  type TaskRecord,
  taskRecord,
  UPSERT_TASK,
} from "./task_record.ts";
import { recordEvidence, sightWorker, type WorkerSighting } from "./workers.ts";

/** Who sent a batch, by the keys of the database. */
export interface EventSource {
  readonly project: number;
  readonly agent: number;
}

interface CachedTask {
  readonly project: number;
  task: TaskRecord | null;
  changed: boolean;
}

interface QueueTouch {
  readonly project: number;
  readonly engine: string;
  readonly name: string;
}

// A conflict on either key, the event's id or what it says of a task, is a
// resend: our finer form of protocol 11.3.
const INSERT = `INSERT INTO events
    (project, agent, id, engine, task_id, kind, occurred_ms, attempt, data)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`;

/**
 * The writes of one transaction. Events are inserted at once, which is what
 * detects duplicates; what they do to tasks, workers, queues and counters is
 * gathered and written once per row by `flush`.
 */
export class IngestUnit {
  readonly #context: BrainContext;
  readonly #insert: SqliteStatement;
  readonly #nowMs: number;
  readonly #tasks = new Map<string, CachedTask>();
  readonly #workers = new Map<string, WorkerSighting>();
  readonly #evidence = new Map<string, WorkerSighting>();
  readonly #queues = new Map<string, QueueTouch>();
  readonly #counts = new Map<string, { project: number; kind: string; total: number }>();

  /** Starts a unit inside an open transaction. */
  constructor(context: BrainContext, nowMs: number) {
    this.#context = context;
    this.#nowMs = nowMs;
    this.#insert = context.db.sql(INSERT);
  }

  /** Stores an event; false when it is a duplicate, which changes nothing. */
  add(source: EventSource, event: IngestEvent): boolean {
    const added = this.#insert.run(
      source.project,
      source.agent,
      event.id ?? this.#context.random.uuid(),
      event.engine,
      event.taskId,
      event.kind,
      event.occurredMs,
      event.attempt,
      event.dataText,
    );
    if (added === 0) return false;
    this.#count(source.project, event.kind);
    this.#queue(source.project, event);
    this.#worker(source, event);
    this.#task(source, event);
    return true;
  }

  /** Writes what was gathered; answers what changed. */
  flush(): ReadonlySet<ChangeTopic> {
    const topics = new Set<ChangeTopic>();
    const { db } = this.#context;
    for (const { project, task, changed } of this.#tasks.values()) {
      if (task === null || !changed) continue;
      db.run(UPSERT_TASK, project, ...taskParameters(task));
      topics.add("tasks");
    }
    for (const seen of this.#workers.values()) sightWorker(this.#context, seen);
    for (const seen of this.#evidence.values()) recordEvidence(this.#context, seen);
    for (const { project, engine, name } of this.#queues.values()) {
      touchQueue(db, project, engine, name, this.#nowMs);
    }
    for (const { project, kind, total } of this.#counts.values()) {
      db.run(
        `INSERT INTO event_counts (project, kind, total) VALUES (?, ?, ?)
         ON CONFLICT (project, kind) DO UPDATE SET total = total + excluded.total`,
        project,
        kind,
        total,
      );
      topics.add(kind.startsWith("schedule.") ? "schedules" : "tasks");
    }
    if (this.#workers.size > 0) topics.add("workers");
    if (this.#queues.size > 0) topics.add("queues");
    return topics;
  }

  #task(source: EventSource, event: IngestEvent): void {
    if (event.taskId === "" || !event.kind.startsWith("task.")) return;
    const cached = this.#cached(source.project, event);
    const next = projectTask(cached.task, event, source.agent, this.#nowMs);
    if (next === cached.task) return;
    cached.task = next;
    cached.changed = true;
  }

  #cached(project: number, event: IngestEvent): CachedTask {
    const key = `${project}\0${event.engine}\0${event.taskId}`;
    const known = this.#tasks.get(key);
    if (known !== undefined) return known;
    const row = this.#context.db.get(SELECT_TASK, project, event.engine, event.taskId);
    const cached = { project, task: row === undefined ? null : taskRecord(row), changed: false };
    this.#tasks.set(key, cached);
    return cached;
  }

  /** Unlike the stock brain, a worker that says it goes offline is offline. */
  #worker(source: EventSource, event: IngestEvent): void {
    const offline = event.kind === "worker.offline";
    const named = event.worker ?? (offline ? textIn(event.data, "worker_name") : null);
    if (named === null || named.length > WIDTH.worker) return;
    const seen: WorkerSighting = {
      ...source,
      engine: event.engine,
      name: named,
      state: offline ? "offline" : "online",
      atMs: event.occurredMs,
    };
    const key = `${source.project}\0${event.engine}\0${named}`;
    const known = this.#workers.get(key);
    if (known === undefined || known.atMs <= seen.atMs) this.#workers.set(key, seen);
    if (event.worker !== null && event.kind.startsWith("worker.")) {
      this.#evidence.set(`${key}\0${source.agent}`, seen);
    }
  }

  #queue(project: number, event: IngestEvent): void {
    if (event.queue === null) return;
    const touch = { project, engine: event.engine, name: event.queue };
    this.#queues.set(`${project}\0${event.engine}\0${event.queue}`, touch);
  }

  #count(project: number, kind: string): void {
    const key = `${project}\0${kind}`;
    const known = this.#counts.get(key);
    if (known === undefined) this.#counts.set(key, { project, kind, total: 1 });
    else known.total++;
  }
}
