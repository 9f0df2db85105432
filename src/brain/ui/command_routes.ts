import type { Hono } from "hono";
import type { JsonObject } from "../../base/json.ts";
import { accepted } from "../api.ts";
import { COMMAND_DRAFTS, parseCommand } from "../api_commands.ts";
import { query, queryTaskFilter, readBody } from "../api_parse.ts";
import { ableAgent, askDeadLetters } from "../dead_letters.ts";
import { type HttpContext, type HttpEnv, type HttpParts, HttpRefusal } from "../http_env.ts";
import type { ProjectRow, QueueRow, TaskRow, WorkerRow } from "../store.ts";
import { deadLettersPage } from "./dead_letters_page.ts";
import { layout } from "./layout.ts";
import { deadLettersPath, queuePage } from "./queue_page.ts";
import { workerPage } from "./worker_page.ts";

const PAGE_LETTERS = 50;

/** Pages and forms of queues, workers, dead letters and bulk retries. */
export function addCommandPages(
  app: Hono<HttpEnv>,
  parts: HttpParts,
  shown: (parts: HttpParts) => ProjectRow,
): void {
  const project = (): string => shown(parts).id;
  const page = (title: string, body: Parameters<typeof layout>[0]["body"]): string =>
    layout({ title, project: parts.project, body }).text;
  addQueuePages(app, parts, project, page);
  addWorkerPages(app, parts, project, page);
  addDeadLetters(app, parts, project, page);
  app.post("/bulk-retry", (c) => {
    const filter = { ...queryTaskFilter(c), state: "failure" as const };
    const { items } = parts.reader.tasks(project(), filter);
    if (items.length === 0) throw new HttpRefusal(409, "no failed task matches");
    for (const [engine, tasks] of byEngine(items)) {
      issue(parts, project(), "bulk-retry", engine, "bulk_retry", {
        filter: { engine, task_ids: tasks.map(({ taskId }) => taskId) },
        max: tasks.length,
      });
    }
    return c.redirect("/#commands", 303);
  });
}

type Page = (title: string, body: Parameters<typeof layout>[0]["body"]) => string;

function addQueuePages(
  app: Hono<HttpEnv>,
  parts: HttpParts,
  project: () => string,
  page: Page,
): void {
  const queueOf = (c: HttpContext): QueueRow => {
    const [engine, name] = [c.req.param("engine"), c.req.param("queue")];
    const row = parts.reader.queues(project()).find((queue) =>
      queue.engine === engine && queue.name === name
    );
    if (row === undefined) throw new HttpRefusal(404, "there is no such queue");
    return row;
  };
  app.get("/queues/:engine/:queue", (c) => {
    const row = queueOf(c);
    const can = (token: string): boolean =>
      ableAgent(parts.reader, project(), row.engine, token) !== null;
    return c.html(page(row.name, queuePage(row, can, parts.clock.now())));
  });
  app.post("/queues/:engine/:queue/:action", async (c) => {
    const { engine, name: queue, pendingCount } = queueOf(c);
    const form = new URLSearchParams(await readBody(c, parts.clock));
    const value = (form.get("value") ?? "").trim();
    const send = (draft: string, token: string, body: JsonObject): void =>
      issue(parts, project(), draft, engine, token, body);
    switch (c.req.param("action")) {
      case "pause":
        send("pause-queue", "pause_queue", { engine, queue });
        break;
      case "resume":
        send("resume-queue", "resume_queue", { engine, queue });
        break;
      case "concurrency":
        send("queue-concurrency", "queue_concurrency", {
          engine,
          queue,
          concurrency: value === "" ? null : Number(value),
        });
        break;
      case "rate":
        send("rate-limit", "rate_limit", { engine, task_name: queue, rate: value });
        break;
      case "purge": {
        if (form.get("confirm") !== queue) throw new HttpRefusal(422, "the typed name is another");
        const depth = Number(form.get("depth") ?? pendingCount ?? 0);
        send("purge-queue", "purge_queue", { engine, queue, observed_depth: depth });
        break;
      }
      default:
        throw new HttpRefusal(404, "there is no such action");
    }
    return c.redirect("/#commands", 303);
  });
}

function addWorkerPages(
  app: Hono<HttpEnv>,
  parts: HttpParts,
  project: () => string,
  page: Page,
): void {
  const workerOf = (c: HttpContext): WorkerRow => {
    const row = parts.reader.workers(project()).find(({ id }) => id === c.req.param("id"));
    if (row === undefined) throw new HttpRefusal(404, "there is no such worker");
    return row;
  };
  app.get("/workers/:id", (c) => {
    const row = workerOf(c);
    const agent = row.agentId === null ? null : parts.reader.agent(project(), row.agentId);
    const can = (token: string): boolean =>
      agent?.state === "online" && (agent.capabilities[row.engine] ?? []).includes(token);
    return c.html(page(row.name, workerPage(row, can, parts.clock.now())));
  });
  app.post("/workers/:id/:action", async (c) => {
    const { engine, name, agentId } = workerOf(c);
    if (agentId === null) throw new HttpRefusal(409, "no agent has this worker");
    const form = new URLSearchParams(await readBody(c, parts.clock));
    const body = { agent_id: agentId, engine, worker_name: name };
    const queue = form.get("queue") ?? "";
    const change = form.get("change") === "cancel" ? "cancel-consumer" : "add-consumer";
    const drafts: Readonly<Record<string, readonly [string, JsonObject]>> = {
      grow: ["pool-resize", { ...body, delta: 1 }],
      shrink: ["pool-resize", { ...body, delta: -1 }],
      consumer: [change, { ...body, queue }],
      restart: ["restart-worker", body],
    };
    const [draft, filled] = drafts[c.req.param("action")] ?? [];
    if (draft === undefined || filled === undefined) {
      throw new HttpRefusal(404, "there is no such action");
    }
    send(parts, project(), draft, filled);
    return c.redirect("/#commands", 303);
  });
}

function addDeadLetters(
  app: Hono<HttpEnv>,
  parts: HttpParts,
  project: () => string,
  page: Page,
): void {
  app.get("/dead-letters/:engine", async (c) => {
    const engine = c.req.param("engine");
    const queue = query(c, "queue") ?? null;
    const answer = await askDeadLetters(parts, {
      projectId: project(),
      engine,
      queue,
      limit: PAGE_LETTERS,
      cursor: query(c, "cursor") ?? null,
    });
    const able = ableAgent(parts.reader, project(), engine, "requeue_dead_letter");
    const nowMs = parts.clock.now();
    const body = deadLettersPage({ engine, queue, answer, canRequeue: able !== null, nowMs });
    return c.html(page("Dead letters", body));
  });
  app.post("/dead-letters/:engine/requeue", async (c) => {
    const engine = c.req.param("engine");
    const form = new URLSearchParams(await readBody(c, parts.clock));
    issue(parts, project(), "requeue-dead-letter", engine, "requeue_dead_letter", {
      engine,
      task_id: form.get("task_id") ?? "",
    });
    return c.redirect(deadLettersPath(engine, form.get("queue") || null), 303);
  });
}

// To the first agent that can: all agents of a project share its queues.
function issue(
  parts: HttpParts,
  projectId: string,
  draft: string,
  engine: string,
  token: string,
  body: JsonObject,
): void {
  const agent = ableAgent(parts.reader, projectId, engine, token);
  if (agent === null) throw new HttpRefusal(409, `no online agent of engine ${engine} can do this`);
  send(parts, projectId, draft, { agent_id: agent.id, ...body });
}

function send(parts: HttpParts, projectId: string, name: string, body: JsonObject): void {
  const { operator, reader, clock } = parts;
  const draft = COMMAND_DRAFTS[name];
  if (draft === undefined) throw new HttpRefusal(404, "there is no such command");
  const facts = {
    nowMs: clock.now(),
    task: (engine: string, taskId: string) => reader.task(projectId, engine, taskId),
  };
  accepted(operator.issueCommand(parseCommand(projectId, draft, body, facts)));
}

function byEngine(tasks: readonly TaskRow[]): ReadonlyMap<string, readonly TaskRow[]> {
  const groups = new Map<string, TaskRow[]>();
  for (const task of tasks) groups.set(task.engine, [...groups.get(task.engine) ?? [], task]);
  return groups;
}
