import { isJsonObject, type JsonObject, type JsonValue } from "../base/json.ts";
import { canonicalText } from "../protocol/external_schedule.ts";
import {
  type ExternalScheduleRow,
  normalizeScheduleRow,
} from "../protocol/external_schedule_row.ts";
import type { ScheduleMeta } from "./schedule_stream_port.ts";

/** Receipts that are kept; the brain has one operation in flight per scheduler. */
const MAX_RECEIPTS = 32;

/** A finished operation, for repeats of the same command. */
export interface Receipt {
  /** Canonical text of what was asked, without the authority. */
  readonly asked: string;
  /** What was answered. */
  readonly result: JsonObject;
}

/** The newest epoch that was accepted of a stream. */
export interface KnownEpoch {
  readonly stream_id: string;
  readonly epoch_number: number;
}

/** What a stream must know after a restart. */
export interface StreamMemory {
  /** The newest accepted epoch, or `null`. */
  epoch(): KnownEpoch | null;
  /** Keeps the accepted epoch; resolves when it is stored. */
  setEpoch(epoch: KnownEpoch): Promise<void>;
  /** Rows that the brain may hold from earlier publications, disabled. */
  remembered(): readonly ExternalScheduleRow[];
  /** Adds rows that are about to be published. */
  remember(rows: readonly ExternalScheduleRow[]): Promise<void>;
  /** Keeps only the rows of a snapshot that the brain acknowledged. */
  confirm(rows: readonly ExternalScheduleRow[]): Promise<void>;
  /** The receipt of an operation, or `null`. */
  receipt(operationId: string): Receipt | null;
  /** Keeps a receipt. */
  addReceipt(operationId: string, receipt: Receipt): Promise<void>;
}

/**
 * Reads what earlier processes of this buffer published for `owner`. Values that
 * cannot be read count as absent, values that cannot be kept reach `onError`:
 * publishing must work on with a full disk.
 */
export async function openStreamMemory(
  meta: ScheduleMeta,
  owner: string,
  onError: (error: unknown) => void,
): Promise<StreamMemory> {
  const names = {
    epoch: `schedule.${owner}.epoch`,
    rows: `schedule.${owner}.rows`,
    receipts: `schedule.${owner}.receipts`,
  };
  const load = async (name: string): Promise<unknown> => {
    try {
      return parse(await meta.getMeta(name));
    } catch (error) {
      onError(error);
      return null;
    }
  };
  let epoch = epochOf(await load(names.epoch));
  const rows = rowsOf(await load(names.rows), owner);
  const receipts = receiptsOf(await load(names.receipts));
  const store = async (name: string, value: JsonValue): Promise<void> => {
    try {
      await meta.setMeta(name, canonicalText(value as JsonObject));
    } catch (error) {
      onError(error);
    }
  };
  const storeRows = (): Promise<void> => store(names.rows, [...rows.values()].map(outline));
  return {
    epoch: () => epoch,
    setEpoch(next) {
      epoch = next;
      return store(names.epoch, { ...next });
    },
    remembered: () => [...rows.values()],
    async remember(published) {
      const before = rows.size;
      for (const row of published) rows.set(row.source_key, row);
      if (rows.size !== before) await storeRows();
    },
    async confirm(published) {
      const before = rows.size;
      const kept = new Set(published.map((row) => row.source_key));
      for (const key of [...rows.keys()]) if (!kept.has(key)) rows.delete(key);
      if (rows.size !== before) await storeRows();
    },
    receipt: (operationId) => receipts.get(operationId) ?? null,
    addReceipt(operationId, receipt) {
      receipts.set(operationId, receipt);
      for (const oldest of receipts.keys()) {
        if (receipts.size <= MAX_RECEIPTS) break;
        receipts.delete(oldest);
      }
      const list = [...receipts].map(([id, { asked, result }]) => ({ id, asked, result }));
      return store(names.receipts, list);
    },
  };
}

/** What is enough to show a vanished row once more. */
function outline(row: ExternalScheduleRow): JsonObject {
  const { source_key, engine, name, task_name, kind, expression, timezone, source } = row;
  return { source_key, engine, name, task_name, kind, expression, timezone, source };
}

/** A value of a damaged or foreign file counts as absent. */
function parse(text: string | null): unknown {
  try {
    return text === null ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

function epochOf(value: unknown): KnownEpoch | null {
  if (!isJsonObject(value)) return null;
  const { stream_id: stream, epoch_number: number } = value;
  return typeof stream === "string" && typeof number === "number"
    ? { stream_id: stream, epoch_number: number }
    : null;
}

function rowsOf(value: unknown, owner: string): Map<string, ExternalScheduleRow> {
  const rows = new Map<string, ExternalScheduleRow>();
  for (const item of Array.isArray(value) ? value : []) {
    try {
      const row = normalizeScheduleRow(
        { ...item, external_id: item.source_key, is_enabled: false },
        owner,
      );
      rows.set(row.source_key, row);
    } catch {
      // A row that cannot be shown cannot have been shown either.
    }
  }
  return rows;
}

function receiptsOf(value: unknown): Map<string, Receipt> {
  const receipts = new Map<string, Receipt>();
  for (const item of Array.isArray(value) ? value : []) {
    if (!isJsonObject(item)) continue;
    const { id, asked, result } = item;
    if (typeof id !== "string" || typeof asked !== "string" || !isJsonObject(result)) continue;
    receipts.set(id, { asked, result });
  }
  return receipts;
}
