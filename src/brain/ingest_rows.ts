import type { SqlValue } from "../buffer/sqlite_driver.ts";
import { type Database, requiredNumber } from "./database.ts";

/** The columns of an event but its `seq`, in the order of `COLUMNS`. */
export type EventColumns = readonly [
  project: number,
  agent: number,
  id: string,
  engine: string,
  taskId: string,
  kind: string,
  occurredMs: number,
  attempt: number,
  data: string,
  task: number | null,
];

const COLUMNS = "seq, project, agent, id, engine, task_id, kind, occurred_ms, attempt, data, task";
const WIDTH = 11;
// One call per 16 rows costs half as much per row as a call for each; more rows
// save no more.
const ROWS_PER_CALL = 16;

const INSERT_ONE = insert(1);
const INSERT_MANY = insert(ROWS_PER_CALL);

/**
 * Inserts events in their order; answers for each whether it is new. A conflict
 * on either key, the event's id or what it says of a task, is a resend: our
 * finer form of protocol 11.3. Needs an open transaction.
 */
export function insertEvents(db: Database, events: readonly EventColumns[]): readonly boolean[] {
  const row = db.get("SELECT coalesce(max(seq), 0) AS last FROM events");
  const first = (row === undefined ? 0 : requiredNumber(row, "last")) + 1;
  const added: boolean[] = [];
  while (added.length < events.length) {
    const rows = events.length - added.length < ROWS_PER_CALL ? 1 : ROWS_PER_CALL;
    const from = added.length;
    added.push(...insertRows(db, events.slice(from, from + rows), first + from));
  }
  return added;
}

function insertRows(
  db: Database,
  events: readonly EventColumns[],
  firstSeq: number,
): readonly boolean[] {
  const parameters: SqlValue[] = [];
  events.forEach((event, index) => parameters.push(firstSeq + index, ...event));
  const added = db.run(events.length === 1 ? INSERT_ONE : INSERT_MANY, ...parameters);
  if (added === events.length || added === 0) return events.map(() => added > 0);
  const stored = new Set(
    db.all("SELECT seq FROM events WHERE seq >= ?", firstSeq).map((row) =>
      requiredNumber(row, "seq")
    ),
  );
  return events.map((_, index) => stored.has(firstSeq + index));
}

function insert(rows: number): string {
  const row = `(${Array.from({ length: WIDTH }, () => "?").join(", ")})`;
  return `INSERT INTO events (${COLUMNS}) VALUES ${
    Array.from({ length: rows }, () => row).join(", ")
  } ON CONFLICT DO NOTHING`;
}
