/**
 * A writer of the brain's file whose system calls are traced:
 *
 *     brain_writer.ts FOLDER FULL|NORMAL strace|prefixes
 *
 * It works on a real brain: a file of the first version, its migration, an agent,
 * batches with resends among them, commands and their results, sweeps that remove
 * old rows and move the log into the file. A mark before and after each step says
 * in the trace what was promised.
 */
import type { JsonObject } from "../../src/base/json.ts";
import { acknowledgeCommand, finishCommand, insertCommand } from "../../src/brain/commands.ts";
import { markDispatched, type StoredCommand } from "../../src/brain/commands.ts";
import { type BrainParts, openBrainParts } from "../../src/brain/core.ts";
import { createOperator } from "../../src/brain/operator.ts";
import { migrate } from "../../src/brain/schema.ts";
import { loadSqlite } from "../../src/buffer/load_sqlite.ts";
import { inTransaction, type SqliteDriver } from "../../src/buffer/sqlite_driver.ts";
import { createFakeClock } from "../../src/testing/fake_clock.ts";
import { BEGIN_MS, factsOf, FILE_NAME, idOf, RETENTION_MS, taskOf } from "./brain_promise.ts";
import { startWriter } from "./marks.ts";

const ROUNDS = 36;
const CHECKPOINT_PAGES = 120;
const OLD_EVENTS = 6;
const SILENT_MS = 1e12;
const PROJECT = idOf(1);
const AGENT = idOf(2);

const { path, synchronous, mark, end } = await startWriter(FILE_NAME);
const clock = createFakeClock(BEGIN_MS);

function event(n: number): JsonObject {
  const { kind, taskId, data } = factsOf(n);
  const occurred_at = new Date(BEGIN_MS + n * 1000).toISOString();
  return { id: idOf(n), engine: "bullmq", kind, task_id: taskId, occurred_at, data };
}

/** A file as the first version wrote it, with two tasks that are done. */
async function writeVersion1(): Promise<void> {
  const driver = (await loadSqlite())(path);
  driver.prepare("PRAGMA journal_mode = WAL").get();
  driver.exec("PRAGMA synchronous = FULL");
  migrate(driver, 1);
  mark({ doing: OLD_EVENTS - 1 });
  inTransaction(driver, () => {
    driver.prepare("INSERT INTO projects (pk, id, slug, name) VALUES (1, ?, 'default', 'Default')")
      .run(PROJECT);
    driver.prepare(
      `INSERT INTO agents (pk, id, project, name, token_hash, created_ms)
       VALUES (1, ?, 1, 'old', 'x', 1)`,
    ).run(AGENT);
    for (let n = 0; n < OLD_EVENTS; n++) insertOld(driver, n);
  });
  mark({ done: OLD_EVENTS - 1 });
  driver.close();
}

function insertOld(driver: SqliteDriver, n: number): void {
  const { kind, taskId, data } = factsOf(n);
  const occurredMs = BEGIN_MS + n * 1000;
  driver.prepare("INSERT INTO events VALUES (?, 1, 1, ?, 'bullmq', ?, ?, ?, -1, ?)")
    .run(n + 1, idOf(n), taskId, kind, occurredMs, JSON.stringify(data));
  driver.prepare(
    `INSERT INTO tasks (project, engine, task_id, name, state, priority, retry_count, created_ms, updated_ms)
     VALUES (1, 'bullmq', ?, 'job', 'success', 'normal', 0, ?, ?) ON CONFLICT DO NOTHING`,
  ).run(taskId, occurredMs, occurredMs);
  driver.prepare(
    `INSERT INTO event_counts VALUES (1, ?, 1) ON CONFLICT DO UPDATE SET total = total + 1`,
  ).run(kind);
}

async function openBrain(): Promise<BrainParts> {
  const parts = await openBrainParts({
    path,
    clock,
    limits: { retentionMs: RETENTION_MS, offlineAfterMs: SILENT_MS },
  });
  const { db } = parts.context;
  db.sql(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`).get();
  if (synchronous === "NORMAL") db.sql("PRAGMA synchronous = NORMAL").run();
  return parts;
}

/** Hands in batches that share a commit; the brain has to take so many events as new. */
async function ingest(
  { ingestor }: BrainParts,
  batches: readonly (readonly JsonObject[])[],
  fresh: number,
): Promise<void> {
  const outcomes = batches.map((events) => ingestor.submit({ project: 1, agent: 1, events }));
  ingestor.flush();
  let accepted = 0;
  for (const outcome of await Promise.all(outcomes)) {
    if (outcome.kind !== "stored") throw new Error(`a batch was ${outcome.kind}`);
    accepted += outcome.accepted;
  }
  if (accepted !== fresh) throw new Error(`${accepted} events were new, expected ${fresh}`);
}

/** Issues command `number` and takes it through all that becomes of it. */
function command({ context }: BrainParts, number: number): void {
  let stored: StoredCommand | undefined;
  const steps: readonly (() => void)[] = [
    () => {
      stored = insertCommand(context, {
        project: 1,
        agent: 1,
        action: "cancel_task",
        target: { type: "task", id: taskOf(number), number },
        parameters: { number },
        timeoutMs: 60_000,
      });
    },
    () => void (stored !== undefined && markDispatched(context, stored)),
    () => acknowledgeCommand(context, 1, stored?.row.id ?? ""),
    () => {
      const result = { answer: number, pad: "r".repeat(number * 90) };
      const outcome = { status: "success", result, error: null, claimToken: null } as const;
      finishCommand(context, 1, stored?.row.id ?? "", outcome);
    },
  ];
  steps.forEach((step, status) => {
    mark({ moving: [number, status] });
    step();
    mark({ moved: [number, status] });
  });
}

/** Removes what is older than the retention and moves the log into the file. */
function sweep({ sweeper }: BrainParts, commandsMs: readonly number[]): void {
  const before = clock.now() - RETENTION_MS;
  const events = Math.max(0, Math.ceil((before - BEGIN_MS) / 1000));
  const commands = commandsMs.filter((createdMs) => createdMs < before).length;
  mark({ sweeping: [events, commands] });
  sweeper.sweep();
  mark({ swept: [events, commands] });
}

async function main(): Promise<void> {
  await writeVersion1();
  const parts = await openBrain();
  const { token } = await createOperator(parts).mintAgent(PROJECT, "web");
  mark({ minted: token });
  const commandsMs: number[] = [];
  let last: readonly JsonObject[] = [];
  for (let round = 0, n = OLD_EVENTS; round < ROUNDS; round++) {
    const events = Array.from({ length: 1 + (round * 7) % 9 }, () => event(n++));
    const half = Math.ceil(events.length / 2);
    const fresh = round % 4 === 3 ? [events.slice(0, half), events.slice(half)] : [events];
    const batches = round % 3 === 2 ? [last, ...fresh] : fresh;
    clock.setNow(BEGIN_MS + n * 1000);
    mark({ doing: n - 1 });
    await ingest(parts, batches, events.length);
    mark({ done: n - 1 });
    last = events;
    if (round % 4 === 1) {
      commandsMs.push(clock.now());
      command(parts, commandsMs.length - 1);
    }
    if (round % 6 === 5) sweep(parts, commandsMs);
  }
  end();
  parts.context.db.close();
}

await main();
