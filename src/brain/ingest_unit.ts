import type { BrainContext } from "./context.ts";
import { type IngestEvent, textIn } from "./event_input.ts";
import { type EventColumns, insertEvents } from "./ingest_rows.ts";
import { IngestTasks, type OpenTask } from "./ingest_tasks.ts";
import { WIDTH } from "./limits.ts";
import { touchQueue } from "./queues.ts";
import type { ChangeTopic } from "./store.ts";
import { hasTaskRow } from "./task_machine.ts";
import { recordEvidence, sightWorker, type WorkerSighting } from "./workers.ts";

/** Who sent a batch, by the keys of the database. */
export interface EventSource {
  readonly project: number;
  readonly agent: number;
}

/** Counts the events of a batch that are new. */
export interface Tally {
  accepted: number;
}

interface Pending {
  readonly source: EventSource;
  readonly event: IngestEvent;
  readonly task: OpenTask | null;
  readonly tally: Tally;
}

interface QueueTouch {
  readonly project: number;
  readonly engine: string;
  readonly name: string;
}

/**
 * The writes of one transaction. They are gathered: `flush` inserts the events,
 * which is what detects duplicates, and then writes once per row what the new
 * ones do to tasks, workers, queues and counters.
 */
export class IngestUnit {
  readonly #context: BrainContext;
  readonly #nowMs: number;
  readonly #pending: Pending[] = [];
  readonly #tasks: IngestTasks;
  readonly #workers = new Map<string, WorkerSighting>();
  readonly #evidence = new Map<string, WorkerSighting>();
  readonly #queues = new Map<string, QueueTouch>();
  readonly #counts = new Map<string, { project: number; kind: string; total: number }>();

  /** Starts a unit inside an open transaction. */
  constructor(context: BrainContext, nowMs: number) {
    this.#context = context;
    this.#nowMs = nowMs;
    this.#tasks = new IngestTasks(context.db, nowMs);
  }

  /** Takes an event; `flush` counts it in the tally unless it is a duplicate. */
  add(source: EventSource, event: IngestEvent, tally: Tally): void {
    const task = hasTaskRow(event) ? this.#tasks.of(source.project, event) : null;
    this.#pending.push({ source, event, task, tally });
  }

  /** Writes what was gathered; answers what changed. Call it once. */
  flush(): ReadonlySet<ChangeTopic> {
    this.#insert();
    const topics = new Set<ChangeTopic>();
    const { db } = this.#context;
    if (this.#tasks.flush()) topics.add("tasks");
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

  #insert(): void {
    const rows = this.#pending.map((pending) => this.#columns(pending));
    const added = insertEvents(this.#context.db, rows);
    this.#pending.forEach((pending, index) => {
      if (added[index] === true) this.#apply(pending);
    });
  }

  #columns({ source, event, task }: Pending): EventColumns {
    return [
      source.project,
      source.agent,
      event.id ?? this.#context.random.uuid(),
      event.engine,
      event.taskId,
      event.kind,
      event.occurredMs,
      event.attempt,
      event.dataText,
      task === null ? null : task.key,
    ];
  }

  #apply({ source, event, task, tally }: Pending): void {
    tally.accepted++;
    this.#count(source.project, event.kind);
    this.#queue(source.project, event);
    this.#worker(source, event);
    if (task !== null) this.#tasks.apply(task, event, source.agent);
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
