import type { WorkerRow } from "../store.ts";
import { badge, visible, when } from "./format.ts";
import { html, type Markup } from "./html.ts";
import { subjectCard } from "./subject_card.ts";

/** Path of the page of a worker. */
export function workerPath(id: string): string {
  return `/workers/${encodeURIComponent(id)}`;
}

/**
 * A worker and what can be done to it.
 *
 * @param can What its agent can do.
 */
export function workerPage(row: WorkerRow, can: (token: string) => boolean, nowMs: number): Markup {
  const path = workerPath(row.id);
  const queues = row.queues.join(", ");
  return html`
    ${subjectCard({
      name: row.name,
      engine: row.engine,
      aside: badge(row.state),
      facts: [
        ["Active", row.activeTasks],
        ["Concurrency", row.concurrency ?? "–"],
        ["Queues", visible(queues === "" ? "–" : queues)],
        ["Process", row.pid ?? "–"],
        ["Heartbeat", when(row.lastHeartbeatAtMs, nowMs)],
      ],
    })}
    ${can("pool_grow") && pool(path)}
    ${can("add_consumer") && consumers(path, row)}
    ${can("restart_worker") && restart(path)}
  `;
}

function pool(path: string): Markup {
  return html`
    <section class="card">
      <div class="head">
        <h2 class="grow">Pool</h2>
        <form method="post"
          action="${path}/shrink"><button type="submit">One job fewer</button></form>
        <form method="post" action="${path}/grow"><button type="submit">One job more</button></form>
      </div>
    </section>
  `;
}

function consumers(path: string, row: WorkerRow): Markup {
  const queue = row.queues[0] ?? "";
  return html`
    <section class="card">
      <div class="head">
        <h2>Consumers</h2>
      </div>
      <form class="mint" method="post"
        action="${path}/consumer"><input name="queue" required maxlength="200" value="${queue}" aria-label="Queue"><button name="change" value="add" type="submit">Take jobs</button><button name="change" value="cancel" type="submit">Take none</button></form>
    </section>
  `;
}

function restart(path: string): Markup {
  return html`
    <section class="card">
      <div class="head">
        <h2 class="grow">Process</h2>
        <form method="post" action="${path}/restart"
          data-confirm="Restart the process of this worker? Its jobs end first."><button class="danger" type="submit">Restart</button></form>
      </div>
      <p
        class="empty">The workers of the process finish their jobs, then it ends; its supervisor starts it anew.</p>
    </section>
  `;
}
