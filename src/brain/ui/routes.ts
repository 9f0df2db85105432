import { Hono } from "hono";
import { getCookie } from "hono/cookie";
import { accepted, mintAgent } from "../api.ts";
import { COMMAND_DRAFTS, parseCommand } from "../api_commands.ts";
import { queryTaskFilter, readBody } from "../api_parse.ts";
import { cookieName } from "../auth_guard.ts";
import { type HttpContext, type HttpEnv, type HttpParts, HttpRefusal } from "../http_env.ts";
import type { ProjectRow, TaskRow } from "../store.ts";
import { CLIENT } from "./client.ts";
import { addCommandPages } from "./command_routes.ts";
import { layout, liveSection } from "./layout.ts";
import { mintedBody } from "./minted_page.ts";
import { overview, SECTIONS } from "./overview.ts";
import { STYLE } from "./style.ts";
import { taskDetail } from "./task_page.ts";
import { taskPath } from "./tasks.ts";

const OPERATIONS = ["enable", "disable", "trigger"] as const;

/** The pages of the brain, their fragments, and the actions of their forms. */
export function createPages(parts: HttpParts): Hono<HttpEnv> {
  const app = new Hono<HttpEnv>();
  app.get("/assets/style.css", (c) => asset(c, STYLE, "text/css"));
  app.get("/assets/client.js", (c) => asset(c, CLIENT, "text/javascript"));
  app.post("/sign-out", async (c) => {
    await parts.auth.signOut(getCookie(c, cookieName(parts)) ?? "");
    c.header("clear-site-data", '"cache"');
    return c.redirect("/", 303);
  });
  addOverview(app, parts);
  addTaskPages(app, parts);
  addActions(app, parts);
  addCommandPages(app, parts, shown);
  return app;
}

function asset(c: HttpContext, text: string, type: string): Response {
  return c.body(text, 200, {
    "content-type": `${type}; charset=utf-8`,
    "cache-control": "private, no-cache",
  });
}

function shown(parts: HttpParts): ProjectRow {
  const project = parts.reader.project(parts.project);
  if (project === null) throw new HttpRefusal(404, "the project is gone");
  return project;
}

function addOverview(app: Hono<HttpEnv>, parts: HttpParts): void {
  const view = (c: HttpContext) => ({
    reader: parts.reader,
    projectId: shown(parts).id,
    filter: queryTaskFilter(c),
    nowMs: parts.clock.now(),
  });
  app.get("/", (c) => {
    const body = overview(view(c));
    return c.html(layout({ title: parts.project, project: parts.project, body }).text);
  });
  app.get("/fragments/:section", (c) => {
    const section = SECTIONS.get(c.req.param("section"));
    if (section === undefined) throw new HttpRefusal(404, "there is no such section");
    return c.html(section.render(view(c)).text);
  });
}

function addTaskPages(app: Hono<HttpEnv>, parts: HttpParts): void {
  const detail = (row: TaskRow, projectId: string) =>
    taskDetail(
      row,
      parts.reader.taskEvents(projectId, row.engine, row.taskId),
      parts.clock.now(),
    );
  app.get("/tasks/:engine/:task", (c) => {
    const row = taskOf(c, parts);
    const content = detail(row, shown(parts).id);
    const body = liveSection(`/fragments${taskPath(row.engine, row.taskId)}`, "tasks", content);
    return c.html(layout({ title: row.name, project: parts.project, body }).text);
  });
  app.get(
    "/fragments/tasks/:engine/:task",
    (c) => c.html(detail(taskOf(c, parts), shown(parts).id).text),
  );
}

function taskOf(c: HttpContext, parts: HttpParts): TaskRow {
  const engine = c.req.param("engine") ?? "";
  const row = parts.reader.task(shown(parts).id, engine, c.req.param("task") ?? "");
  if (row === null) throw new HttpRefusal(404, "there is no such task");
  return row;
}

function addActions(app: Hono<HttpEnv>, parts: HttpParts): void {
  const { operator, reader, clock } = parts;
  for (const name of ["cancel", "retry"] as const) {
    app.post(`/tasks/:engine/:task/${name}`, (c) => {
      const { engine, taskId, agentId } = taskOf(c, parts);
      const draft = COMMAND_DRAFTS[`${name}-task`];
      if (draft === undefined || agentId === null) {
        throw new HttpRefusal(409, "no agent has this task");
      }
      const projectId = shown(parts).id;
      const body = { agent_id: agentId, engine, task_id: taskId };
      const facts = {
        nowMs: clock.now(),
        task: (engine: string, taskId: string) => reader.task(projectId, engine, taskId),
      };
      accepted(operator.issueCommand(parseCommand(projectId, draft, body, facts)));
      return c.redirect("/#commands", 303);
    });
  }
  app.post("/schedules/:id/delete", (c) => {
    const { id: projectId } = shown(parts);
    const row = reader.schedule(projectId, c.req.param("id"));
    if (row === null) throw new HttpRefusal(404, "there is no such schedule");
    const { id: scheduleId, scheduler } = row;
    accepted(operator.writeSchedule(projectId, {
      ...{ operation: "delete", scheduler, scheduleId, definition: {} },
    }));
    return c.redirect("/#schedules", 303);
  });
  app.post("/schedules/:id/:operation", (c) => {
    const operation = OPERATIONS.find((known) => known === c.req.param("operation"));
    if (operation === undefined) throw new HttpRefusal(404, "there is no such operation");
    accepted(operator.controlSchedule(shown(parts).id, c.req.param("id"), operation));
    return c.redirect("/#schedules", 303);
  });
  app.post("/agents/:id/revoke", (c) => {
    const isRevoked = operator.revokeAgent(shown(parts).id, c.req.param("id"));
    if (!isRevoked) throw new HttpRefusal(404, "there is no such agent");
    return c.redirect("/#agents", 303);
  });
  app.post("/agents", async (c) => {
    const name = (new URLSearchParams(await readBody(c, parts.clock)).get("name") ?? "").trim();
    const minted = await mintAgent(parts, shown(parts).id, name);
    const body = mintedBody(minted, `http://${c.req.header("host")}`, parts.project);
    return c.html(layout({ title: name, project: parts.project, body }).text, 201);
  });
}
