import type { JsonObject } from "../base/json.ts";
import { LIMITED, type SqlRow } from "../buffer/sqlite_driver.ts";
import type { BrainContext } from "./context.ts";
import { jsonOf, numberOf, objectOf, requiredNumber, requiredText, textOf } from "./database.ts";
import { COMMAND_ERROR_CHARS } from "./limits.ts";
import type { CommandRow, CommandStatus } from "./store.ts";

/** A command as stored, with the keys that only the brain needs. */
export interface StoredCommand {
  readonly row: CommandRow;
  readonly project: number;
  readonly agent: number;
  readonly claimToken: string | null;
  /** The one session that may carry it out, or `null` for any. */
  readonly sessionGeneration: string | null;
}

/** What a new command is made of. */
export interface NewCommand {
  readonly project: number;
  readonly agent: number;
  readonly action: string;
  readonly target: JsonObject;
  readonly parameters: JsonObject;
  readonly timeoutMs: number;
  readonly idempotencyKey?: string | null | undefined;
  readonly claimToken?: string | null | undefined;
  readonly sessionGeneration?: string | null | undefined;
}

/** How an agent says a command ended. */
export interface CommandOutcome {
  readonly status: "success" | "failed";
  readonly result: JsonObject | null;
  readonly error: string | null;
  readonly claimToken: string | null;
}

const SELECT = `SELECT commands.*, projects.id AS project_id, agents.id AS agent_id FROM commands
  JOIN projects ON projects.pk = commands.project JOIN agents ON agents.pk = commands.agent`;
const OPEN = "status IN ('pending', 'dispatched', 'acknowledged')";

/** Stores a command in state `pending`. */
export function insertCommand(context: BrainContext, command: NewCommand): StoredCommand {
  const id = context.random.uuid();
  const nowMs = context.clock.now();
  context.db.run(
    `INSERT INTO commands (id, project, agent, action, target, parameters, status, timeout_ms,
       idempotency_key, claim_token, session_generation, created_ms, due_ms)
     VALUES (?, ?, ?, ?, ?, ?, 'pending', ?, ?, ?, ?, ?, ?)`,
    id,
    command.project,
    command.agent,
    command.action,
    JSON.stringify(command.target),
    JSON.stringify(command.parameters),
    command.timeoutMs,
    command.idempotencyKey ?? null,
    command.claimToken ?? null,
    command.sessionGeneration ?? null,
    nowMs,
    nowMs + command.timeoutMs,
  );
  context.changes.changed("commands");
  const stored = commandById(context, command.project, id);
  if (stored === null) throw new Error("Cannot read the command that was just stored");
  return stored;
}

/** One command of a project, or `null`. */
export function commandById(
  context: BrainContext,
  project: number,
  id: string,
): StoredCommand | null {
  const row = context.db.get(
    `${SELECT} WHERE commands.project = ? AND commands.id = ?`,
    project,
    id,
  );
  return row === undefined ? null : storedCommand(row);
}

/** The command of an idempotency key, or `null`. */
export function commandByKey(
  context: BrainContext,
  project: number,
  key: string,
): StoredCommand | null {
  const row = context.db.get(
    `${SELECT} WHERE commands.project = ? AND commands.idempotency_key = ?`,
    project,
    key,
  );
  return row === undefined ? null : storedCommand(row);
}

/** The newest commands, all or of one status. */
export function commandsOf(
  context: BrainContext,
  project: number,
  status: CommandStatus | null,
  limit: number,
): readonly CommandRow[] {
  const rows = status === null
    ? context.db.all(
      `${SELECT} WHERE commands.project = ? ORDER BY commands.pk DESC ${LIMITED}`,
      project,
      limit,
    )
    : context.db.all(
      `${SELECT} WHERE commands.project = ? AND status = ? ORDER BY commands.pk DESC ${LIMITED}`,
      project,
      status,
      limit,
    );
  return rows.map((row) => storedCommand(row).row);
}

// Safe to repeat (protocol 17.8); an ack says that it arrived.
const REPEATABLE = "('cancel_task', 'reconcile_task', 'schedule.resync', 'schedule.trigger_now', " +
  "'schedule.enable', 'schedule.disable')";

/** What a fresh connection of an agent is to get, oldest first (protocol 17.8). */
export function deliverableCommands(
  context: BrainContext,
  agent: number,
  limit: number,
): readonly StoredCommand[] {
  return context.db.all(
    `${SELECT} WHERE commands.agent = ? AND session_generation IS NULL AND due_ms > ? AND (
       status = 'pending' OR (status = 'dispatched' AND action IN ${REPEATABLE}))
     ORDER BY commands.pk ${LIMITED}`,
    agent,
    context.clock.now(),
    limit,
  ).map(storedCommand);
}

/** The open command of this action kind on a scheduler, if any. */
export function openExternalCommand(
  context: BrainContext,
  project: number,
  owner: string,
): StoredCommand | null {
  const row = context.db.get(
    `${SELECT} WHERE commands.project = ? AND ${OPEN}
       AND action IN ('schedule.external.mutate', 'schedule.external.control')
       AND json_extract(parameters, '$.scheduler') = ? LIMIT 1`,
    project,
    owner,
  );
  return row === undefined ? null : storedCommand(row);
}

/** Notes that a session took the command; its deadline starts now (protocol 17.4). */
export function markDispatched(context: BrainContext, command: StoredCommand): boolean {
  const nowMs = context.clock.now();
  const changed = context.db.run(
    `UPDATE commands SET status = 'dispatched', dispatched_ms = ?, due_ms = ? + timeout_ms
     WHERE project = ? AND id = ? AND ${OPEN}`,
    nowMs,
    nowMs,
    command.project,
    command.row.id,
  ) > 0;
  if (changed) context.changes.changed("commands");
  return changed;
}

/** Takes a dispatch back that never reached the socket. */
export function markUndelivered(context: BrainContext, command: StoredCommand): void {
  context.db.run(
    `UPDATE commands SET status = 'pending', dispatched_ms = NULL
     WHERE project = ? AND id = ? AND status = 'dispatched'`,
    command.project,
    command.row.id,
  );
  context.changes.changed("commands");
}

/** Notes the receipt; only the owning agent counts. */
export function acknowledgeCommand(context: BrainContext, agent: number, id: string): void {
  const changed = context.db.run(
    `UPDATE commands SET status = 'acknowledged', acknowledged_ms = ?
     WHERE agent = ? AND id = ? AND status IN ('pending', 'dispatched')`,
    context.clock.now(),
    agent,
    id,
  );
  if (changed > 0) context.changes.changed("commands");
}

/** Stores a result while the command is open; repeats are ignored (protocol 17.6). */
export function finishCommand(
  context: BrainContext,
  agent: number,
  id: string,
  outcome: CommandOutcome,
): boolean {
  const error = outcome.error === null ? null : cutText(outcome.error, COMMAND_ERROR_CHARS);
  const changed = context.db.run(
    `UPDATE commands SET status = ?, finished_ms = ?, result = ?, error = ?
     WHERE agent = ? AND id = ? AND ${OPEN} AND (claim_token IS NULL OR claim_token = ?)`,
    outcome.status === "success" ? "completed" : "failed",
    context.clock.now(),
    outcome.result === null ? null : JSON.stringify(outcome.result),
    error,
    agent,
    id,
    outcome.claimToken,
  ) > 0;
  if (changed) context.changes.changed("commands");
  return changed;
}

/** Cancels what an older session of a stream was asked. */
export function cancelActivations(context: BrainContext, project: number, owner: string): void {
  context.db.run(
    `UPDATE commands SET status = 'cancelled', finished_ms = ?
     WHERE project = ? AND ${OPEN} AND action = 'schedule.external.activate'
       AND json_extract(parameters, '$.owner') = ?`,
    context.clock.now(),
    project,
    owner,
  );
}

/** Times out what is due; answers how many commands. */
export function timeOutCommands(context: BrainContext): number {
  const nowMs = context.clock.now();
  const changed = context.db.run(
    `UPDATE commands SET status = 'timeout', finished_ms = ? WHERE ${OPEN} AND due_ms <= ?`,
    nowMs,
    nowMs,
  );
  if (changed > 0) context.changes.changed("commands");
  return changed;
}

/** When the next open command is due, or `null`. */
export function nextCommandDeadline(context: BrainContext): number | null {
  const row = context.db.get(`SELECT min(due_ms) AS due FROM commands WHERE ${OPEN}`);
  return row === undefined ? null : numberOf(row, "due");
}

/** The first `length` code units, never half a character. */
export function cutText(text: string, length: number): string {
  return text.length <= length ? text : text.slice(0, length).replace(/[\ud800-\udbff]$/, "");
}

function storedCommand(row: SqlRow): StoredCommand {
  const result = jsonOf(row, "result");
  return {
    project: requiredNumber(row, "project"),
    agent: requiredNumber(row, "agent"),
    claimToken: textOf(row, "claim_token"),
    sessionGeneration: textOf(row, "session_generation"),
    row: {
      id: requiredText(row, "id"),
      projectId: requiredText(row, "project_id"),
      agentId: requiredText(row, "agent_id"),
      action: requiredText(row, "action"),
      target: objectOf(row, "target"),
      parameters: objectOf(row, "parameters"),
      status: requiredText(row, "status") as CommandStatus,
      timeoutMs: requiredNumber(row, "timeout_ms"),
      idempotencyKey: textOf(row, "idempotency_key"),
      createdAtMs: requiredNumber(row, "created_ms"),
      dispatchedAtMs: numberOf(row, "dispatched_ms"),
      acknowledgedAtMs: numberOf(row, "acknowledged_ms"),
      finishedAtMs: numberOf(row, "finished_ms"),
      result: result === null ? null : objectOf(row, "result"),
      error: textOf(row, "error"),
    },
  };
}
