import { Z4jError } from "../base/errors.ts";
import { inTransaction, type SqliteDriver } from "../buffer/sqlite_driver.ts";

// Each entry lifts the file by one version and is never edited after a
// release: files in the field hold its result.
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

  CREATE TABLE projects (
    pk INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    archived_ms INTEGER
  );

  CREATE TABLE agents (
    pk INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    project INTEGER NOT NULL REFERENCES projects (pk),
    name TEXT NOT NULL,
    token_hash TEXT NOT NULL UNIQUE,
    created_ms INTEGER NOT NULL,
    revoked_ms INTEGER,
    state TEXT NOT NULL DEFAULT 'unknown',
    last_seen_ms INTEGER,
    hello_ms INTEGER,
    framework TEXT,
    engines TEXT NOT NULL DEFAULT '[]',
    schedulers TEXT NOT NULL DEFAULT '[]',
    capabilities TEXT NOT NULL DEFAULT '{}',
    runtime_features TEXT NOT NULL DEFAULT '[]',
    agent_version TEXT,
    protocol_version TEXT,
    host_name TEXT,
    UNIQUE (project, name)
  );

  CREATE TABLE agent_workers (
    agent INTEGER NOT NULL REFERENCES agents (pk),
    slot TEXT NOT NULL,
    worker_id TEXT,
    role TEXT,
    framework TEXT,
    pid INTEGER,
    started_at TEXT,
    state TEXT NOT NULL,
    connected_ms INTEGER NOT NULL,
    last_seen_ms INTEGER NOT NULL,
    PRIMARY KEY (agent, slot)
  ) WITHOUT ROWID;

  CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    project INTEGER NOT NULL,
    agent INTEGER NOT NULL,
    id TEXT NOT NULL,
    engine TEXT NOT NULL,
    task_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    occurred_ms INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    data TEXT NOT NULL
  );
  CREATE UNIQUE INDEX events_by_id ON events (project, id);
  CREATE UNIQUE INDEX events_by_task
    ON events (project, engine, task_id, kind, occurred_ms, attempt) WHERE task_id <> '';
  CREATE INDEX events_schedule ON events (project, seq)
    WHERE kind >= 'schedule.' AND kind < 'schedule/';
  CREATE TABLE event_counts (
    project INTEGER NOT NULL,
    kind TEXT NOT NULL,
    total INTEGER NOT NULL,
    PRIMARY KEY (project, kind)
  ) WITHOUT ROWID;

  CREATE TABLE tasks (
    pk INTEGER PRIMARY KEY,
    project INTEGER NOT NULL,
    engine TEXT NOT NULL,
    task_id TEXT NOT NULL,
    agent INTEGER,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    queue TEXT,
    worker TEXT,
    priority TEXT NOT NULL,
    args TEXT,
    kwargs TEXT,
    result TEXT,
    exception TEXT,
    traceback TEXT,
    retry_count INTEGER NOT NULL,
    runtime_ms INTEGER,
    parent_task_id TEXT,
    root_task_id TEXT,
    received_ms INTEGER,
    started_ms INTEGER,
    finished_ms INTEGER,
    last_failed_ms INTEGER,
    state_ms INTEGER,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    UNIQUE (project, engine, task_id)
  );
  CREATE INDEX tasks_by_state ON tasks (project, state);

  CREATE TABLE workers (
    pk INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    project INTEGER NOT NULL,
    engine TEXT NOT NULL,
    name TEXT NOT NULL,
    hostname TEXT,
    agent INTEGER,
    state TEXT NOT NULL,
    pid INTEGER,
    concurrency INTEGER,
    active_tasks INTEGER NOT NULL DEFAULT 0,
    queues TEXT NOT NULL DEFAULT '[]',
    load_average TEXT NOT NULL DEFAULT '[]',
    metadata TEXT NOT NULL DEFAULT '{}',
    last_heartbeat_ms INTEGER,
    UNIQUE (project, engine, name)
  );
  CREATE TABLE worker_evidence (
    project INTEGER NOT NULL,
    worker TEXT NOT NULL,
    agent INTEGER NOT NULL,
    PRIMARY KEY (project, worker, agent)
  ) WITHOUT ROWID;

  CREATE TABLE queues (
    project INTEGER NOT NULL,
    engine TEXT NOT NULL,
    name TEXT NOT NULL,
    pending INTEGER,
    depth_ms INTEGER,
    seen_ms INTEGER NOT NULL,
    PRIMARY KEY (project, engine, name)
  ) WITHOUT ROWID;

  CREATE TABLE streams (
    pk INTEGER PRIMARY KEY,
    project INTEGER NOT NULL,
    owner TEXT NOT NULL,
    stream_id TEXT NOT NULL,
    agent INTEGER NOT NULL,
    adapter_instance_id TEXT NOT NULL,
    epoch_uuid TEXT NOT NULL,
    epoch_number INTEGER NOT NULL,
    session_generation TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    state TEXT NOT NULL,
    UNIQUE (project, owner)
  );
  CREATE TABLE stream_log (
    stream INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (stream, sequence)
  ) WITHOUT ROWID;
  CREATE TABLE stream_frames (
    stream INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    snapshot_id TEXT NOT NULL,
    frame_index INTEGER NOT NULL,
    digest TEXT NOT NULL,
    rows TEXT NOT NULL,
    PRIMARY KEY (stream, sequence, snapshot_id, frame_index)
  ) WITHOUT ROWID;
  CREATE TABLE schedules (
    pk INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    project INTEGER NOT NULL,
    owner TEXT NOT NULL,
    source_key TEXT NOT NULL,
    row TEXT NOT NULL,
    digest TEXT NOT NULL,
    updated_ms INTEGER NOT NULL,
    UNIQUE (project, owner, source_key)
  );

  CREATE TABLE commands (
    pk INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    project INTEGER NOT NULL,
    agent INTEGER NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    parameters TEXT NOT NULL,
    status TEXT NOT NULL,
    timeout_ms INTEGER NOT NULL,
    idempotency_key TEXT,
    claim_token TEXT,
    session_generation TEXT,
    created_ms INTEGER NOT NULL,
    due_ms INTEGER NOT NULL,
    dispatched_ms INTEGER,
    acknowledged_ms INTEGER,
    finished_ms INTEGER,
    result TEXT,
    error TEXT
  );
  CREATE UNIQUE INDEX commands_by_key ON commands (project, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
  CREATE INDEX commands_by_project ON commands (project, status);
  CREATE INDEX commands_open ON commands (due_ms)
    WHERE status IN ('pending', 'dispatched', 'acknowledged');
  `,
  // Tasks get rising keys, so events of recent tasks lie together in an index by
  // that key; in one by the task's own id every event dirties a page of its own.
  `
  ALTER TABLE events ADD COLUMN task INTEGER;
  UPDATE events SET task = (SELECT pk FROM tasks WHERE tasks.project = events.project
      AND tasks.engine = events.engine AND tasks.task_id = events.task_id)
    WHERE kind IN ('task.received', 'task.started', 'task.succeeded', 'task.failed',
      'task.retried', 'task.revoked') AND task_id <> '';
  DROP INDEX events_by_task;
  CREATE UNIQUE INDEX events_by_task ON events (task, kind, occurred_ms, attempt)
    WHERE task IS NOT NULL;
  CREATE UNIQUE INDEX events_by_task_id
    ON events (project, engine, task_id, kind, occurred_ms, attempt)
    WHERE task IS NULL AND task_id <> '';
  `,
  // What the engines of a process find risky in its set-up, by engine.
  `
  ALTER TABLE agent_workers ADD COLUMN findings TEXT NOT NULL DEFAULT '{}';
  `,
];

/** The schema version that this library writes. */
export const SCHEMA_VERSION: number = MIGRATIONS.length;

/**
 * Brings a database file to the current schema, or one before it, with one
 * transaction per version.
 *
 * @throws {Z4jError} `Z4J_BRAIN_STORE` when a newer version wrote the file.
 */
export function migrate(driver: SqliteDriver, wanted: number = SCHEMA_VERSION): void {
  const found = Number(driver.prepare("PRAGMA user_version").get()?.["user_version"] ?? 0);
  if (found > wanted) {
    throw new Z4jError(
      "Z4J_BRAIN_STORE",
      `Cannot open brain database: its schema is version ${found}, expected at most ${wanted}`,
    );
  }
  for (let version = found; version < wanted; version++) {
    inTransaction(driver, () => {
      driver.exec(MIGRATIONS[version] ?? "");
      driver.exec(`PRAGMA user_version = ${version + 1}`);
    });
  }
}
