import type { BrainReader, TaskFilter } from "../store.ts";
import { schedulerTokens } from "../api_schedules.ts";
import { agentList, findingList, queueList, tiles, workerList } from "./fleet.ts";
import { html, type Markup } from "./html.ts";
import { liveSection } from "./layout.ts";
import { commandList, scheduleList } from "./schedules.ts";
import { filterQuery, taskFilters, taskList } from "./tasks.ts";

const RECENT_COMMANDS = 20;

/** What the sections are drawn from. */
export interface View {
  readonly reader: BrainReader;
  readonly projectId: string;
  readonly filter: TaskFilter;
  readonly nowMs: number;
}

interface Section {
  /** Topics of the change feed that concern it. */
  readonly topics: string;
  render(view: View): Markup;
}

/** The live parts of the overview, by the name in their URL. */
export const SECTIONS: ReadonlyMap<string, Section> = new Map(Object.entries<Section>({
  numbers: {
    topics: "tasks workers queues agents schedules",
    render: ({ reader, projectId }) => tiles(reader.stats(projectId)),
  },
  tasks: {
    topics: "tasks",
    render: ({ reader, projectId, filter, nowMs }) =>
      taskList(reader.tasks(projectId, filter), reader.stats(projectId), filter, nowMs),
  },
  schedules: {
    topics: "schedules",
    render: ({ reader, projectId, nowMs }) =>
      scheduleList(
        reader.schedules(projectId),
        schedulerTokens(reader.agents(projectId)),
        nowMs,
      ),
  },
  workers: {
    topics: "workers",
    render: ({ reader, projectId, nowMs }) => workerList(reader.workers(projectId), nowMs),
  },
  queues: {
    topics: "queues",
    render: ({ reader, projectId, nowMs }) => queueList(reader.queues(projectId), nowMs),
  },
  agents: {
    topics: "agents",
    render: ({ reader, projectId, nowMs }) => agentList(reader.agents(projectId), nowMs),
  },
  findings: {
    topics: "agents",
    render: ({ reader, projectId }) => findingList(reader.agentWorkers(projectId)),
  },
  commands: {
    topics: "commands",
    render: ({ reader, projectId, nowMs }) =>
      commandList(reader.commands(projectId, null, RECENT_COMMANDS), nowMs),
  },
}));

/** The one page: numbers, then every section. */
export function overview(view: View): Markup {
  return html`${live("numbers", view)}
${card("Tasks", view, taskFilters(view.filter))}
${card("Schedules", view)}
<div class="pair">${card("Workers", view)}${card("Queues", view)}</div>
${card("Agents", view, null, MINT)}
${card("Findings", view)}
${card("Commands", view)}`;
}

const MINT: Markup = html`
  <form class="mint" method="post"
    action="/agents"><input name="name" required maxlength="200" placeholder="Name of a new agent, such as web or worker-1" aria-label="Name of the new agent" autocomplete="off"><button class="main" type="submit">Create agent</button></form>
`;

function card(title: string, view: View, top?: Markup | null, bottom?: Markup): Markup {
  const id = title.toLowerCase();
  return html`
    <section class="card" id="${id}"
      aria-labelledby="${id}-title"><div class="head"><h2 id="${id}-title">${title}</h2></div>${top}${live(
        id,
        view,
      )}${bottom}</section>
  `;
}

function live(name: string, view: View): Markup {
  const section = SECTIONS.get(name);
  if (section === undefined) return html``;
  const url = `/fragments/${name}${name === "tasks" ? filterQuery(view.filter) : ""}`;
  return liveSection(url, section.topics, section.render(view));
}
