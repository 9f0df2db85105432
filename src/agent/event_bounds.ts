import { isJsonObject, type JsonObject, type JsonValue } from "../base/json.ts";

/**
 * A copy of an event that fits a size: the largest members of its data are
 * replaced, one after the other, by a text that says what was there.
 */
export function trimEvent(event: JsonObject, maxBytes: number): JsonObject {
  const from = event["data"];
  if (!isJsonObject(from)) return event;
  const sizes = Object.entries(from)
    .map(([key, value]) => ({ key, size: sizeOf(value) }))
    .sort((a, b) => b.size - a.size);
  const data: Record<string, JsonValue> = { ...from };
  let total = sizes.reduce((sum, { key, size }) => sum + size + sizeOf(key) + 2, 0) +
    sizeOf({ ...event, data: {} });
  for (const { key, size } of sizes) {
    if (total <= maxBytes) break;
    const marker = markerFor(key, size);
    data[key] = marker;
    total -= size - sizeOf(marker);
  }
  return { ...event, data };
}

// args and kwargs keep their container: a brain shows them as such.
function markerFor(key: string, size: number): JsonValue {
  const text = `[${size} bytes removed: the event was too large]`;
  if (key === "args") return [text];
  if (key === "kwargs" || key === "context" || key === "tags") return { removed: text };
  return text;
}

function sizeOf(value: JsonValue): number {
  return new TextEncoder().encode(JSON.stringify(value)).length;
}
