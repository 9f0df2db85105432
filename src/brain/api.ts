import { Hono } from "hono";
import { isZ4jError } from "../base/errors.ts";
import { VERSION } from "../base/version.ts";
import { agentName } from "./agents.ts";
import { parseScheduleWrite, schedulerTokens } from "./api_schedules.ts";
import { COMMAND_DRAFTS, isRefusal, parseCommand } from "./api_commands.ts";
import {
  query,
  queryCommandStatus,
  queryLimit,
  queryTaskFilter,
  readJsonBody,
  text,
} from "./api_parse.ts";
import {
  agentJson,
  agentWorkerJson,
  commandJson,
  eventJson,
  projectJson,
  queueJson,
  scheduleJson,
  statsJson,
  taskJson,
  workerJson,
} from "./api_rows.ts";
import { askDeadLetters } from "./dead_letters.ts";
import { type HttpContext, type HttpEnv, type HttpParts, HttpRefusal } from "./http_env.ts";
import { AGENT_NAME_CHARS } from "./limits.ts";
import type { CommandRefusal } from "./operator_port.ts";
import type { CommandRow, ProjectRow } from "./store.ts";

const MAX_NAME_TEXT = 200;
const MAX_DEAD_LETTERS = 200;
const IN_PROJECT = "/projects/:slug";

/** The JSON interface below `/api/v1`, with the paths of the original brain. */
export function createApi(parts: HttpParts): Hono<HttpEnv> {
  const app = new Hono<HttpEnv>();
  app.get("/health", (c) => c.json({ status: "ok", version: VERSION }));
  app.get("/projects", (c) => c.json(parts.reader.projects().map(projectJson)));
  app.get(IN_PROJECT, (c) => c.json(projectJson(projectOf(c, parts))));
  app.post("/sign-in-links", async (c) => {
    const token = await parts.auth.issueSignIn();
    const url = `http://${c.req.header("host")}/sign-in?token=${token}`;
    return c.json({ sign_in_url: url }, 201);
  });
  addAgents(app, parts);
  addTasks(app, parts);
  addFleet(app, parts);
  addSchedules(app, parts);
  addCommands(app, parts);
  addDeadLetters(app, parts);
  return app;
}

/** The project that the path names; refused with 404 when there is none. */
export function projectOf(c: HttpContext, parts: HttpParts): ProjectRow {
  return found(parts.reader.project(c.req.param("slug") ?? ""), "project");
}

/** The operator's answer as a command, or its refusal thrown with its status. */
export function accepted(outcome: CommandRow | CommandRefusal): CommandRow {
  if (!isRefusal(outcome)) return outcome;
  const status = { not_found: 404, refused: 422, conflict: 409 } as const;
  throw new HttpRefusal(status[outcome.kind as CommandRefusal["kind"]], outcome.message);
}

function found<T>(row: T | null, what: string): T {
  if (row === null) throw new HttpRefusal(404, `${what} not found`);
  return row;
}

function param(c: HttpContext, name: string): string {
  return c.req.param(name) ?? "";
}

function addAgents(app: Hono<HttpEnv>, parts: HttpParts): void {
  const { reader, operator } = parts;
  app.get(
    `${IN_PROJECT}/agents`,
    (c) => c.json(reader.agents(projectOf(c, parts).id).map(agentJson)),
  );
  app.get(`${IN_PROJECT}/agents/:id`, (c) => {
    const agent = reader.agent(projectOf(c, parts).id, param(c, "id"));
    return c.json(agentJson(found(agent, "agent")));
  });
  app.post(`${IN_PROJECT}/agents`, async (c) => {
    const name = text(await readJsonBody(c, parts.clock), "name", MAX_NAME_TEXT);
    const minted = await mintAgent(parts, projectOf(c, parts).id, name);
    const { agent, token, hmacSecret } = minted;
    return c.json({ agent: agentJson(agent), token, hmac_secret: hmacSecret }, 201);
  });
  app.delete(`${IN_PROJECT}/agents/:id`, (c) => {
    const isRevoked = operator.revokeAgent(projectOf(c, parts).id, param(c, "id"));
    if (!isRevoked) throw new HttpRefusal(404, "agent not found");
    return c.body(null, 204);
  });
  app.get(`${IN_PROJECT}/agent-workers`, (c) => {
    const { id } = projectOf(c, parts);
    return c.json(reader.agentWorkers(id).map((row) => agentWorkerJson(id, row)));
  });
}

/** Mints an agent; a name that none may have is refused with 422, one in use with 409. */
export async function mintAgent(
  parts: HttpParts,
  projectId: string,
  name: string,
): ReturnType<HttpParts["operator"]["mintAgent"]> {
  if (agentName(name) === null) {
    throw new HttpRefusal(422, `an agent name has 1 to ${AGENT_NAME_CHARS} characters`);
  }
  try {
    return await parts.operator.mintAgent(projectId, name);
  } catch (error) {
    if (isZ4jError(error) && error.code === "Z4J_BRAIN_STORE") {
      throw new HttpRefusal(409, error.message);
    }
    throw error;
  }
}

function addTasks(app: Hono<HttpEnv>, parts: HttpParts): void {
  const { reader } = parts;
  app.get(`${IN_PROJECT}/tasks`, (c) => {
    const { id } = projectOf(c, parts);
    const page = reader.tasks(id, queryTaskFilter(c));
    const isCounted = ["true", "1"].includes(query(c, "include_total") ?? "");
    return c.json({
      items: page.items.map((row) => taskJson(id, row)),
      next_cursor: page.nextCursor,
      total_count: isCounted ? page.totalCount : null,
    });
  });
  app.get(`${IN_PROJECT}/tasks/:engine/:task`, (c) => {
    const { id } = projectOf(c, parts);
    const row = reader.task(id, param(c, "engine"), param(c, "task"));
    return c.json(taskJson(id, found(row, "task")));
  });
  app.get(`${IN_PROJECT}/events`, (c) => {
    const { id } = projectOf(c, parts);
    const engine = query(c, "engine");
    const taskId = query(c, "task_id");
    if (engine === undefined || taskId === undefined) {
      throw new HttpRefusal(422, "engine and task_id are required");
    }
    const items = reader.taskEvents(id, engine, taskId).map((row) => eventJson(id, row));
    return c.json({ items, next_cursor: null });
  });
}

function addFleet(app: Hono<HttpEnv>, parts: HttpParts): void {
  const { reader } = parts;
  app.get(`${IN_PROJECT}/workers`, (c) => {
    const { id } = projectOf(c, parts);
    return c.json(reader.workers(id).map((row) => workerJson(id, row)));
  });
  app.get(`${IN_PROJECT}/workers/:id`, (c) => {
    const { id } = projectOf(c, parts);
    const row = reader.workers(id).find((worker) => worker.id === param(c, "id"));
    return c.json(workerJson(id, found(row ?? null, "worker")));
  });
  app.get(`${IN_PROJECT}/queues`, (c) => {
    const { id } = projectOf(c, parts);
    return c.json(reader.queues(id).map((row) => queueJson(id, row)));
  });
  app.get(`${IN_PROJECT}/stats`, (c) => c.json(statsJson(reader.stats(projectOf(c, parts).id))));
  app.get(`${IN_PROJECT}/live`, (c) => {
    projectOf(c, parts);
    const stream = parts.live.open();
    if (stream === null) throw new HttpRefusal(503, "too many live streams are open");
    return c.body(stream, 200, {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store, no-transform",
      "x-accel-buffering": "no",
    });
  });
}

function addSchedules(app: Hono<HttpEnv>, parts: HttpParts): void {
  const { reader, operator } = parts;
  app.get(`${IN_PROJECT}/schedules`, (c) => {
    const { id } = projectOf(c, parts);
    const items = reader.schedules(id).map((row) => scheduleJson(id, row));
    return c.json({ items, next_cursor: null });
  });
  app.get(`${IN_PROJECT}/schedules/native-capabilities`, (c) => {
    return c.json(schedulerTokens(reader.agents(projectOf(c, parts).id)));
  });
  app.get(`${IN_PROJECT}/schedules/:id`, (c) => {
    const { id } = projectOf(c, parts);
    return c.json(scheduleJson(id, found(reader.schedule(id, param(c, "id")), "schedule")));
  });
  app.post(`${IN_PROJECT}/schedules/:id/:operation{enable|disable|trigger}`, (c) => {
    const operation = param(c, "operation") as "enable" | "disable" | "trigger";
    const outcome = operator.controlSchedule(projectOf(c, parts).id, param(c, "id"), operation);
    return c.json(commandJson(accepted(outcome)), 202);
  });
  app.post(`${IN_PROJECT}/schedules/native-operations`, async (c) => {
    const { id } = projectOf(c, parts);
    const write = parseScheduleWrite(await readJsonBody(c, parts.clock));
    return c.json(commandJson(accepted(operator.writeSchedule(id, write))), 202);
  });
  app.post("/projects/:slug/schedules:resync", (c) => {
    const commands = operator.resyncSchedules(projectOf(c, parts).id);
    return c.json({ items: commands.map(commandJson) }, 202);
  });
}

function addDeadLetters(app: Hono<HttpEnv>, parts: HttpParts): void {
  app.get(`${IN_PROJECT}/dead-letters`, async (c) => {
    const engine = query(c, "engine");
    if (engine === undefined) throw new HttpRefusal(422, "engine is required");
    const page = await askDeadLetters(parts, {
      projectId: projectOf(c, parts).id,
      engine,
      queue: query(c, "queue") ?? null,
      limit: Math.min(queryLimit(c), MAX_DEAD_LETTERS),
      cursor: query(c, "cursor") ?? null,
    });
    return c.json(page);
  });
}

function addCommands(app: Hono<HttpEnv>, parts: HttpParts): void {
  const { reader, operator, clock } = parts;
  app.get(`${IN_PROJECT}/commands`, (c) => {
    const rows = reader.commands(projectOf(c, parts).id, queryCommandStatus(c), queryLimit(c));
    return c.json({ items: rows.map(commandJson), next_cursor: null });
  });
  app.get(`${IN_PROJECT}/commands/:id`, (c) => {
    const row = reader.command(projectOf(c, parts).id, param(c, "id"));
    return c.json(commandJson(found(row, "command")));
  });
  for (const [name, draft] of Object.entries(COMMAND_DRAFTS)) {
    app.post(`${IN_PROJECT}/commands/${name}`, async (c) => {
      const { id } = projectOf(c, parts);
      const request = parseCommand(id, draft, await readJsonBody(c, parts.clock), {
        nowMs: clock.now(),
        task: (engine, taskId) => reader.task(id, engine, taskId),
      });
      return c.json(commandJson(accepted(operator.issueCommand(request))), 202);
    });
  }
}
