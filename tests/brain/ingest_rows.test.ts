import { strict as assert } from "node:assert";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { JsonObject } from "../../src/base/json.ts";
import { type Logger, noopLogger } from "../../src/base/logger.ts";
import { type BrainParts, openBrainParts } from "../../src/brain/core.ts";
import { type EventColumns, insertEvents } from "../../src/brain/ingest_rows.ts";
import { createOperator } from "../../src/brain/operator.ts";
import { createReader } from "../../src/brain/reader.ts";
import { migrate } from "../../src/brain/schema.ts";
import { loadSqlite } from "../../src/buffer/load_sqlite.ts";
import { wireEvent } from "../_support/brain_peer.ts";

// The brain's own timers never keep a process alive.
let alive: ReturnType<typeof setInterval>;
beforeEach(() => {
  alive = setInterval(() => {}, 1000);
});
afterEach(() => clearInterval(alive));

async function openParts(path = ":memory:", logger?: Logger): Promise<BrainParts> {
  const parts = await openBrainParts({ path, logger });
  const project = createOperator(parts).createProject("default", "Default");
  await createOperator(parts).mintAgent(project.id, "web");
  return parts;
}

function row(n: number, over: { id?: number; task?: number | null } = {}): EventColumns {
  const task = over.task === undefined ? n : over.task;
  const id = `id-${over.id ?? n}`;
  return [1, 1, id, "bullmq", task === null ? "" : `t:${task}`, "task.sent", 5, -1, "{}", null];
}

describe("insertEvents()", () => {
  it("tells new events from duplicates at every place of a call with many rows", async () => {
    const { context } = await openParts();
    const { db } = context;
    const first = db.transaction(() =>
      insertEvents(db, Array.from({ length: 5 }, (_, n) => row(n)))
    );
    assert.deepEqual(first, [true, true, true, true, true]);
    const events = Array.from({ length: 40 }, (_, n) => row(n));
    events[20] = row(20, { id: 19 });
    events[21] = row(21, { task: 18 });
    events[39] = row(39, { id: 6, task: null });
    const dropped = new Set([0, 1, 2, 3, 4, 20, 21, 39]);
    const added = db.transaction(() => insertEvents(db, events));
    assert.deepEqual(added, events.map((_, n) => !dropped.has(n)));
    assert.equal(db.get("SELECT count(*) AS total FROM events")?.["total"], 5 + 32);
    db.close();
  });

  it("answers nothing for no events", async () => {
    const { context } = await openParts();
    assert.deepEqual(insertEvents(context.db, []), []);
    context.db.close();
  });
});

/** Duplicates by the rule itself: the id, or what an event says of a task. */
class Model {
  readonly #seen = new Set<string>();

  accepts(event: JsonObject, attempt: number): boolean {
    const { id, task_id: task, kind, occurred_at: at } = event;
    const keys = [`id ${id}`];
    if (task !== "") keys.push(`task ${task} ${kind} ${at} ${attempt}`);
    if (keys.some((key) => this.#seen.has(key))) return false;
    for (const key of keys) this.#seen.add(key);
    return true;
  }
}

const KINDS = ["task.received", "task.started", "task.succeeded", "task.sent", "worker.heartbeat"];

/** A repeatable sequence of numbers below a bound (an LCG of Numerical Recipes). */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
}

describe("Ingestor", () => {
  it("finds the same duplicates as the rule, whatever events a batch and a group mix", async () => {
    const troubles: string[] = [];
    const warn = (_fields: object, message: string): void => void troubles.push(message);
    const parts = await openParts(":memory:", { ...noopLogger, warn });
    const next = numbers(7);
    const model = new Model();
    const nowMs = Date.now();
    const draw = (): { event: JsonObject; attempt: number } => {
      const attempt = next(3) - 1;
      const event = wireEvent({
        id: `0195c1f0-1111-4222-8333-${String(next(1500)).padStart(12, "0")}`,
        task_id: ["", "a", "b", "c", "d"][next(5)] ?? "",
        kind: KINDS[next(KINDS.length)] ?? "",
        occurred_at: new Date(nowMs - next(20)).toISOString(),
        data: attempt < 0 ? {} : { attempt },
      });
      return { event, attempt };
    };
    for (let group = 0; group < 20; group++) {
      const batches = Array.from({ length: 3 }, () => Array.from({ length: next(50) }, draw));
      const expected = batches.map((batch) =>
        batch.filter(({ event, attempt }) => model.accepts(event, attempt)).length
      );
      const outcomes = await Promise.all(
        batches.map((batch) =>
          parts.ingestor.submit({ project: 1, agent: 1, events: batch.map(({ event }) => event) })
        ),
      );
      const accepted = outcomes.map((one) => one.kind === "stored" ? one.accepted : -1);
      assert.deepEqual(accepted, expected, `group ${group}`);
    }
    assert.deepEqual(troubles, [], "every group is one commit");
    parts.context.db.close();
  });

  it("finds a resend as long as its event is kept, however old its task is", async () => {
    const parts = await openParts();
    const { db } = parts.context;
    const count = (table: string): unknown => db.get(`SELECT count(*) AS n FROM ${table}`)?.["n"];
    const event = wireEvent();
    const resend = { ...event, id: "0195c1f0-1111-4222-8333-444455556666" };
    const other = wireEvent({ task_id: "mail:2" });
    await parts.ingestor.submit({ project: 1, agent: 1, events: [event, other] });
    db.run("UPDATE tasks SET updated_ms = 1 WHERE task_id = 'mail:1'");
    parts.sweeper.sweep();
    assert.deepEqual(
      await parts.ingestor.submit({ project: 1, agent: 1, events: [resend] }),
      { kind: "stored", received: 1, accepted: 0, rejected: 1 },
    );
    db.run("UPDATE events SET occurred_ms = 1 WHERE task_id = 'mail:1'");
    parts.sweeper.sweep();
    assert.deepEqual([count("events"), count("tasks")], [1, 1]);
    parts.sweeper.stop();
    db.close();
  });
});

describe("migrate()", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "z4j-schema-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("lifts a file of version 1, whose events stay findable and known", async () => {
    const path = join(folder, "brain.db");
    const driver = (await loadSqlite())(path);
    migrate(driver, 1);
    const nowMs = Date.now() - 1000;
    driver.exec(`INSERT INTO tasks (project, engine, task_id, name, state, priority, retry_count,
        created_ms, updated_ms) VALUES (1, 'bullmq', 'x', 'send', 'received', 'normal', 0, 1, 1),
        (1, 'bullmq', 'mail:1', 'send', 'received', 'normal', 0, ${nowMs}, ${nowMs})`);
    driver.exec(
      `INSERT INTO events (project, agent, id, engine, task_id, kind, occurred_ms, attempt,
        data) VALUES (1, 1, 'one', 'bullmq', 'mail:1', 'task.received', ${nowMs}, -1, '{}'),
        (1, 1, 'two', 'bullmq', 'mail:1', 'task.sent', ${nowMs}, -1, '{}'),
        (1, 1, 'three', 'bullmq', '', 'worker.online', ${nowMs}, -1, '{}')`,
    );
    driver.close();
    const parts = await openParts(path);
    const { db } = parts.context;
    const keys = db.all("SELECT task FROM events ORDER BY seq").map((one) => one["task"]);
    assert.deepEqual(keys, [2, null, null]);
    const again = ["task.received", "task.sent", "task.started"].map((kind) =>
      wireEvent({ kind, occurred_at: new Date(nowMs).toISOString(), data: {} })
    );
    assert.deepEqual(
      await parts.ingestor.submit({ project: 1, agent: 1, events: again }),
      { kind: "stored", received: 3, accepted: 1, rejected: 2 },
    );
    const project = createReader(parts.context).project("default");
    const events = createReader(parts.context).taskEvents(project?.id ?? "", "bullmq", "mail:1");
    assert.deepEqual(events.map(({ kind }) => kind), [
      "task.started",
      "task.sent",
      "task.received",
    ]);
    db.close();
  });
});
