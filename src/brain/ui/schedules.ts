import type { CommandRow, ScheduleRow } from "../store.ts";
import { badge, parseTime, visible, when } from "./format.ts";
import { html, type Markup } from "./html.ts";
import { empty, table } from "./layout.ts";

/** The schedules with their buttons. */
export function scheduleList(
  rows: readonly ScheduleRow[],
  tokens: Readonly<Record<string, readonly string[]>>,
  nowMs: number,
): Markup {
  if (rows.length === 0) {
    return empty(
      "No schedule yet",
      "Give your scheduler to the agent, for example its croner jobs; the list is published when it connects.",
    );
  }
  const head = html`
    <th scope="col">Schedule</th>
    <th scope="col">When</th>
    <th scope="col">State</th>
    <th scope="col" class="num">Next run</th>
    <th scope="col" class="num opt">Last run</th>
    <th scope="col" class="num opt">Runs</th>
    <th scope="col"><span class="skip">Actions</span></th>
  `;
  return table(
    "Schedules",
    head,
    rows.map((row) => scheduleRow(row, tokens[row.scheduler] ?? [], nowMs)),
  );
}

function scheduleRow(
  { id, scheduler, row }: ScheduleRow,
  tokens: readonly string[],
  nowMs: number,
): Markup {
  const text = (name: string): string => visible(String(row[name] ?? ""));
  const isEnabled = row["is_enabled"] === true;
  const next = isEnabled ? parseTime(row["next_run_at"]) : null;
  return html`
    <tr>
      <td class="name">${text("name")}<span class="sub">${visible(scheduler)} · ${text(
        "task_name",
      )}</span></td>
      <td><code>${text("expression")}</code><span class="sub">${text("kind")} · ${text(
        "timezone",
      )}</span></td>
      <td><span class="badge" data-state="${isEnabled ? "on" : "off"}">${isEnabled
        ? "enabled"
        : "disabled"}</span></td>
      <td class="num">${when(next, nowMs)}</td>
      <td class="num opt">${when(parseTime(row["last_run_at"]), nowMs)}</td>
      <td class="num opt">${text("total_runs")}</td>
      <td>
        <div class="row end keep">${button(id, "trigger", "Run now")}${isEnabled
          ? button(id, "disable", "Disable")
          : button(id, "enable", "Enable")}${tokens.includes("delete") &&
          deletion(id, text("name"))}</div>
      </td>
    </tr>
  `;
}

function deletion(id: string, name: string): Markup {
  const path = `/schedules/${encodeURIComponent(id)}/delete`;
  return html`
    <form method="post" action="${path}"
      data-confirm="Delete ${name}? Its scheduler forgets it."><button class="danger" type="submit">Delete</button></form>
  `;
}

function button(id: string, operation: string, label: string): Markup {
  const path = `/schedules/${encodeURIComponent(id)}/${operation}`;
  return html`<form method="post" action="${path}"><button type="submit">${label}</button></form>`;
}

/** The newest commands and how they went. */
export function commandList(rows: readonly CommandRow[], nowMs: number): Markup {
  if (rows.length === 0) {
    return empty(
      "No command yet",
      "Run a schedule, or retry or cancel a task, and follow it here.",
    );
  }
  const head = html`
    <th scope="col">Command</th>
    <th scope="col">Status</th>
    <th scope="col" class="opt">Outcome</th>
    <th scope="col" class="num">Issued</th>
  `;
  return table(
    "Commands",
    head,
    rows.map((row) =>
      html`
        <tr>
          <td class="name">${visible(row.action)}<span class="sub mono">${visible(
            String(row.target["id"] ?? ""),
          )}</span></td>
          <td>${badge(row.status)}</td>
          <td class="opt">${visible(
            (row.error ?? (row.result === null ? "–" : JSON.stringify(row.result))).slice(0, 160),
          )}</td>
          <td class="num">${when(row.createdAtMs, nowMs)}</td>
        </tr>
      `
    ),
  );
}
