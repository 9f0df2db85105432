import { isJsonObject, type JsonObject, type JsonValue } from "../../base/json.ts";
import { parseTime, visible, when } from "./format.ts";
import { html, type Markup } from "./html.ts";
import { empty, table } from "./layout.ts";
import { deadLettersPath } from "./queue_page.ts";
import { taskPath } from "./tasks.ts";

/** What the page of dead letters shows. */
export interface DeadLettersView {
  readonly engine: string;
  readonly queue: string | null;
  /** The answer of the agent (protocol section 18.4). */
  readonly answer: JsonObject;
  readonly canRequeue: boolean;
  readonly nowMs: number;
}

/** Jobs that failed for good, newest first, and the way to run them again. */
export function deadLettersPage(view: DeadLettersView): Markup {
  const { engine, queue, answer } = view;
  const entries = Array.isArray(answer["entries"]) ? answer["entries"].filter(isJsonObject) : [];
  const total = answer["total"];
  const cursor = answer["next_cursor"];
  const path = deadLettersPath(engine, queue);
  const next = `${path}${queue === null ? "?" : "&"}cursor=${encodeURIComponent(String(cursor))}`;
  return html`
    <section class="card">
      <div class="head"><div class="grow"><h1>Dead letters</h1><span class="soft mono">${visible(
        queue === null ? engine : `${engine} · ${queue}`,
      )}</span></div>${typeof total === "number" &&
        html`<span class="soft">${total} in all</span>`}</div>
      ${entries.length === 0
        ? empty("No dead letter", "No job has failed for good.")
        : table("Dead letters", HEAD, entries.map((entry) => letter(entry, view)))}
      ${typeof cursor === "string" &&
        html`<div class="more"><span></span><a href="${next}">Older</a></div>`}
    </section>
  `;
}

const HEAD: Markup = html`
  <th scope="col">Task</th>
  <th scope="col" class="opt">Queue</th>
  <th scope="col">Error</th>
  <th scope="col" class="num opt">Attempts</th>
  <th scope="col" class="num">Failed</th>
  <th scope="col"><span class="skip">Actions</span></th>
`;

function letter(entry: JsonObject, { engine, queue, canRequeue, nowMs }: DeadLettersView): Markup {
  const taskId = text(entry["task_id"]);
  const action = `/dead-letters/${encodeURIComponent(engine)}/requeue`;
  return html`
    <tr>
      <td
        class="name"><a href="${taskPath(engine, taskId)}">${visible(
          text(entry["task_name"]) || taskId,
        )}</a><span class="sub mono">${visible(taskId)}</span></td>
      <td class="opt">${visible(text(entry["queue"]))}</td>
      <td>${visible(text(entry["error_excerpt"]).slice(0, 160))}</td>
      <td class="num opt">${typeof entry["attempts"] === "number" ? entry["attempts"] : "–"}</td>
      <td class="num">${when(parseTime(entry["failed_at"]), nowMs)}</td>
      <td class="num">${canRequeue && html`
        <form method="post"
          action="${action}"><input type="hidden" name="task_id" value="${taskId}"><input type="hidden" name="queue" value="${queue ??
            ""}"><button type="submit">Requeue</button></form>
      `}</td>
    </tr>
  `;
}

function text(value: JsonValue | undefined): string {
  return typeof value === "string" ? value : "";
}
