import { frameId } from "../base/ids.ts";
import type { StoredEntry } from "../buffer/port.ts";
import type { Batch, LoadedBatch } from "./in_flight.ts";
import { utf8Length } from "./utf8_length.ts";

/** Bytes of a payload without events. */
export const EVENTS_FRAME_BYTES: number = '{"events":[]}'.length;

/** A batch of stored events, oldest first. */
export function storedBatch(first: StoredEntry, rest: readonly StoredEntry[]): LoadedBatch {
  const entries = [first, ...rest];
  return {
    id: frameId("ev"),
    origin: "stored",
    payloadText: payloadOf(entries.map((entry) => entry.text)),
    count: entries.length,
    bytes: entries.reduce((sum, entry) => sum + entry.bytes + 1, EVENTS_FRAME_BYTES),
    firstId: first.id,
    lastId: (rest.at(-1) ?? first).id,
    only: rest.length === 0 ? first : null,
    oldestMs: occurredAtMs(first.text),
    settle: null,
  };
}

/**
 * When the event of a canonical text occurred, Unix milliseconds, or `null`. Inputs
 * may hold a key of the same name, but they come before it.
 */
export function occurredAtMs(text: string): number | null {
  const key = '"occurred_at":"';
  const at = text.lastIndexOf(key);
  if (at < 0) return null;
  const from = at + key.length;
  const time = Date.parse(text.slice(from, text.indexOf('"', from)));
  return Number.isFinite(time) ? time : null;
}

/** A batch of a schedule stream; `settle` is told how it ended. */
export function scheduleBatch(
  events: readonly string[],
  settle: NonNullable<Batch["settle"]>,
): LoadedBatch {
  const payloadText = payloadOf(events);
  return {
    id: frameId("ev"),
    origin: "schedule",
    payloadText,
    count: events.length,
    bytes: utf8Length(payloadText),
    firstId: 0,
    lastId: 0,
    only: null,
    settle,
  };
}

/** An empty batch: its ack proves the session. */
export function probeBatch(): LoadedBatch {
  const payloadText = payloadOf([]);
  return {
    id: frameId("ev"),
    origin: "probe",
    payloadText,
    count: 0,
    bytes: payloadText.length,
    firstId: 0,
    lastId: 0,
    only: null,
    settle: null,
  };
}

// The stored texts are canonical and the only key is alone, so this text is too.
function payloadOf(texts: readonly string[]): string {
  return `{"events":[${texts.join(",")}]}`;
}

/**
 * What to remember of a batch that was handed over. The texts of a stored one
 * stay in the buffer until its ack, so memory need not hold them a second time.
 */
export function unloaded(batch: LoadedBatch): Batch {
  if (batch.origin !== "stored") return batch;
  const { payloadText: _, ...rest } = batch;
  return rest;
}

/** Whether a batch has its texts at hand. */
export function isLoaded(batch: Batch): batch is LoadedBatch {
  return "payloadText" in batch;
}

/** A batch with its texts again, under the same frame id; `null` unless all are there. */
export function reloaded(batch: Batch, entries: readonly StoredEntry[]): LoadedBatch | null {
  const own = entries.filter(({ id }) => id <= batch.lastId);
  if (own.length !== batch.count) return null;
  return { ...batch, payloadText: payloadOf(own.map((entry) => entry.text)) };
}
