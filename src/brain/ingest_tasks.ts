import { type Database, requiredNumber } from "./database.ts";
import type { IngestEvent } from "./event_input.ts";
import { projectTask } from "./task_machine.ts";
import {
  INSERT_TASK,
  SELECT_TASK,
  taskParameters,
  type TaskRecord,
  taskRecord,
  UPDATE_TASK,
} from "./task_record.ts";

/** A task that the events of one transaction touch. */
export interface OpenTask {
  readonly project: number;
  readonly key: number;
  readonly isStored: boolean;
  record: TaskRecord | null;
  changed: boolean;
}

/**
 * The tasks of one transaction: each is read once, follows its events in
 * memory and is written once.
 */
export class IngestTasks {
  readonly #db: Database;
  readonly #nowMs: number;
  readonly #open = new Map<string, OpenTask>();
  #nextKey: number | undefined;

  /** Reads nothing yet. */
  constructor(db: Database, nowMs: number) {
    this.#db = db;
    this.#nowMs = nowMs;
  }

  /** The task of an event; one that is not stored yet has got its key. */
  of(project: number, event: IngestEvent): OpenTask {
    const name = `${project}\0${event.engine}\0${event.taskId}`;
    const known = this.#open.get(name);
    if (known !== undefined) return known;
    const row = this.#db.get(SELECT_TASK, project, event.engine, event.taskId);
    const task = row === undefined
      ? { project, key: this.#newKey(), isStored: false, record: null, changed: false }
      : {
        project,
        key: requiredNumber(row, "pk"),
        isStored: true,
        record: taskRecord(row),
        changed: false,
      };
    this.#open.set(name, task);
    return task;
  }

  /** Lets a task follow a new event. */
  apply(task: OpenTask, event: IngestEvent, agent: number): void {
    const next = projectTask(task.record, event, agent, this.#nowMs);
    if (next === task.record) return;
    task.record = next;
    task.changed = true;
  }

  /** Writes what changed; false when nothing did. */
  flush(): boolean {
    let wrote = false;
    for (const { project, key, isStored, record, changed } of this.#open.values()) {
      if (record === null || !changed) continue;
      this.#db.run(isStored ? UPDATE_TASK : INSERT_TASK, ...taskParameters(record), project, key);
      wrote = true;
    }
    return wrote;
  }

  #newKey(): number {
    if (this.#nextKey === undefined) {
      const row = this.#db.get("SELECT coalesce(max(pk), 0) AS last FROM tasks");
      this.#nextKey = row === undefined ? 0 : requiredNumber(row, "last");
    }
    return ++this.#nextKey;
  }
}
