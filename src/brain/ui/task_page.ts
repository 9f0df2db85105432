import { isJsonObject, type JsonValue } from "../../base/json.ts";
import type { EventRow, TaskRow } from "../store.ts";
import { badge, duration, pretty, visible, when } from "./format.ts";
import { html, type Markup } from "./html.ts";
import { filterQuery, taskPath } from "./tasks.ts";

/** Everything about one task; the part that is fetched again on changes. */
export function taskDetail(row: TaskRow, events: readonly EventRow[], nowMs: number): Markup {
  return html`
    <section
      class="card"><div class="head"><div class="grow"><h1>${visible(
        row.name,
      )}</h1><span class="soft mono">${visible(row.engine)} · ${visible(
        row.taskId,
      )}</span></div>${badge(row.state)}${actions(row)}</div>${facts(row, nowMs)}</section>
    ${row.exception !== null && block("Error", row.exception, true)}
    ${row.traceback !== null && block("Stack", row.traceback, true)}
    <div class="pair">
      <div class="stack">${valueBlock("Arguments", row.args)}</div>
      <div>${valueBlock("Keyword arguments", row.kwargs)}</div>
    </div>
    ${valueBlock("Result", row.result)}
    ${contextOf(events)}
    ${timeline(events, nowMs)}
  `;
}

function actions(row: TaskRow): Markup | string {
  if (row.agentId === null) return "";
  const path = taskPath(row.engine, row.taskId);
  const isOver = ["success", "failure", "revoked", "rejected"].includes(row.state);
  const cancel = html`
    <form method="post" action="${path}/cancel"
      data-confirm="Cancel this task?"><button class="danger" type="submit">Cancel</button></form>
  `;
  const retry = html`
    <form method="post" action="${path}/retry"
      data-confirm="Run this task again?"><button class="main" type="submit">Retry</button></form>
  `;
  return isOver ? retry : cancel;
}

function facts(row: TaskRow, nowMs: number): Markup {
  const entries: readonly (readonly [string, Markup | string | number])[] = [
    ["Queue", visible(row.queue ?? "–")],
    ["Worker", visible(row.workerName ?? "–")],
    ["Priority", visible(row.priority)],
    ["Retries", row.retryCount],
    ["Runtime", row.runtimeMs === null ? "–" : duration(row.runtimeMs)],
    ["Received", when(row.receivedAtMs, nowMs)],
    ["Started", when(row.startedAtMs, nowMs)],
    ["Finished", when(row.finishedAtMs, nowMs)],
    ["Parent", related(row.engine, row.parentTaskId)],
    ["Root", related(row.engine, row.rootTaskId)],
  ];
  return html`<dl class="facts">${
    entries.map(([name, value]) =>
      html`
        <div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>
      `
    )
  }</dl>`;
}

const CONTEXT: readonly (readonly [key: string, title: string])[] = [
  ["request_id", "Request"],
  ["method", "Method"],
  ["route", "Route"],
  ["user", "User"],
  ["tenant", "Tenant"],
  ["trace_id", "Trace"],
  ["span_id", "Span"],
  ["parent_span_id", "Parent span"],
];
const MAX_CONTEXT_FACTS = 32;
// They lead to the list of everything that the request asked for.
const LINKED: ReadonlySet<string> = new Set(["Request", "Trace"]);

/** The request or other work that asked for the task, as its events carry it. */
function contextOf(events: readonly EventRow[]): Markup | string {
  const context = events.map(({ data }) => data["context"]).find(isJsonObject);
  if (context === undefined) return "";
  const known = CONTEXT.filter(([key]) => key in context);
  const more = Object.keys(context)
    .filter((key) => !CONTEXT.some(([one]) => one === key))
    .map((key) => [key, key] as const);
  const entries = [...known, ...more].slice(0, MAX_CONTEXT_FACTS).map(([key, title]) => {
    const value = context[key] ?? null;
    return [title, typeof value === "string" ? value : pretty(value)] as const;
  });
  return html`
    <section class="card">
      <div class="head">
        <h2>Asked for by</h2>
      </div>
      <dl class="facts">${entries.map(([title, value]) =>
        html`
          <div>
            <dt>${visible(title)}</dt>
            <dd class="mono">${fact(title, value)}</dd>
          </div>
        `
      )}</dl>
    </section>
  `;
}

function fact(title: string, value: string): Markup | string {
  if (!LINKED.has(title)) return visible(value);
  const query = filterQuery({ limit: 0, request: value });
  return html`<a href="/${query}#tasks">${visible(value)}</a>`;
}

function related(engine: string, taskId: string | null): Markup | string {
  if (taskId === null) return "–";
  return html`<a class="mono" href="${taskPath(engine, taskId)}">${visible(taskId)}</a>`;
}

function valueBlock(title: string, value: JsonValue): Markup | string {
  return value === null ? block(title, "none", false) : block(title, pretty(value), false);
}

function block(title: string, text: string, isBad: boolean): Markup {
  return html`
    <section class="card">
      <div class="head">
        <h2>${title}</h2>
      </div>
      <pre class="${isBad ? "bad" : ""}">${visible(text)}</pre>
    </section>
  `;
}

function timeline(events: readonly EventRow[], nowMs: number): Markup {
  const entries = events.map((event) =>
    html`<li><b>${visible(event.kind)}</b> <span class="soft">${
      when(event.occurredAtMs, nowMs)
    }</span><span class="soft mono"> ${new Date(event.occurredAtMs).toISOString()}</span></li>`
  );
  return html`
    <section
      class="card"><div class="head"><h2>Events</h2><span class="soft">newest first</span></div>${entries
          .length === 0
        ? html`<p class="empty">No event is stored for this task.</p>`
        : html`<ol class="timeline">${entries}</ol>`}</section>
  `;
}
