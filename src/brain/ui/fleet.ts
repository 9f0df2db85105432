import type { AgentRow, AgentWorkerRow, BrainStats, QueueRow, WorkerRow } from "../store.ts";
import { badge, visible, when } from "./format.ts";
import { html, type Markup } from "./html.ts";
import { empty, table } from "./layout.ts";
import { queuePath } from "./queue_page.ts";
import { workerPath } from "./worker_page.ts";

/** The numbers at the head of the page. */
export function tiles(stats: BrainStats): Markup {
  const state = (name: string): number => stats.tasksByState[name] ?? 0;
  const waiting = stats.queueDepths.reduce((sum, queue) => sum + queue.pendingCount, 0);
  const entries: readonly (readonly [string, number, boolean])[] = [
    ["Agents online", stats.agentsOnline, false],
    ["Workers online", stats.workersOnline, false],
    ["Waiting in queues", waiting, false],
    ["Running", state("started"), false],
    ["Succeeded", state("success"), false],
    ["Failed", state("failure"), state("failure") > 0],
    ["Schedule runs", stats.scheduleRuns, false],
  ];
  return html`<dl class="tiles">${
    entries.map(([name, value, isAlarm]) =>
      html`
        <div class="${isAlarm ? "alarm" : ""}">
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>
      `
    )
  }</dl>`;
}

/** The workers of all engines. */
export function workerList(rows: readonly WorkerRow[], nowMs: number): Markup {
  if (rows.length === 0) {
    return empty("No worker yet", "A worker shows up with its first job or heartbeat.");
  }
  const head = html`
    <th scope="col">Worker</th>
    <th scope="col">State</th>
    <th scope="col" class="num">Active</th>
    <th scope="col" class="num">Heartbeat</th>
  `;
  return table(
    "Workers",
    head,
    rows.map((row) =>
      html`
        <tr>
          <td
            class="name"><a href="${workerPath(row.id)}">${visible(
              row.name,
            )}</a><span class="sub">${visible(
              row.engine,
            )}${row.queues.length > 0 &&
              ` · ${visible(row.queues.join(", "))}`}${row.pid !== null &&
              ` · pid ${row.pid}`}</span></td>
          <td>${badge(row.state)}</td>
          <td class="num">${row.activeTasks}${row.concurrency !== null &&
            html`<span class="faint"> / ${row.concurrency}</span>`}</td>
          <td class="num">${when(row.lastHeartbeatAtMs, nowMs)}</td>
        </tr>
      `
    ),
  );
}

/** The queues with how many jobs wait. */
export function queueList(rows: readonly QueueRow[], nowMs: number): Markup {
  if (rows.length === 0) {
    return empty("No queue yet", "Queues of watched engines show up with their depth.");
  }
  const head = html`
    <th scope="col">Queue</th>
    <th scope="col" class="num">Waiting</th>
    <th scope="col" class="num">Measured</th>
    <th scope="col"><span class="skip">Actions</span></th>
  `;
  return table(
    "Queues",
    head,
    rows.map((row) =>
      html`
        <tr>
          <td
            class="name"><a href="/?queue=${encodeURIComponent(row.name)}#tasks">${visible(
              row.name,
            )}</a><span class="sub">${visible(row.engine)}</span></td>
          <td class="num">${row.pendingCount ?? "–"}</td>
          <td class="num">${when(row.depthAtMs, nowMs)}</td>
          <td class="num"><a class="button" href="${queuePath(row.engine, row.name)}">Steer</a></td>
        </tr>
      `
    ),
  );
}

/** The agents that may connect. */
export function agentList(rows: readonly AgentRow[], nowMs: number): Markup {
  const alive = rows.filter((row) => row.revokedAtMs === null);
  if (alive.length === 0) {
    return empty(
      "No agent yet",
      "Name one below. You get its settings once; put them into the environment of the process that runs your jobs.",
    );
  }
  const head = html`
    <th scope="col">Agent</th>
    <th scope="col">State</th>
    <th scope="col" class="opt">Watches</th>
    <th scope="col" class="opt">Version</th>
    <th scope="col" class="num">Seen</th>
    <th scope="col"><span class="skip">Actions</span></th>
  `;
  return table("Agents", head, alive.map((row) => agentRow(row, nowMs)));
}

function agentRow(row: AgentRow, nowMs: number): Markup {
  const watches = [...row.engines, ...row.schedulers].join(", ");
  const origin = [row.framework, row.hostName].filter((part) => part !== null && part !== "");
  return html`
    <tr>
      <td class="name">${visible(row.name)}<span class="sub">${visible(
        origin.join(" · "),
      )}</span></td>
      <td>${badge(row.state)}</td>
      <td class="opt">${visible(watches === "" ? "–" : watches)}</td>
      <td class="opt tight">${visible(row.agentVersion ?? "–")}</td>
      <td class="num">${when(row.lastSeenAtMs, nowMs)}</td>
      <td class="num">
        <form method="post" action="/agents/${encodeURIComponent(row.id)}/revoke"
          data-confirm="Revoke ${visible(
            row.name,
          )}? Its processes are disconnected."><button class="danger" type="submit">Revoke</button></form>
      </td>
    </tr>
  `;
}

/** What the engines of running processes find risky, each once. */
export function findingList(processes: readonly AgentWorkerRow[]): Markup {
  const running = processes.filter(({ state }) => state === "online");
  const found = new Map(
    running.flatMap(({ findings }) => findings).map((finding) => [
      `${finding.engine} ${finding.code} ${finding.subject}`,
      finding,
    ]),
  );
  if (found.size === 0) {
    return empty("Nothing found", "Engines look at their set-up when an agent starts.");
  }
  const head = html`
    <th scope="col">Finding</th>
    <th scope="col">Severity</th>
    <th scope="col">What to do</th>
  `;
  return table(
    "Findings",
    head,
    [...found.values()].map((finding) =>
      html`
        <tr>
          <td
            class="name">${visible(finding.message)}<span class="sub mono">${visible(
              finding.code,
            )} · ${visible(finding.engine)} · ${visible(finding.subject)}</span></td>
          <td>${badge(finding.severity)}</td>
          <td>${visible(finding.remedy)}</td>
        </tr>
      `
    ),
  );
}
