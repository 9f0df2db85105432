import { Z4jError } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { encodeCanonical } from "../protocol/canonical_json.ts";
import { encodeHmacSecret } from "../protocol/derive.ts";
import { agentById, agentKey, agentName, agentsOf, insertAgent, revokeAgent } from "./agents.ts";
import { admitCommand } from "./command_rules.ts";
import { commandById, commandByKey, insertCommand, type StoredCommand } from "./commands.ts";
import type { BrainContext } from "./context.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { insertScheduleControl, insertScheduleWrite } from "./external_control.ts";
import type { ExternalSchedules } from "./external_schedules.ts";
import { AGENT_NAME_CHARS } from "./limits.ts";
import { archiveProject, createProject, projectKey } from "./projects.ts";
import type { BrainSecrets } from "./secrets.ts";
import type { SessionRegistry } from "./sessions.ts";
import type {
  BrainOperator,
  CommandRefusal,
  CommandRequest,
  MintedAgent,
} from "./operator_port.ts";
import type { CommandRow } from "./store.ts";

/** What the operator's actions work on. */
export interface OperatorParts {
  readonly context: BrainContext;
  readonly secrets: BrainSecrets;
  readonly sessions: SessionRegistry;
  readonly dispatcher: Dispatcher;
  readonly externals: ExternalSchedules;
}

const REVOKED = 4003;

/** The actions of the API and the pages. */
export function createOperator(parts: OperatorParts): BrainOperator {
  const { context, externals, sessions } = parts;
  return {
    createProject(slug, name) {
      const project = createProject(context, slug, name);
      context.changes.changed("agents");
      return project;
    },
    archiveProject(slug) {
      if (!archiveProject(context, slug)) return;
      const row = context.db.get("SELECT pk FROM projects WHERE slug = ?", slug);
      for (const session of sessions.all()) {
        if (session.project === row?.["pk"]) session.close(REVOKED);
      }
      context.changes.changed("agents");
    },
    mintAgent: (projectId, name) => mint(parts, projectId, name),
    revokeAgent: (projectId, agentId) => revoke(parts, projectId, agentId),
    issueCommand: (request) => issue(parts, request),
    controlSchedule(projectId, scheduleId, operation) {
      const project = projectKey(context.db, projectId);
      if (project === null) return notFound("project");
      const target = { project, scheduleId };
      const command = insertScheduleControl(context, externals, sessions, target, operation);
      return "kind" in command ? command : deliver(parts, command);
    },
    writeSchedule(projectId, write) {
      const project = projectKey(context.db, projectId);
      if (project === null) return notFound("project");
      const command = insertScheduleWrite(context, externals, sessions, project, write);
      return "kind" in command ? command : deliver(parts, command);
    },
    resyncSchedules: (projectId) => resync(parts, projectId),
  };
}

async function mint(parts: OperatorParts, projectId: string, name: string): Promise<MintedAgent> {
  const { context, secrets } = parts;
  const label = agentName(name);
  if (label === null) {
    throw new TypeError(`Cannot mint agent: its name must be 1 to ${AGENT_NAME_CHARS} characters`);
  }
  const project = projectKey(context.db, projectId);
  if (project === null) {
    throw new Z4jError("Z4J_BRAIN_STORE", `Cannot mint agent ${label}: there is no such project`, {
      details: { reason: "not_found" },
    });
  }
  const { token, hash } = await secrets.mintToken();
  const secret = await secrets.projectSecret(projectId);
  const agent = insertAgent(context, project, label, hash);
  context.changes.changed("agents");
  return { agent, token, hmacSecret: encodeHmacSecret(secret) };
}

function revoke({ context, sessions }: OperatorParts, projectId: string, agentId: string): boolean {
  const project = projectKey(context.db, projectId);
  if (project === null || !revokeAgent(context, project, agentId)) return false;
  const agent = agentKey(context.db, project, agentId);
  if (agent !== null) { for (const session of sessions.of(agent)) session.close(REVOKED); }
  context.changes.changed("agents");
  return true;
}

function issue(parts: OperatorParts, request: CommandRequest): CommandRow | CommandRefusal {
  const { context } = parts;
  const project = projectKey(context.db, request.projectId);
  if (project === null) return notFound("project");
  const row = agentById(context.db, project, request.agentId);
  const agent = agentKey(context.db, project, request.agentId);
  if (row === null || agent === null) return notFound("agent");
  const key = request.idempotencyKey ?? null;
  const earlier = key === null ? null : commandByKey(context, project, key);
  if (earlier !== null) return repeat(earlier.row, request);
  const refusal = admitCommand(context, project, row, request);
  if (refusal !== null) return refusal;
  return deliver(
    parts,
    insertCommand(context, {
      project,
      agent,
      action: request.action,
      target: request.target,
      parameters: request.parameters,
      timeoutMs: request.timeoutMs ?? context.limits.commandTimeoutMs,
      idempotencyKey: key,
    }),
  );
}

/** The same request again gets the same command, another one is a conflict. */
function repeat(earlier: CommandRow, request: CommandRequest): CommandRow | CommandRefusal {
  const body = (
    of: Pick<CommandRow, "agentId" | "action" | "target" | "parameters">,
  ): JsonObject => ({
    agent: of.agentId,
    action: of.action,
    target: of.target,
    parameters: of.parameters,
  });
  return encodeCanonical(body(earlier)) === encodeCanonical(body(request)) ? earlier : {
    kind: "conflict",
    message: "the idempotency key belongs to a different command",
  };
}

function resync(parts: OperatorParts, projectId: string): readonly CommandRow[] {
  const { context } = parts;
  const project = projectKey(context.db, projectId);
  const slug = context.db.get("SELECT slug FROM projects WHERE id = ?", projectId)?.["slug"];
  if (project === null || typeof slug !== "string") return [];
  const ready = agentsOf(context.db, project)
    .filter((agent) => agent.state === "online" && agent.schedulers.length > 0);
  return ready.flatMap((row) => {
    const agent = agentKey(context.db, project, row.id);
    if (agent === null) return [];
    const command = insertCommand(context, {
      project,
      agent,
      action: "schedule.resync",
      target: { type: "project", id: slug },
      parameters: {},
      timeoutMs: context.limits.commandTimeoutMs,
    });
    return [deliver(parts, command)];
  });
}

function deliver({ context, dispatcher }: OperatorParts, command: StoredCommand): CommandRow {
  dispatcher.deliver(command);
  return commandById(context, command.project, command.row.id)?.row ?? command.row;
}

function notFound(what: string): CommandRefusal {
  return { kind: "not_found", message: `there is no such ${what}` };
}
