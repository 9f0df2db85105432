import { isJsonObject, type JsonObject, type JsonValue } from "../base/json.ts";
import type { BrainContext } from "./context.ts";

/** Something about a process's set-up that will hurt, as its engine told it. */
export interface FindingRow {
  /** Engine that told it. */
  readonly engine: string;
  /** Stable code. */
  readonly code: string;
  /** How bad it is. */
  readonly severity: "info" | "warning" | "error";
  /** What it is about. */
  readonly subject: string;
  /** What is the case. */
  readonly message: string;
  /** What to do about it. */
  readonly remedy: string;
}

const MAX_FINDINGS = 50;
const MAX_TEXT = 500;
const SEVERITIES = ["error", "warning", "info"] as const;

/** Keeps what one process told about its engines; the last heartbeat wins. */
export function storeFindings(
  context: BrainContext,
  agent: number,
  slot: string,
  found: Readonly<Record<string, JsonValue>>,
): void {
  context.db.run(
    "UPDATE agent_workers SET findings = ? WHERE agent = ? AND slot = ?",
    JSON.stringify(found),
    agent,
    slot,
  );
}

/** A value of the health map as findings; what does not look like them is left out. */
export function parseFindings(text: JsonValue | undefined): readonly JsonValue[] {
  if (typeof text !== "string") return [];
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return [];
  }
  return Array.isArray(value) ? value.slice(0, MAX_FINDINGS) as JsonValue[] : [];
}

/** The stored findings of a process, the worst first. */
export function findingRows(stored: JsonObject): readonly FindingRow[] {
  const rows = Object.entries(stored).flatMap(([engine, list]) =>
    Array.isArray(list) ? list.flatMap((item) => findingRow(engine, item) ?? []) : []
  );
  return rows.sort((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity));
}

function findingRow(engine: string, item: JsonValue): FindingRow | null {
  if (!isJsonObject(item)) return null;
  const severity = SEVERITIES.find((known) => known === item["severity"]);
  const text = (name: string): string => {
    const value = item[name];
    return typeof value === "string" ? value.slice(0, MAX_TEXT) : "";
  };
  const code = text("code");
  if (severity === undefined || code === "") return null;
  return {
    engine,
    code,
    severity,
    subject: text("subject"),
    message: text("message"),
    remedy: text("remedy"),
  };
}
