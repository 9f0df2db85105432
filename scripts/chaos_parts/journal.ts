import { createHash } from "node:crypto";
import { existsSync, openSync, readFileSync, writeSync } from "node:fs";
import { isJsonObject, type JsonValue } from "../../src/base/json.ts";
import { encodeCanonical } from "../../src/protocol/canonical_json.ts";

/** What a writer tells of its buffer, once it is open. */
export interface JournalHeader {
  /** Runtime and store, as they turned out. */
  readonly variant: string;
  /** Whether what is settled survives the process. */
  readonly durable: boolean;
}

/** The writer's side: what is in it survives the death of the writer. */
export interface Journal {
  /** The buffer is open. */
  opened(header: JournalHeader): void;
  /** An event is about to enter the buffer. */
  recorded(taskId: string, kind: string, text: string): void;
  /** The buffer said that the first `count` events of this journal are on disk, or counted. */
  settled(count: number): void;
  /** The buffer counted losses, by reason and kind. */
  lost(counts: unknown): void;
  /** How many events were recorded. */
  readonly count: number;
}

/** An event in a journal. */
export interface JournalEvent {
  readonly taskId: string;
  readonly kind: string;
  /** Digest of the canonical event. */
  readonly digest: string;
  /** The same without the event id and the fraction of the second, for a brain that keeps neither. */
  readonly coarse: string;
  /** Whether the buffer said that it is on disk. */
  readonly resolved: boolean;
}

/** What a journal says. */
export interface JournalFacts {
  readonly header: JournalHeader | null;
  readonly events: readonly JournalEvent[];
  /** Losses by `reason kind`. */
  readonly losses: Readonly<Record<string, number>>;
}

/**
 * Opens a journal. Each line is one write to the page cache, which a SIGKILL of
 * the writer does not take back.
 */
export function openJournal(path: string): Journal {
  const file = openSync(path, "a", 0o600);
  const write = (line: string): void => void writeSync(file, `${line}\n`);
  let count = 0;
  let told = "";
  return {
    get count() {
      return count;
    },
    opened: (header) => write(`h ${JSON.stringify(header)}`),
    recorded(taskId, kind, text) {
      count++;
      write(`r ${taskId} ${kind} ${digestOf(text)} ${coarseDigest(JSON.parse(text))}`);
    },
    settled: (upTo) => write(`s ${upTo}`),
    lost(counts) {
      const text = JSON.stringify(counts);
      if (text !== told) write(`l ${text}`);
      told = text;
    },
  };
}

/** Reads a journal; a last line without an end was never finished and does not count. */
export function readJournal(path: string): JournalFacts {
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  const events: { -readonly [K in keyof JournalEvent]: JournalEvent[K] }[] = [];
  let header: JournalHeader | null = null;
  let losses: Record<string, number> = {};
  let resolved = 0;
  for (const line of text.slice(0, text.lastIndexOf("\n") + 1).split("\n")) {
    const [mark, rest] = [line[0], line.slice(2)];
    if (mark === "h") header = JSON.parse(rest) as JournalHeader;
    else if (mark === "l") losses = flat(JSON.parse(rest));
    else if (mark === "s") resolved = Math.max(resolved, Number(rest));
    else if (mark === "r") {
      const [taskId = "", kind = "", digest = "", coarse = ""] = rest.split(" ");
      events.push({ taskId, kind, digest, coarse, resolved: false });
    }
  }
  for (const event of events.slice(0, resolved)) event.resolved = true;
  return { header, events, losses };
}

/** Digest of a canonical text. */
export function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Digest of what every brain keeps of an event. */
export function coarseDigest(event: JsonValue): string {
  if (!isJsonObject(event)) return "none";
  const { data = null, engine = null, kind = null, task_id = null } = event;
  const occurred_at = String(event["occurred_at"]).slice(0, 19);
  return digestOf(encodeCanonical({ data, engine, kind, occurred_at, task_id }));
}

function flat(counts: Record<string, Record<string, number>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(counts).flatMap(([reason, byKind]) =>
      Object.entries(byKind).map(([kind, count]) => [`${reason} ${kind}`, count])
    ),
  );
}
