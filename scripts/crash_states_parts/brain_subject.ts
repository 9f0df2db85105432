import { type BrainParts, openBrainParts } from "../../src/brain/core.ts";
import { numberOf, objectOf, requiredNumber, requiredText } from "../../src/brain/database.ts";
import { createFakeClock } from "../../src/testing/fake_clock.ts";
import {
  apply,
  asTheyAre,
  BEGIN_MS,
  EVENTS_PER_TASK,
  factsOf,
  FILE_NAME,
  idOf,
  isPromise,
  type Mark,
  nothingPromised,
  type Promised,
  RETENTION_MS,
  stateOf,
  STATUSES,
} from "./brain_promise.ts";
import type { Reopened, Subject } from "./subject.ts";

/** The brain's file. */
export function brainSubject(): Subject {
  const promised = nothingPromised();
  return {
    script: "scripts/crash_states_parts/brain_writer.ts",
    file: FILE_NAME,
    prepare: asTheyAre,
    apply: (mark) => apply(promised, mark as Mark),
    isPromise: (mark) => isPromise(mark as Mark),
    async reopen(path) {
      const clock = createFakeClock(BEGIN_MS + promised.highest.most * 1000);
      const parts = await openBrainParts({ path, clock, limits: { retentionMs: RETENTION_MS } });
      return new ReopenedBrain(parts, promised);
    },
  };
}

/** What a reopened brain holds, in the order of its keys. */
interface Contents {
  readonly events: readonly {
    readonly id: string;
    readonly n: number;
    readonly text: string;
    readonly taskId: string;
    readonly linkedTo: string | null;
  }[];
  readonly tasks: readonly { readonly taskId: string; readonly state: string }[];
  readonly commands: readonly {
    readonly number: number;
    readonly status: string;
    readonly answer: number | null;
  }[];
  /** Events ever accepted, by its counters. */
  readonly total: number;
}

class ReopenedBrain implements Reopened {
  readonly #parts: BrainParts;
  readonly #promised: Promised;

  constructor(parts: BrainParts, promised: Promised) {
    this.#parts = parts;
    this.#promised = promised;
  }

  contents(): Promise<string> {
    return Promise.resolve(JSON.stringify(this.#contents()));
  }

  async compare(broken: string[]): Promise<number> {
    const contents = this.#contents();
    const highest = contents.events.at(-1)?.n ?? -1;
    const lost = compareEvents(contents, this.#promised, broken) +
      compareCommands(contents, this.#promised, broken);
    compareTasks(contents, highest, broken);
    const { token } = this.#promised;
    if (token !== null && await this.#parts.identify(token) === null) {
      broken.push("the token of an agent is unknown");
      return lost + 1;
    }
    return lost;
  }

  async use(broken: string[]): Promise<void> {
    const { context, ingestor, sweeper } = this.#parts;
    const { db } = context;
    const verdict = db.get("PRAGMA integrity_check")?.["integrity_check"];
    if (verdict !== "ok") broken.push(`integrity: ${String(verdict)}`);
    if (this.#promised.highest.least < 0) return;
    const event = { id: idOf(1_000_000), engine: "bullmq", kind: "task.sent", task_id: "more" };
    const outcome = ingestor.submit({ project: 1, agent: 1, events: [event] });
    ingestor.flush();
    const stored = await outcome;
    if (stored.kind !== "stored" || stored.accepted !== 1) broken.push("takes no more events");
    sweeper.sweep();
  }

  close(): Promise<void> {
    this.#parts.sweeper.stop();
    this.#parts.context.changes.close();
    this.#parts.context.db.close();
    return Promise.resolve();
  }

  #contents(): Contents {
    const { db } = this.#parts.context;
    const events = db.all(
      `SELECT events.*, tasks.task_id AS linked FROM events
       LEFT JOIN tasks ON tasks.pk = events.task ORDER BY seq`,
    );
    const commands = db.all("SELECT * FROM commands ORDER BY pk");
    const counts = db.get("SELECT coalesce(sum(total), 0) AS total FROM event_counts");
    return {
      events: events.map((row) => ({
        id: requiredText(row, "id"),
        n: Number(objectOf(row, "data")["n"]),
        text: [row["kind"], row["occurred_ms"], row["data"]].join(" "),
        taskId: requiredText(row, "task_id"),
        linkedTo: row["linked"] === null ? null : requiredText(row, "linked"),
      })),
      tasks: db.all("SELECT task_id, state FROM tasks ORDER BY pk").map((row) => ({
        taskId: requiredText(row, "task_id"),
        state: requiredText(row, "state"),
      })),
      commands: commands.map((row) => ({
        number: Number(objectOf(row, "parameters")["number"]),
        status: requiredText(row, "status"),
        answer: numberOf(objectOf(row, "result") as Record<string, number>, "answer"),
      })),
      total: counts === undefined ? 0 : requiredNumber(counts, "total"),
    };
  }
}

/** Notes what differs; answers how many promised events are missing. */
function compareEvents({ events, total }: Contents, promised: Promised, broken: string[]): number {
  const { highest, lowest } = promised;
  const seen = new Set<number>();
  for (const { id, n, text, taskId, linkedTo } of events) {
    const facts = factsOf(n);
    if (seen.has(n)) broken.push(`event ${n} is there twice`);
    if (n > highest.most) broken.push(`event ${n} is foreign`);
    if (n < lowest.least) broken.push(`event ${n} is back`);
    const expected = [facts.kind, BEGIN_MS + n * 1000, JSON.stringify(facts.data)].join(" ");
    if (id !== idOf(n) || text !== expected || taskId !== facts.taskId) {
      broken.push(`event ${n} is altered`);
    }
    if (linkedTo !== facts.taskId) broken.push(`event ${n} has lost its task`);
    seen.add(n);
  }
  const last = Math.max(-1, ...seen);
  const first = Math.min(...seen);
  if (last !== highest.least && last !== highest.most) broken.push(`a batch ends at ${last}`);
  if (seen.size > 0 && first !== lowest.least && first !== lowest.most) {
    broken.push(`a sweep ends at ${first}`);
  }
  if (total !== last + 1) broken.push(`${last + 1} events came, ${total} are counted`);
  const missing: number[] = [];
  for (let n = lowest.most; n <= highest.least; n++) if (!seen.has(n)) missing.push(n);
  if (missing.length > 0) broken.push(`events ${missing.slice(0, 5).join()} are lost`);
  return missing.length;
}

/** A task is what its events made it. */
function compareTasks({ events, tasks }: Contents, highest: number, broken: string[]): void {
  const wanted = new Set(events.map(({ taskId }) => taskId));
  for (const { taskId, state } of tasks) {
    const number = Number(taskId.slice(taskId.indexOf(":") + 1));
    if (state !== stateOf(number, highest)) broken.push(`task ${taskId} is ${state}`);
    if (number * EVENTS_PER_TASK > highest) broken.push(`task ${taskId} is foreign`);
    wanted.delete(taskId);
  }
  if (wanted.size > 0) broken.push(`tasks ${[...wanted].slice(0, 5).join()} are lost`);
  if (new Set(tasks.map(({ taskId }) => taskId)).size < tasks.length) {
    broken.push("a task is double");
  }
}

/** Notes what differs; answers how many commands are missing or have gone back. */
function compareCommands({ commands }: Contents, promised: Promised, broken: string[]): number {
  const found = new Map(commands.map((command) => [command.number, command]));
  if (found.size < commands.length) broken.push("a command is there twice");
  let lost = 0;
  for (const [number, { least, most }] of promised.commands) {
    const command = found.get(number);
    found.delete(number);
    const status = STATUSES.findIndex((one) => one === command?.status);
    const mayBeGone = number < promised.lowestCommand.most;
    if (command === undefined && mayBeGone) continue;
    if (status < least || status > most) {
      broken.push(`command ${number} is ${command?.status ?? "lost"}`);
      lost++;
    } else if (number < promised.lowestCommand.least) broken.push(`command ${number} is back`);
    const answer = status === STATUSES.length - 1 ? number : null;
    if (command !== undefined && command.answer !== answer) {
      broken.push(`command ${number} has a wrong result`);
    }
  }
  if (found.size > 0) broken.push(`command ${[...found.keys()].join()} is foreign`);
  return lost;
}
