import type { JsonObject } from "../base/json.ts";
import { API_FLAGS, API_HELP, openBrainApi, rowsOf, textOf } from "./brain_api.ts";
import type { Command } from "./command.ts";
import { EXIT } from "./io.ts";

const OPEN_STATES = ["pending", "received", "started", "retry"];
const MAX_TASKS = 100;

interface Asked {
  readonly engine: string;
  readonly task_id: string;
  readonly state: string;
  /** Id of the command, or why none was issued. */
  readonly command: string | null;
  readonly error: string | null;
}

/** `z4j reconcile`: lets the engines tell what became of tasks that the brain holds for open. */
export const reconcileCommand: Command = {
  name: "reconcile",
  summary: "asks the engines about tasks that the brain believes unfinished",
  help: [
    "--older-than S    seconds since the last change (default 900, as the brain's own sweep)",
    "--limit N         tasks of each state, 1 to 100 (default 100)",
    "--dry-run         list them and ask nobody",
    ...API_HELP,
    "Only the embedded brain takes the command over its API; the stock one sweeps every 5 minutes.",
    "Exit code 1 when a task could not be asked about.",
  ],
  examples: ["z4j reconcile --dry-run", "z4j reconcile --older-than 60 --json"],
  flags: {
    ...API_FLAGS,
    "older-than": { type: "string" },
    limit: { type: "string" },
    "dry-run": { type: "boolean" },
  },
  maxRest: 0,
  async run(flags, io) {
    const limit = flags.number("limit", MAX_TASKS, 1, MAX_TASKS);
    const oldest = Date.now() - flags.number("older-than", 900, 0, 10_000_000) * 1000;
    const isDry = flags.has("dry-run");
    const api = openBrainApi(flags);
    const pages = [];
    for (const state of OPEN_STATES) {
      pages.push(await api.get(`tasks?state=${state}&limit=${limit}`));
    }
    const tasks = pages.flatMap(rowsOf).filter((task) => changedAt(task) <= oldest);
    const asked: Asked[] = [];
    for (const task of tasks) {
      const issue = async (): Promise<string> => {
        const { engine, task_id, agent_id } = task;
        const body = { engine, task_id, agent_id } as JsonObject;
        return textOf(await api.post("commands/reconcile-task", body) as JsonObject, "id");
      };
      asked.push(await ask(task, isDry ? null : issue));
    }
    const isWell = asked.every(({ error }) => error === null);
    if (flags.has("json")) {
      io.out(JSON.stringify({ ok: isWell, dry_run: isDry, tasks: asked }, null, 2));
    } else {
      for (const one of asked) io.out(describe(one));
      io.out(`${asked.length} tasks${isDry ? ", nobody was asked" : " asked about"}`);
    }
    return isWell ? EXIT.ok : EXIT.failed;
  },
};

function changedAt(task: JsonObject): number {
  const times = ["updated_at", "started_at", "received_at", "created_at"]
    .map((key) => Date.parse(textOf(task, key))).filter(Number.isFinite);
  return times[0] ?? 0;
}

async function ask(task: JsonObject, issue: (() => Promise<string>) | null): Promise<Asked> {
  const [engine, id, state] = ["engine", "task_id", "state"].map((key) => textOf(task, key));
  const base = { engine: engine ?? "", task_id: id ?? "", state: state ?? "" };
  try {
    return { ...base, command: issue === null ? null : await issue(), error: null };
  } catch (error) {
    return { ...base, command: null, error: error instanceof Error ? error.message : "failed" };
  }
}

function describe({ engine, task_id: id, state, error }: Asked): string {
  return `${engine} ${id}: ${state}${error === null ? "" : ` (${error})`}`;
}
