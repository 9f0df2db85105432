import { isJsonObject, type JsonValue } from "../base/json.ts";
import type { StoredEntry } from "../buffer/port.ts";
import { encodeCanonical } from "../protocol/canonical_json.ts";
import { trimEvent } from "./event_bounds.ts";
import { utf8Length } from "./utf8_length.ts";

/**
 * An entry whose text fits a narrow session (long-poll takes bodies of 8 KiB):
 * the largest members of its data are replaced by a text that says so. `null`
 * when even that is too large, or the text is no event.
 */
export function fitEntry(entry: StoredEntry, maxBytes: number): StoredEntry | null {
  if (entry.bytes <= maxBytes) return entry;
  const event = parsed(entry.text);
  if (!isJsonObject(event)) return null;
  const text = encodeCanonical(trimEvent(event, maxBytes));
  const bytes = utf8Length(text);
  return bytes <= maxBytes ? { ...entry, text, bytes } : null;
}

function parsed(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return null;
  }
}
