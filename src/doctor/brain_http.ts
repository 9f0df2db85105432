import { errorText, type JsonObject, type JsonValue } from "@z4j/core/diagnostics";
import type { Route } from "./route.ts";

/** An HTTP answer, or why there is none. */
export type Answer =
  | {
    readonly kind: "answer";
    readonly status: number;
    readonly headers: Headers;
    /** The JSON object in it, or `null`. */
    readonly json: JsonObject | null;
    /** Peer's clock minus ours by the `Date` header, or `null`. */
    readonly clockOffsetMs: number | null;
  }
  | {
    readonly kind: "silence";
    /** The system's words, causes included. */
    readonly detail: string;
    /** Whether the runtime forbids the request. */
    readonly isForbidden: boolean;
  };

// More than any answer that a probe asks for.
const MAX_BYTES = 262_144;

/** Sends one request and reads the answer, within the time limit. Never rejects. */
export async function request(
  route: Route,
  path: string,
  init: RequestInit,
  timeoutMs: number,
): Promise<Answer> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), timeoutMs);
  const sentAt = Date.now();
  try {
    const response = await route.network.fetch(`${route.brainUrl}${path}`, {
      redirect: "manual",
      ...init,
      signal: limit.signal,
    });
    const arrivedAt = Date.now();
    return {
      kind: "answer",
      status: response.status,
      headers: response.headers,
      json: await readJson(response),
      clockOffsetMs: offsetOf(response.headers.get("date"), (sentAt + arrivedAt) / 2),
    };
  } catch (error) {
    const detail = limit.signal.aborted ? `no answer within ${timeoutMs / 1000} s` : causes(error);
    return { kind: "silence", detail, isForbidden: /NotCapable|net access/.test(detail) };
  } finally {
    clearTimeout(timer);
  }
}

// The header has whole seconds, cut off: half a second more is the best guess.
function offsetOf(date: string | null, nowMs: number): number | null {
  const atMs = date === null ? NaN : Date.parse(date);
  return Number.isFinite(atMs) ? Math.round(atMs + 500 - nowMs) : null;
}

async function readJson(response: Response): Promise<JsonObject | null> {
  const reader = response.body?.getReader();
  if (reader === undefined) return null;
  const decoder = new TextDecoder();
  let text = "";
  for (let bytes = 0; bytes <= MAX_BYTES;) {
    const { done, value } = await reader.read();
    if (done) return parse(text + decoder.decode());
    bytes += value.byteLength;
    text += decoder.decode(value, { stream: true });
  }
  await reader.cancel();
  return null;
}

function parse(text: string): JsonObject | null {
  try {
    const value = JSON.parse(text) as JsonValue;
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? value as JsonObject : null;
  } catch {
    return null;
  }
}

/** What an error and its causes say, in one line. */
export function causes(error: unknown): string {
  const texts: string[] = [];
  for (let at: unknown = error, depth = 0; at !== undefined && depth < 4; depth++) {
    texts.push(`${at instanceof Error ? `${at.name}: ` : ""}${errorText(at)}`);
    at = at instanceof Error ? at.cause : undefined;
  }
  return texts.join("; ").replaceAll(/\s+/g, " ").slice(0, 300);
}
