import { Z4jError } from "../base/errors.ts";
import type { SqlRow } from "../buffer/sqlite_driver.ts";
import type { HelloPayload } from "../protocol/frames.ts";
import type { BrainContext } from "./context.ts";
import { findingRows } from "./findings.ts";
import {
  type Database,
  numberOf,
  objectOf,
  requiredNumber,
  requiredText,
  stringsOf,
  textOf,
} from "./database.ts";
import { AGENT_NAME_CHARS } from "./limits.ts";
import type { AgentRow, AgentWorkerRow } from "./store.ts";

/** A name as an agent may have it, without spaces around; `null` when none may. */
export function agentName(text: string): string | null {
  const name = text.trim();
  const fits = name !== "" && name.length <= 2 * AGENT_NAME_CHARS &&
    [...name].length <= AGENT_NAME_CHARS;
  return fits && !name.includes("\0") ? name : null;
}

/** What a token stands for. */
export interface AgentIdentity {
  readonly agent: number;
  readonly agentId: string;
  readonly project: number;
  readonly projectId: string;
  readonly projectSlug: string;
}

/** Why a token is refused; whoever holds a token may know what became of it. */
export type TokenRefusal = "unknown" | "revoked" | "archived";

const SELECT_AGENT =
  "SELECT agents.*, projects.id AS project_id, projects.slug AS project_slug FROM agents JOIN projects ON projects.pk = agents.project";

/** Stores a new agent; a name that exists in the project is a conflict. */
export function insertAgent(
  context: BrainContext,
  project: number,
  name: string,
  tokenHash: string,
): AgentRow {
  const id = context.random.uuid();
  const added = context.db.run(
    `INSERT INTO agents (id, project, name, token_hash, created_ms) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT DO NOTHING`,
    id,
    project,
    name,
    tokenHash,
    context.clock.now(),
  );
  const row = added === 0 ? null : agentById(context.db, project, id);
  if (row === null) {
    throw new Z4jError("Z4J_BRAIN_STORE", `Cannot mint agent ${name}: the name exists already`, {
      details: { reason: "conflict" },
    });
  }
  return row;
}

/** The agent of a token hash, unless it is revoked or its project archived. */
export function agentByTokenHash(db: Database, tokenHash: string): AgentIdentity | null {
  const row = db.get(
    `${SELECT_AGENT} WHERE agents.token_hash = ? AND agents.revoked_ms IS NULL
       AND projects.archived_ms IS NULL`,
    tokenHash,
  );
  return row === undefined ? null : {
    agent: requiredNumber(row, "pk"),
    agentId: requiredText(row, "id"),
    project: requiredNumber(row, "project"),
    projectId: requiredText(row, "project_id"),
    projectSlug: requiredText(row, "project_slug"),
  };
}

/** Why `agentByTokenHash` finds nobody. */
export function tokenRefusal(db: Database, tokenHash: string): TokenRefusal {
  const row = db.get("SELECT revoked_ms FROM agents WHERE token_hash = ?", tokenHash);
  if (row === undefined) return "unknown";
  return numberOf(row, "revoked_ms") === null ? "archived" : "revoked";
}

/** One agent of a project, or `null`. */
export function agentById(db: Database, project: number, agentId: string): AgentRow | null {
  const row = db.get(
    `${SELECT_AGENT} WHERE agents.project = ? AND agents.id = ?`,
    project,
    agentId,
  );
  return row === undefined ? null : agentRow(row);
}

/** The database key of an agent's UUID in a project, or `null`. */
export function agentKey(db: Database, project: number, agentId: string): number | null {
  const row = db.get("SELECT pk FROM agents WHERE project = ? AND id = ?", project, agentId);
  return row === undefined ? null : requiredNumber(row, "pk");
}

/** Every agent of a project, by name. */
export function agentsOf(db: Database, project: number): readonly AgentRow[] {
  return db.all(`${SELECT_AGENT} WHERE agents.project = ? ORDER BY agents.name`, project)
    .map(agentRow);
}

/** Revokes an agent; false when there is none that is valid. */
export function revokeAgent(context: BrainContext, project: number, agentId: string): boolean {
  return context.db.run(
    `UPDATE agents SET revoked_ms = ?, state = 'offline'
     WHERE project = ? AND id = ? AND revoked_ms IS NULL`,
    context.clock.now(),
    project,
    agentId,
  ) > 0;
}

/** Notes a sign of life; false when the agent may not talk any more. */
export function touchAgent(db: Database, agent: number, nowMs: number): boolean {
  return db.run(
    `UPDATE agents SET state = 'online', last_seen_ms = max(coalesce(last_seen_ms, 0), ?)
     WHERE pk = ? AND revoked_ms IS NULL
       AND NOT EXISTS (SELECT 1 FROM projects
         WHERE projects.pk = agents.project AND projects.archived_ms IS NOT NULL)`,
    nowMs,
    agent,
  ) > 0;
}

/** Stores what a hello says; the last hello of an agent wins (protocol 4.1). */
export function storeHello(context: BrainContext, agent: number, hello: HelloPayload): boolean {
  const nowMs = context.clock.now();
  return context.db.transaction(() => {
    if (!touchAgent(context.db, agent, nowMs)) return false;
    const version = hello.agent_version;
    const hostName = hello.host["name"];
    context.db.run(
      `UPDATE agents SET hello_ms = ?, framework = ?, engines = ?, schedulers = ?,
         capabilities = ?, runtime_features = ?, agent_version = coalesce(?, agent_version),
         protocol_version = ?, host_name = ? WHERE pk = ?`,
      nowMs,
      hello.framework,
      JSON.stringify(hello.engines),
      JSON.stringify(hello.schedulers),
      JSON.stringify(hello.capabilities),
      JSON.stringify(hello.runtime_features ?? []),
      version === "" || version === "0.0.0" ? null : version,
      hello.protocol_version,
      typeof hostName === "string" ? hostName.slice(0, 255).toWellFormed() : null,
      agent,
    );
    storeWorkerConnection(context, agent, hello, nowMs);
    return true;
  });
}

/** The slot of a worker id; an absent id is itself one slot (protocol 2.10). */
export function workerSlot(workerId: string | null | undefined): string {
  return workerId === null || workerId === undefined ? "-" : `=${workerId}`;
}

/** Notes a sign of life, or the end, of one connection. */
export function markAgentWorker(
  context: BrainContext,
  agent: number,
  slot: string,
  state: "online" | "offline",
): void {
  context.db.run(
    "UPDATE agent_workers SET state = ?, last_seen_ms = ? WHERE agent = ? AND slot = ?",
    state,
    context.clock.now(),
    agent,
    slot,
  );
}

/** Every worker connection of a project, newest first. */
export function agentWorkersOf(db: Database, project: number): readonly AgentWorkerRow[] {
  return db.all(
    `SELECT agent_workers.*, agents.id AS agent_id FROM agent_workers
       JOIN agents ON agents.pk = agent_workers.agent
     WHERE agents.project = ? ORDER BY last_seen_ms DESC`,
    project,
  ).map(agentWorkerRow);
}

function storeWorkerConnection(
  context: BrainContext,
  agent: number,
  hello: HelloPayload,
  nowMs: number,
): void {
  context.db.run(
    `INSERT INTO agent_workers (agent, slot, worker_id, role, framework, pid, started_at, state,
       connected_ms, last_seen_ms) VALUES (?, ?, ?, ?, ?, ?, ?, 'online', ?, ?)
     ON CONFLICT (agent, slot) DO UPDATE SET role = excluded.role, framework = excluded.framework,
       pid = excluded.pid, started_at = excluded.started_at, state = 'online',
       connected_ms = excluded.connected_ms, last_seen_ms = excluded.last_seen_ms`,
    agent,
    workerSlot(hello.worker_id),
    hello.worker_id ?? null,
    hello.worker_role ?? null,
    hello.framework,
    hello.worker_pid ?? null,
    hello.worker_started_at ?? null,
    nowMs,
    nowMs,
  );
}

function agentRow(row: SqlRow): AgentRow {
  const capabilities: Record<string, readonly string[]> = {};
  for (const [name, tokens] of Object.entries(objectOf(row, "capabilities"))) {
    if (Array.isArray(tokens)) {
      Object.defineProperty(capabilities, name, {
        value: tokens.filter((token) => typeof token === "string"),
        enumerable: true,
      });
    }
  }
  const state = requiredText(row, "state");
  return {
    id: requiredText(row, "id"),
    projectId: requiredText(row, "project_id"),
    name: requiredText(row, "name"),
    createdAtMs: requiredNumber(row, "created_ms"),
    revokedAtMs: numberOf(row, "revoked_ms"),
    state: state === "online" || state === "offline" ? state : "unknown",
    lastSeenAtMs: numberOf(row, "last_seen_ms"),
    framework: textOf(row, "framework"),
    engines: stringsOf(row, "engines"),
    schedulers: stringsOf(row, "schedulers"),
    capabilities,
    runtimeFeatures: stringsOf(row, "runtime_features"),
    agentVersion: textOf(row, "agent_version"),
    protocolVersion: textOf(row, "protocol_version"),
    hostName: textOf(row, "host_name"),
  };
}

function agentWorkerRow(row: SqlRow): AgentWorkerRow {
  return {
    agentId: requiredText(row, "agent_id"),
    workerId: textOf(row, "worker_id"),
    role: textOf(row, "role"),
    framework: textOf(row, "framework"),
    pid: numberOf(row, "pid"),
    startedAt: textOf(row, "started_at"),
    state: requiredText(row, "state") === "online" ? "online" : "offline",
    connectedAtMs: requiredNumber(row, "connected_ms"),
    lastSeenAtMs: requiredNumber(row, "last_seen_ms"),
    findings: findingRows(objectOf(row, "findings")),
  };
}
