import { match, ok, strictEqual as equal } from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { html } from "../../src/brain/ui/html.ts";
import { visible } from "../../src/brain/ui/format.ts";
import { agentRow, eventRow, scheduleRow, taskRow, workerRow } from "../_support/fake_core.ts";
import { type ServedBrain, serveFakeBrain } from "../_support/http_brain.ts";

const EVIL: readonly string[] = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  '"><svg onload=alert(1)>',
  "' autofocus onfocus='alert(1)",
  "</pre></textarea><iframe srcdoc=x>",
  "javascript:alert(1)",
  "&lt;script&gt;",
  "<!--<script>",
  "<a href=javascript:alert(1)>",
];

/** Every tag of the markup that the page's own templates never write. */
function foreignTags(markup: string): string[] {
  const tags = [...markup.matchAll(/<\/?([a-z!][a-z0-9-]*)/gi)].map((m) =>
    (m[1] ?? "").toLowerCase()
  );
  return tags.filter((tag) => ["img", "svg", "iframe", "object", "textarea", "!--"].includes(tag));
}

function checkInert(markup: string): void {
  equal(foreignTags(markup).join(), "");
  equal((markup.match(/<script/gi) ?? []).length <= 1, true, "more than the one script file");
  equal(/<[^>]*\son[a-z]+\s*=/i.test(markup.replaceAll(/"[^"]*"/g, '""')), false, "a handler");
  equal(/(?:href|action|src)="javascript:/i.test(markup), false);
  equal(/<style|style="/i.test(markup), false, "inline style");
}

describe("the page", () => {
  let served: ServedBrain;
  before(async () => {
    served = await serveFakeBrain();
  });
  after(() => served.brain.close());
  const page = async (path: string): Promise<string> => {
    const response = await served.call(path, { headers: { accept: "text/html" } });
    return await response.text();
  };

  it("says what to do next while everything is empty", async () => {
    const text = await page("/");
    match(text, /No task seen yet/);
    match(text, /No agent yet/);
    match(text, /Create agent/);
    match(await page("/?state=failure"), /No task matches/);
  });

  it("shows the request that asked for a task, and nothing where none did", async () => {
    const { state } = served;
    const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    const context = { trace_id: trace, request_id: '"&r=1', route: "/orders/:id", plan: 7 };
    state.tasks.push(taskRow({ taskId: "mail:ctx" }));
    equal((await page("/tasks/bullmq/mail:ctx")).includes("Asked for by"), false);
    state.events.push(
      eventRow({ taskId: "mail:ctx", data: { context: "odd" } }),
      eventRow({ taskId: "mail:ctx", data: { context } }),
    );
    const text = await page("/tasks/bullmq/mail:ctx");
    match(text, /Asked for by/);
    match(text, /<dt>Route<\/dt>\s*<dd class="mono">\/orders\/:id<\/dd>/);
    ok(text.includes(`<a href="/?request=${trace}#tasks">${trace}</a>`), text);
    ok(text.includes('<a href="/?request=%22%26r%3D1#tasks">&quot;&amp;r=1</a>'), text);
    match(text, /<dt>plan<\/dt>\s*<dd class="mono">7<\/dd>/);
    state.tasks.length = state.events.length = 0;
  });

  it("renders hostile text of every field as text", async () => {
    const { state } = served;
    for (const [i, evil] of EVIL.entries()) {
      const taskId = `${i}:${evil}`;
      state.tasks.push(taskRow({
        taskId,
        name: evil,
        engine: evil,
        queue: evil,
        workerName: evil,
        priority: evil,
        args: [evil],
        kwargs: { [evil]: evil },
        result: evil,
        exception: evil,
        traceback: evil,
        parentTaskId: evil,
        rootTaskId: evil,
      }));
      const context = { route: evil, user: { [evil]: evil }, [evil]: evil };
      state.events.push(eventRow({ kind: evil, engine: evil, taskId, data: { context } }));
      state.workers.push(workerRow({ name: evil, engine: evil, queues: [evil] }));
      state.queues.push({
        engine: evil,
        name: evil,
        pendingCount: 1,
        depthAtMs: 1,
        lastSeenAtMs: 1,
      });
      state.agents.push(
        agentRow({ id: evil, name: evil, framework: evil, engines: [evil], agentVersion: evil }),
      );
      const row = {
        ...scheduleRow().row,
        name: evil,
        task_name: evil,
        expression: evil,
        kind: evil,
        timezone: evil,
        total_runs: evil,
        next_run_at: evil,
      };
      state.schedules.push(scheduleRow({ id: evil, scheduler: evil, row }));
      const command = { agent_id: evil, engine: "e", task_id: evil };
      await served.post("/api/v1/projects/default/commands/cancel-task", command);
    }
    const overview = await page(`/?search=${encodeURIComponent(EVIL[2] ?? "")}`);
    checkInert(overview);
    match(overview, /&lt;script&gt;alert\(1\)&lt;\/script&gt;/);
    for (const [i, evil] of EVIL.entries()) {
      const text = await page(
        `/tasks/${encodeURIComponent(evil)}/${encodeURIComponent(`${i}:${evil}`)}`,
      );
      match(text, /Keyword arguments/);
      checkInert(text);
    }
    checkInert(await page(`/nothing/${encodeURIComponent(EVIL[0] ?? "")}`));
    state.refusal = { kind: "refused", message: EVIL[1] ?? "" };
    const refused = await served.call("/schedules/x/trigger", {
      method: "POST",
      headers: { accept: "text/html" },
    });
    equal(refused.status, 422);
    checkInert(await refused.text());
    state.refusal = null;
  });

  it("shows the settings of a new agent once", async () => {
    const init = {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: "name=fresh+one",
    };
    const response = await served.call("/agents", init);
    equal(response.status, 201);
    const text = await response.text();
    match(text, new RegExp(`Z4J_BRAIN_URL=${served.brain.baseUrl}`));
    match(text, /Z4J_TOKEN=token-once/);
    match(text, /Z4J_HMAC_SECRET=secret-once/);
    match(text, /Z4J_AGENT_NAME=&quot;fresh one&quot;/);
    equal((await page("/")).includes("token-once"), false);
    equal((await served.call("/agents", init)).status, 409);
  });

  it("issues commands from its forms and leads back", async () => {
    served.state.tasks.unshift(taskRow({ taskId: "form:1", state: "started" }));
    for (const path of ["/tasks/bullmq/form%3A1/cancel", "/schedules/schedule/disable"]) {
      const count = served.state.commands.length;
      const response = await served.call(path, { method: "POST", redirect: "manual" });
      await response.body?.cancel();
      equal(response.status, 303);
      equal(served.state.commands.length, count + 1);
    }
  });

  it("serves every fragment, its style and a script that parses", async () => {
    for (
      const name of ["numbers", "tasks", "schedules", "workers", "queues", "agents", "commands"]
    ) {
      const response = await served.call(`/fragments/${name}`);
      equal(response.status, 200);
      equal((await response.text()).includes("<html"), false);
    }
    equal((await served.call("/fragments/constructor")).status, 404);
    const script = await (await served.call("/assets/client.js")).text();
    equal(typeof new Function(script), "function");
    equal(script.split("\n").length <= 150, true);
    const style = await (await served.call("/assets/style.css")).text();
    match(style, /prefers-color-scheme:dark/);
  });
});

describe("html", () => {
  it("escapes values and leaves nested markup", () => {
    equal(
      html`<b title="${`"'&<>`}">${html`<i>${"<"}</i>`}${null}${0}</b>`.text,
      '<b title="&quot;&#39;&amp;&lt;&gt;"><i>&lt;</i>0</b>',
    );
  });
});

describe("visible()", () => {
  it("shows characters that would reorder or hide text", () => {
    equal(visible("a\u202eb\u0000c\nd"), "a\\u{202e}b\\u{0}c\nd");
  });
});
