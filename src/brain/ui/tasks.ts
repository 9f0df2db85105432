import { totalOf } from "../../base/total.ts";
import type { BrainStats, Page, TaskFilter, TaskRow } from "../store.ts";
import { badge, duration, visible, when } from "./format.ts";
import { html, type Markup } from "./html.ts";
import { empty, table } from "./layout.ts";

const CHIPS: readonly string[] = [
  "pending",
  "received",
  "started",
  "retry",
  "success",
  "failure",
  "revoked",
];

/** The text filters of the task list, in the order of the form. */
const FIELDS = ["search", "name", "queue", "worker", "engine", "request"] as const;

/** Counts by state and the filter form; filters live in the URL. */
export function taskFilters(filter: TaskFilter): Markup {
  const fields = FIELDS.map((name) =>
    html`
      <input class="${name === "search" ? "grow" : "opt"}" type="${name === "search"
        ? "search"
        : "text"}" name="${name}" value="${filter[name] ?? ""}"
        placeholder="${name === "search"
          ? "Search name, id, arguments, result, error"
          : name === "request"
          ? "request or trace"
          : name}" aria-label="${name}" maxlength="200">
    `
  );
  return html`
    <form class="filters" method="get" action="/#tasks"
      role="search">${filter.state !== undefined &&
        html`<input type="hidden" name="state" value="${filter.state}">`}${fields}<button type="submit">Filter</button>${isNarrowed(
          filter,
        ) && html`<a class="button" href="/#tasks">Clear</a>`}</form>
  `;
}

/** The task table, its counts and the way to older rows. */
export function taskList(
  page: Page<TaskRow>,
  stats: BrainStats,
  filter: TaskFilter,
  nowMs: number,
): Markup {
  return html`${stateChips(stats, filter)}${
    filter.state === "failure" && page.items.length > 0 && bulkRetry(page, filter)
  }${
    page.items.length === 0
      ? noTasks(filter)
      : table("Tasks", HEAD, page.items.map((row) => taskRow(row, nowMs)))
  }${pager(page, filter)}`;
}

/** Path of the page of a task. */
export function taskPath(engine: string, taskId: string): string {
  return `/tasks/${encodeURIComponent(engine)}/${encodeURIComponent(taskId)}`;
}

/** The filter as a query text that starts with `?`, or nothing. */
export function filterQuery(
  filter: TaskFilter,
  changes: Readonly<Record<string, string>> = {},
): string {
  const parameters = new URLSearchParams();
  for (const name of ["state", ...FIELDS, "cursor"] as const) {
    const value = changes[name] ?? filter[name];
    if (value !== undefined && value !== "") parameters.set(name, value);
  }
  for (const [name, timeMs] of [["since", filter.sinceMs], ["until", filter.untilMs]] as const) {
    if (timeMs !== undefined) parameters.set(name, new Date(timeMs).toISOString());
  }
  const text = parameters.toString();
  return text === "" ? "" : `?${text}`;
}

const HEAD: Markup = html`
  <th scope="col">Task</th>
  <th scope="col">State</th>
  <th scope="col" class="opt">Queue</th>
  <th scope="col" class="opt">Worker</th>
  <th scope="col" class="num opt">Retries</th>
  <th scope="col" class="num">Runtime</th>
  <th scope="col" class="num">Updated</th>
`;

function taskRow(row: TaskRow, nowMs: number): Markup {
  return html`
    <tr>
      <td
        class="name"><a href="${taskPath(row.engine, row.taskId)}">${visible(
          row.name,
        )}</a><span class="sub mono">${visible(row.engine)} · ${visible(row.taskId)}</span></td>
      <td>${badge(row.state)}</td>
      <td class="opt">${visible(row.queue ?? "–")}</td>
      <td class="opt">${visible(row.workerName ?? "–")}</td>
      <td class="num opt">${row.retryCount}</td>
      <td class="num">${row.runtimeMs === null ? "–" : duration(row.runtimeMs)}</td>
      <td class="num">${when(row.updatedAtMs, nowMs)}</td>
    </tr>
  `;
}

function stateChips(stats: BrainStats, filter: TaskFilter): Markup {
  const total = totalOf(stats.tasksByState);
  const chip = (state: string, count: number): Markup =>
    html`
      <a href="/${filterQuery(filter, {
        state,
        cursor: "",
      })}#tasks" ${(filter.state ?? "") === state && html`
        aria-current="true"
      `}>${state === "" ? "all" : state} <b>${count}</b></a>
    `;
  const chips = CHIPS.map((state) => chip(state, stats.tasksByState[state] ?? 0));
  return html`<div class="states" aria-label="Filter by state">${chip("", total)}${chips}</div>`;
}

function pager(page: Page<TaskRow>, filter: TaskFilter): Markup | string {
  if (page.items.length === 0) return "";
  return html`
    <div
      class="more"><span>${page.items.length} of ${page
        .totalCount}</span><span class="row">${filter.cursor !== undefined &&
        html`<a href="/${
          filterQuery(filter, { cursor: "" })
        }#tasks">Newest</a>`}${page.nextCursor !== null &&
        html`<a href="/${
          filterQuery(filter, { cursor: page.nextCursor })
        }#tasks">Older</a>`}</span></div>
  `;
}

// Only what this page shows: nobody retries by one click what he has not seen.
function bulkRetry(page: Page<TaskRow>, filter: TaskFilter): Markup {
  const count = page.items.length;
  return html`
    <form class="filters" method="post" action="/bulk-retry${filterQuery(filter)}"
      data-confirm="Run these ${count} tasks again?"><button type="submit">Retry these ${count}</button></form>
  `;
}

function noTasks(filter: TaskFilter): Markup {
  if (isNarrowed(filter)) {
    return empty(
      "No task matches",
      html`Loosen the filters, or <a href="/#tasks">show all tasks</a>.`,
    );
  }
  return empty(
    "No task seen yet",
    html`Connect an agent: create one under <a href="#agents">Agents</a>, put its settings into the
environment of your web or worker process, and start it. Tasks appear here as they run.`,
  );
}

function isNarrowed(filter: TaskFilter): boolean {
  return filterQuery(filter) !== "";
}
