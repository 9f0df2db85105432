import { isJsonObject, type JsonObject, type JsonValue } from "../base/json.ts";
import { encodeCanonical } from "../protocol/canonical_json.ts";
import type { EventDraft } from "../protocol/event_wire.ts";
import type { RedactionTrace } from "../redaction/walk.ts";
import { trimEvent } from "./event_bounds.ts";
import { MAX_EVENT_BYTES } from "./limits.ts";
import type { Privacy } from "./privacy.ts";
import type { RedactorLike } from "./recorder.ts";
import { utf8Length } from "./utf8_length.ts";

/** An event as it goes over the wire. */
export interface EncodedEvent {
  /** Canonical JSON text. */
  readonly text: string;
  /** Its size in UTF-8 bytes. */
  readonly bytes: number;
  /** The same as an object. */
  readonly event: JsonObject;
}

/** What an event goes through. */
export interface EncoderParts {
  /** Makes data printable and removes what is sensitive. */
  readonly redactor: RedactorLike;
  /** What stays in this process besides. */
  readonly privacy: Privacy;
  /** Queue of what has none in its data. */
  readonly queue?: string | undefined;
}

/**
 * Turns a draft into what leaves the process: private parts removed, redacted,
 * bounded, printed.
 *
 * @throws TypeError for a redactor that breaks its contract, RangeError for an
 * event that no frame holds.
 */
export function encodeEvent(
  draft: EventDraft,
  { redactor, privacy, queue }: EncoderParts,
  trace?: RedactionTrace,
): EncodedEvent {
  const data = privacy(draft, trace, queue);
  // Task ids are redacted too: a brain would do it on arrival, after the wire.
  const taskId = redactor.redact(draft.task_id);
  if (trace !== undefined && taskId !== draft.task_id) trace("task_id", "what the text contains");
  const event: Record<string, JsonValue> = { ...draft, data, task_id: taskId };
  const text = encodeCanonical(event);
  const bytes = utf8Length(text);
  if (bytes <= MAX_EVENT_BYTES) return { text, bytes, event };
  return encodeTrimmed(event, trace);
}

function encodeTrimmed(whole: JsonObject, trace: RedactionTrace | undefined): EncodedEvent {
  const event = trimEvent(whole, MAX_EVENT_BYTES);
  const text = encodeCanonical(event);
  const bytes = utf8Length(text);
  if (bytes > MAX_EVENT_BYTES) throw new RangeError("the event is larger than a frame");
  const { data: before } = whole;
  const { data: after } = event;
  if (trace !== undefined && isJsonObject(before) && isJsonObject(after)) {
    for (const key of Object.keys(before)) {
      if (before[key] !== after[key]) trace(key, "the event is larger than 256 KiB");
    }
  }
  return { text, bytes, event };
}
