import { isJsonObject, type JsonObject, type JsonValue } from "../base/json.ts";
import type { BrainContext } from "./context.ts";
import { requiredNumber } from "./database.ts";
import { BULK_RETRY_MAX, COMMAND_TIMEOUT_MAX_MS, IDEMPOTENCY_KEY_CHARS } from "./limits.ts";
import type { CommandRefusal, CommandRequest } from "./operator_port.ts";
import type { AgentRow } from "./store.ts";

/** The marker that a retry needs (protocol 4.3). */
export const RETRY_MARKER = "retry_by_reference_v1";

/** Actions that only go to sessions with the retry marker (protocol 17.8). */
export const RETRY_FAMILY: ReadonlySet<string> = new Set(["retry_task", "bulk_retry"]);

// Action -> token that the engine must advertise (protocol 17.9).
const GATED: ReadonlyMap<string, string> = new Map([
  ["retry_task", "retry_task"],
  ["bulk_retry", "bulk_retry"],
  ["cancel_task", "cancel_task"],
  ["requeue_dead_letter", "requeue_dead_letter"],
  ["dlq.list", "list_dead_letters"],
  // These three are ours: a brain of the original does not issue them.
  ["pause_queue", "pause_queue"],
  ["resume_queue", "resume_queue"],
  ["queue_concurrency", "queue_concurrency"],
]);

const WORKER_ACTIONS: ReadonlySet<string> = new Set([
  "restart_worker",
  "pool_grow",
  "pool_shrink",
  "add_consumer",
  "cancel_consumer",
]);

const UNGATED: ReadonlySet<string> = new Set([
  "submit_task",
  "purge_queue",
  "rate_limit",
  "reconcile_task",
  "schedule.resync",
  "schedule.trigger_now",
]);

const ENGINE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/;

/** A command that an agent may get, or why not. */
export function admitCommand(
  context: BrainContext,
  project: number,
  agent: AgentRow,
  request: CommandRequest,
): CommandRefusal | null {
  if (agent.revokedAtMs !== null) return refused(`agent ${agent.name} is revoked`);
  const problem = requestProblem(request);
  if (problem !== null) return refused(problem);
  const { action } = request;
  if (UNGATED.has(action)) return null;
  const engine = engineOf(request);
  if (engine === null || !ENGINE.test(engine)) {
    return refused("engine must be 1 to 40 letters, digits, dots, underscores or hyphens");
  }
  const token = GATED.get(action);
  if (token !== undefined) {
    return tokenProblem(agent, engine, token, RETRY_FAMILY.has(action)) ??
      shapeProblem(context, project, engine, request);
  }
  if (!WORKER_ACTIONS.has(action)) return refused(`action ${action} is unknown`);
  return workerProblem(context, project, agent, engine, request);
}

/** The engine of a request: of the filter when there is one (protocol 17.2). */
export function engineOf(request: Pick<CommandRequest, "parameters" | "target">): string | null {
  const { filter, engine } = request.parameters;
  const named = isJsonObject(filter) ? filter["engine"] : engine ?? request.target["engine"];
  return typeof named === "string" ? named : null;
}

function requestProblem(request: CommandRequest): string | null {
  const { timeoutMs, idempotencyKey } = request;
  if (timeoutMs !== undefined && !(timeoutMs >= 1000 && timeoutMs <= COMMAND_TIMEOUT_MAX_MS)) {
    return "the timeout must be between 1 second and 1 hour";
  }
  if (typeof idempotencyKey !== "string") return null;
  if (idempotencyKey === "" || [...idempotencyKey].length > IDEMPOTENCY_KEY_CHARS) {
    return `idempotency_key must be 1 to ${IDEMPOTENCY_KEY_CHARS} characters`;
  }
  return null;
}

function tokenProblem(
  agent: AgentRow,
  engine: string,
  token: string,
  needsMarker: boolean,
): CommandRefusal | null {
  // An agent that never said hello has an inventory nobody knows.
  if (agent.framework === null) return null;
  if (!agent.engines.includes(engine)) {
    return refused(`agent ${agent.name} does not run engine ${engine}`);
  }
  const tokens = agent.capabilities[engine] ?? [];
  if (!tokens.includes(token)) {
    return refused(`agent ${agent.name} cannot ${token} on engine ${engine}`);
  }
  if (needsMarker && !tokens.includes(RETRY_MARKER)) {
    return refused(`agent ${agent.name} does not promise safe retries on engine ${engine}`);
  }
  return null;
}

function shapeProblem(
  context: BrainContext,
  project: number,
  engine: string,
  request: CommandRequest,
): CommandRefusal | null {
  const { parameters } = request;
  if (request.action === "retry_task") {
    return overrideProblem(
      parameters["override_args"] ?? null,
      parameters["override_kwargs"] ?? null,
    );
  }
  return request.action === "bulk_retry" ? bulkProblem(context, project, engine, parameters) : null;
}

function overrideProblem(args: JsonValue, kwargs: JsonValue): CommandRefusal | null {
  if (args === null && kwargs === null) return null;
  if (args === null || kwargs === null) {
    return refused("override_args and override_kwargs must be given together");
  }
  return Array.isArray(args) && isJsonObject(kwargs)
    ? null
    : refused("override_args must be an array and override_kwargs an object");
}

function bulkProblem(
  context: BrainContext,
  project: number,
  engine: string,
  parameters: JsonObject,
): CommandRefusal | null {
  const filter = isJsonObject(parameters["filter"]) ? parameters["filter"] : {};
  const ids: JsonValue | undefined = filter["task_ids"];
  if (!Array.isArray(ids) || ids.length === 0 || ids.length > BULK_RETRY_MAX) {
    return refused(`bulk retry needs filter.task_ids with 1 to ${BULK_RETRY_MAX} ids`);
  }
  const max = parameters["max"];
  if (typeof max !== "number" || !Number.isSafeInteger(max) || max < 1) {
    return refused("max must be a positive integer");
  }
  const missing = ids.filter((id) =>
    typeof id !== "string" || context.db.get(
        "SELECT 1 AS found FROM tasks WHERE project = ? AND engine = ? AND task_id = ?",
        project,
        engine,
        id,
      ) === undefined
  );
  return missing.length === 0
    ? null
    : refused(`bulk retry names ${missing.length} of ${ids.length} tasks that are not known`);
}

function workerProblem(
  context: BrainContext,
  project: number,
  agent: AgentRow,
  engine: string,
  request: CommandRequest,
): CommandRefusal | null {
  const worker = request.parameters["worker_name"];
  if (typeof worker !== "string" || worker === "") return refused("worker_name is required");
  const tokens = agent.capabilities[engine] ?? [];
  if (
    agent.state !== "online" || !agent.engines.includes(engine) || !tokens.includes(request.action)
  ) {
    return refused("worker control needs an online agent that advertises the action");
  }
  const rows = context.db.all(
    "SELECT state FROM workers WHERE project = ? AND engine = ? AND name = ?",
    project,
    engine,
    worker,
  );
  const reporters = context.db.all(
    `SELECT agents.id = ? AS is_this FROM worker_evidence
       JOIN agents ON agents.pk = worker_evidence.agent
     WHERE worker_evidence.project = ? AND worker = ?`,
    agent.id,
    project,
    worker,
  );
  const [reporter] = reporters;
  const isProven = reporters.length === 1 && reporter !== undefined &&
    requiredNumber(reporter, "is_this") === 1;
  return rows.length === 1 && isProven
    ? null
    : refused(`worker ${worker} is not proven to belong to agent ${agent.name} alone`);
}

function refused(message: string): CommandRefusal {
  return { kind: "refused", message };
}
