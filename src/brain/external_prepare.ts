import { hexOf } from "../base/hex.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../base/json.ts";
import { encodeCanonical } from "../protocol/canonical_json.ts";
import { compareCodePoints } from "../protocol/json_text.ts";
import { normalizeScheduleRow } from "../protocol/external_schedule_row.ts";
import {
  type JsonTree,
  JsonTreeObject,
  printCanonical,
  treeToValue,
} from "../protocol/json_tree.ts";
import type { SequencedBody } from "./external_input.ts";

/** One row of a projection as it was sent. */
export interface PreparedRow {
  readonly key: string;
  readonly value: JsonObject;
  /** Canonical text: keeps `2.0` apart from `2`, as the digests do. */
  readonly text: string;
  readonly digest: string;
}

/** A sequenced body after everything that needs waiting. */
export interface PreparedBody {
  readonly form: "projection" | "frame";
  readonly body: JsonObject;
  /** Whether the body has the digest that came with it. */
  readonly isIntact: boolean;
  readonly digest: string;
  readonly rows: readonly PreparedRow[];
}

const KINDS: ReadonlySet<string> = new Set(["cron", "interval", "clocked", "solar"]);
const PRIORITIES: ReadonlySet<string> = new Set(["critical", "high", "normal", "low"]);

/** The events of a batch's payload, with numbers as written. */
export function eventTrees(payload: JsonTree): readonly JsonTree[] {
  const events = member(payload, "events");
  return Array.isArray(events) ? events : [];
}

/** Checks the digest of a sequenced body and takes its rows apart. */
export async function prepareBody(
  event: JsonTree,
  sequenced: SequencedBody,
): Promise<PreparedBody> {
  const name = sequenced.form === "frame" ? "external_snapshot_frame" : "external_projection";
  const tree = member(member(event, "data"), name);
  const rows = tree === null ? [] : await prepareRows(member(tree, "schedules"));
  const isIntact = tree !== null && await sha256(printCanonical(tree)) === sequenced.digest;
  return { ...sequenced, isIntact, rows };
}

/** The rows of an array of rows, each with its canonical text and digest. */
export async function prepareRows(tree: JsonTree): Promise<readonly PreparedRow[]> {
  if (!Array.isArray(tree)) return [];
  const rows: PreparedRow[] = [];
  for (const item of tree) {
    const value = treeToValue(item);
    if (!isJsonObject(value)) continue;
    const key = value["source_key"];
    const text = printCanonical(item);
    rows.push({ key: typeof key === "string" ? key : "", value, text, digest: await sha256(text) });
  }
  return rows;
}

/** Whether rows are the snapshot that a terminal frame announces (protocol 20.5). */
export async function isSnapshotOf(
  frame: JsonObject,
  rows: readonly PreparedRow[],
): Promise<boolean> {
  if (frame["row_count"] !== rows.length) return false;
  const names = ["adapter_instance_id", "epoch_number", "epoch_uuid", "owner", "sequence"] as const;
  const rest = ["source_scope", "stable_source", "stream_id", "protocol_version"] as const;
  const shell: Record<string, JsonValue> = {
    kind: "snapshot",
    complete: true,
    operation_id: null,
    deleted_source_keys: [],
  };
  for (const name of [...names, ...rest]) shell[name] = frame[name] ?? null;
  const sorted = [...rows].sort((a, b) => compareCodePoints(a.key, b.key)).map((row) => row.text);
  // The rows enter as the texts that were sent; "schedules" sorts between
  // "protocol_version" and "sequence", so the shell is printed around them.
  const [before, after] = splitShell(shell);
  return await sha256(`${before}"schedules":[${sorted.join(",")}],${after}`) ===
    frame["snapshot_digest"];
}

function splitShell(shell: Record<string, JsonValue>): readonly [string, string] {
  const early: Record<string, JsonValue> = {};
  const late: Record<string, JsonValue> = {};
  for (const [key, value] of Object.entries(shell)) {
    if (key < "schedules") early[key] = value;
    else late[key] = value;
  }
  return [`${encodeCanonical(early).slice(0, -1)},`, encodeCanonical(late).slice(1)];
}

/** Whether a row is in the vocabulary; one that is not drops its snapshot. */
export function isRowValid(row: JsonObject, owner: string): boolean {
  try {
    const normal = normalizeScheduleRow(row, owner);
    return KINDS.has(normal.kind) && PRIORITIES.has(normal.priority) && normal.source_key !== "";
  } catch {
    return false;
  }
}

function member(tree: JsonTree, key: string): JsonTree {
  if (!(tree instanceof JsonTreeObject)) return null;
  const at = tree.keys.indexOf(key);
  return at < 0 ? null : tree.values[at] ?? null;
}

async function sha256(text: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return hexOf(new Uint8Array(hash));
}
