import type { QueueRow } from "../store.ts";
import { visible, when } from "./format.ts";
import { html, type Markup } from "./html.ts";
import { subjectCard } from "./subject_card.ts";

/** Path of the page of a queue. */
export function queuePath(engine: string, name: string): string {
  return `/queues/${encodeURIComponent(engine)}/${encodeURIComponent(name)}`;
}

/** Path of the dead letters of an engine, or of one of its queues. */
export function deadLettersPath(engine: string, queue: string | null): string {
  const query = queue === null ? "" : `?queue=${encodeURIComponent(queue)}`;
  return `/dead-letters/${encodeURIComponent(engine)}${query}`;
}

/**
 * A queue and what can be done to it.
 *
 * @param can What an online agent of its engine can do.
 */
export function queuePage(row: QueueRow, can: (token: string) => boolean, nowMs: number): Markup {
  const path = queuePath(row.engine, row.name);
  return html`
    ${subjectCard({
      name: row.name,
      engine: row.engine,
      aside: can("list_dead_letters") &&
        html`<a class="button" href="${deadLettersPath(row.engine, row.name)}">Dead letters</a>`,
      facts: [
        ["Waiting", row.pendingCount ?? "–"],
        ["Measured", when(row.depthAtMs, nowMs)],
      ],
    })}
    ${can("pause_queue") && flow(path)}
    ${can("queue_concurrency") &&
      number(path, "concurrency", "Jobs at once, in all processes", "Empty for no limit")}
    ${can("rate_limit") && rate(path)}
    ${can("purge_queue") && purge(path, row)}
    ${!can("submit_task") &&
      html`<p class="empty"><b>Nothing can be done now</b>No online agent can steer this queue.</p>`}
  `;
}

function flow(path: string): Markup {
  return html`
    <section class="card">
      <div class="head">
        <h2 class="grow">Flow</h2>
        <form method="post" action="${path}/pause"
          data-confirm="Pause this queue for all workers?"><button type="submit">Pause</button></form>
        <form method="post"
          action="${path}/resume"><button class="main" type="submit">Resume</button></form>
      </div>
      <p class="empty">A paused queue gives out no jobs, in all processes. Jobs that run go on.</p>
    </section>
  `;
}

function number(path: string, name: string, title: string, hint: string): Markup {
  return html`
    <section class="card">
      <div class="head">
        <h2>${title}</h2>
      </div>
      <form class="mint" method="post"
        action="${path}/${name}"><input name="value" inputmode="numeric" pattern="[1-9][0-9]*" placeholder="${hint}" aria-label="${title}" autocomplete="off"><button type="submit">Set</button></form>
    </section>
  `;
}

function rate(path: string): Markup {
  return html`
    <section class="card">
      <div class="head">
        <h2>Rate limit</h2>
      </div>
      <form class="mint" method="post"
        action="${path}/rate"><input name="value" required pattern="0|[1-9][0-9]*(/[smh])?" placeholder="10/s, 100/m, or 0 for no limit" aria-label="Rate limit" autocomplete="off"><button type="submit">Set</button></form>
    </section>
  `;
}

// What was seen and the name are both sent: a stale page or a slip purges nothing.
function purge(path: string, row: QueueRow): Markup {
  return html`
    <section class="card">
      <div class="head">
        <h2>Purge</h2>
      </div>
      <p class="empty">Removes the ${row.pendingCount ??
        0} jobs that wait. Jobs that run and schedules stay.
        This cannot be undone. It is refused when the number has changed meanwhile.</p>
      <form class="mint" method="post"
        action="${path}/purge"><input type="hidden" name="depth" value="${row.pendingCount ??
          0}"><input name="confirm" required placeholder="Type ${visible(
            row.name,
          )} to confirm" aria-label="Name of the queue" autocomplete="off"><button class="danger" type="submit">Purge</button></form>
    </section>
  `;
}
