import { keepAliveUntil, sleep, systemClock } from "../base/clock.ts";
import type { JsonObject } from "../base/json.ts";
import { API_FLAGS, API_HELP, type BrainApi, openBrainApi, rowsOf, textOf } from "./brain_api.ts";
import type { Command } from "./command.ts";
import { type CliIo, EXIT } from "./io.ts";

const POLL_MS = 1000;
const MAX_TASKS = 100;
// Ids of events that were shown; older ones cannot come again.
const MAX_SEEN = 20_000;

/** `z4j events`: the latest events at the brain. */
export const eventsCommand: Command = {
  name: "events",
  summary: "latest events of the project as the brain has them; --tail follows",
  help: [
    "--tail            go on until Ctrl+C",
    "--limit N         tasks to look at first, 1 to 100 (default 20)",
    "--json            one JSON object a line",
    ...API_HELP,
  ],
  examples: ["z4j events --tail", "z4j events --limit 5 --json"],
  flags: { ...API_FLAGS, tail: { type: "boolean" }, limit: { type: "string" } },
  maxRest: 0,
  async run(flags, io) {
    const limit = flags.number("limit", 20, 1, MAX_TASKS);
    const follower = new Follower(openBrainApi(flags), flags.has("json"), io);
    await follower.look(limit);
    if (!flags.has("tail")) return EXIT.ok;
    const over = new AbortController();
    void io.stopped.then(() => over.abort());
    while (!over.signal.aborted) {
      await keepAliveUntil(sleep(systemClock, POLL_MS, over.signal));
      if (!over.signal.aborted) await follower.look(MAX_TASKS);
    }
    return EXIT.ok;
  },
};

/** Shows each event once. */
class Follower {
  readonly #api: BrainApi;
  readonly #isJson: boolean;
  readonly #io: CliIo;
  readonly #versions = new Map<string, string>();
  readonly #seen = new Set<string>();

  constructor(api: BrainApi, isJson: boolean, io: CliIo) {
    this.#api = api;
    this.#isJson = isJson;
    this.#io = io;
  }

  /** Looks at the tasks that changed last. */
  async look(limit: number): Promise<void> {
    const tasks = rowsOf(await this.#api.get(`tasks?limit=${limit}`));
    const fresh: JsonObject[] = [];
    for (const task of tasks.filter((one) => this.#hasChanged(one))) {
      const query = new URLSearchParams({
        engine: textOf(task, "engine"),
        task_id: textOf(task, "task_id"),
      });
      for (const event of rowsOf(await this.#api.get(`events?${query}`))) {
        if (this.#isNew(textOf(event, "id"))) {
          fresh.push({ ...event, task_name: task["name"] ?? null });
        }
      }
    }
    const at = (event: JsonObject): string => textOf(event, "occurred_at");
    fresh.sort((left, right) => at(left) < at(right) ? -1 : at(left) > at(right) ? 1 : 0);
    for (const event of fresh) this.#io.out(this.#isJson ? JSON.stringify(event) : lineOf(event));
  }

  #hasChanged(task: JsonObject): boolean {
    const id = `${textOf(task, "engine")}:${textOf(task, "task_id")}`;
    // The stock brain tells no time of the last change; its state and times stand in.
    const version = ["updated_at", "state", "started_at", "finished_at", "retry_count"]
      .map((key) => String(task[key] ?? "")).join(" ");
    if (this.#versions.get(id) === version) return false;
    if (this.#versions.size > MAX_SEEN) this.#versions.clear();
    this.#versions.set(id, version);
    return true;
  }

  #isNew(id: string): boolean {
    if (this.#seen.has(id)) return false;
    if (this.#seen.size > MAX_SEEN) this.#seen.clear();
    this.#seen.add(id);
    return true;
  }
}

function lineOf(event: JsonObject): string {
  const kind = textOf(event, "kind").padEnd(15);
  const name = textOf(event, "task_name");
  return `${textOf(event, "occurred_at")}  ${kind} ${textOf(event, "engine")}  ` +
    `${textOf(event, "task_id")}  ${name}`;
}
