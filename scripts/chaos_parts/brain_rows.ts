import { isJsonObject, type JsonValue } from "../../src/base/json.ts";
import { loadSqlite } from "../../src/buffer/load_sqlite.ts";
import type { SqlRow } from "../../src/buffer/sqlite_driver.ts";
import { encodeCanonical } from "../../src/protocol/canonical_json.ts";
import { coarseDigest, digestOf } from "./journal.ts";

/** Which brain. */
export type BrainKind = "embedded" | "stock";

/** An event as a brain's database has it. */
export interface BrainEvent {
  readonly taskId: string;
  readonly kind: string;
  /** Digest over everything that this brain keeps. */
  readonly digest: string;
}

/** Reads every event from the database file of a brain. */
export async function readBrain(kind: BrainKind, path: string): Promise<readonly BrainEvent[]> {
  const database = (await loadSqlite())(path);
  try {
    const rows = database.prepare("SELECT * FROM events").all();
    return rows.map(kind === "embedded" ? embeddedEvent : stockEvent);
  } finally {
    database.close();
  }
}

/** The whole event, as it was recorded. */
function embeddedEvent(row: SqlRow): BrainEvent {
  const { taskId, kind, common } = columns(row, row["data"]);
  const occurred_at = new Date(Number(row["occurred_ms"])).toISOString();
  const text = encodeCanonical({ ...common, id: String(row["id"]), occurred_at });
  return { taskId, kind, digest: digestOf(text) };
}

/** The stock brain makes ids of its own and keeps whole seconds. */
function stockEvent(row: SqlRow): BrainEvent {
  const { taskId, kind, common } = columns(row, row["payload"]);
  const occurred_at = String(row["occurred_at"]).replace(" ", "T");
  return { taskId, kind, digest: coarseDigest({ ...common, occurred_at }) };
}

function columns(
  row: SqlRow,
  data: unknown,
): { taskId: string; kind: string; common: Record<string, JsonValue> } {
  const parsed = JSON.parse(String(data)) as JsonValue;
  const [taskId, kind] = [String(row["task_id"]), String(row["kind"])];
  const common = {
    data: isJsonObject(parsed) ? parsed : {},
    engine: String(row["engine"]),
    kind,
    task_id: taskId,
  };
  return { taskId, kind, common };
}
