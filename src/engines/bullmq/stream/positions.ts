import type { EngineHost } from "../../contract.ts";
import { member } from "../facts.ts";
import type { RedisLink } from "../redis/link.ts";
import type { SharedKeys } from "./keys.ts";
import { parsePosition, type Position } from "./position.ts";

/** Where a new reader goes on. */
export interface Beginning {
  /** Since when the project reads here; what is older is history. Unix milliseconds of Redis. */
  readonly sinceMs: number | undefined;
  /** Position of every queue that was read before. */
  readonly positions: ReadonlyMap<string, Position>;
}

/** Name of the field that holds `sinceMs`; the name of a queue has no colon. */
export const SINCE_FIELD = ":since";

const STATE_KEY = "positions";

/** Reads the positions in Redis or, when they are gone from there, those that this agent kept. */
export async function loadBeginning(
  link: RedisLink,
  keys: SharedKeys,
  host: EngineHost,
): Promise<Beginning | undefined> {
  const answer = await link.call("HGETALL", [keys.cursors]);
  if (answer.ended !== "value") return undefined;
  const shared = Array.isArray(answer.value) ? answer.value.map(String) : [];
  return parse(shared.length > 0 ? shared : await kept(host));
}

/** Keeps positions beside the buffer, for a Redis that forgot them. */
export async function keepPositions(
  host: EngineHost,
  fields: readonly string[],
): Promise<void> {
  try {
    await host.state.set(STATE_KEY, JSON.stringify(fields));
  } catch {
    // They are in Redis as well; without both the history is read again.
  }
}

async function kept(host: EngineHost): Promise<readonly string[]> {
  try {
    const text = await host.state.get(STATE_KEY);
    const list: unknown = text === null ? [] : JSON.parse(text);
    return Array.isArray(list) ? list.map(String) : [];
  } catch {
    return [];
  }
}

function parse(fields: readonly string[]): Beginning {
  const positions = new Map<string, Position>();
  let sinceMs: number | undefined;
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const [name = "", value] = [fields[i], fields[i + 1]];
    const position = parsePosition(value);
    if (name === SINCE_FIELD) sinceMs = Number(value) || undefined;
    else if (position !== undefined) positions.set(name, position);
  }
  return { sinceMs, positions };
}

/** Names of the streams in the answer of XREAD, of either protocol version. */
export function streamsOf(answer: unknown): readonly string[] {
  if (Array.isArray(answer)) {
    // ioredis 6 speaks version 3, where the answer is a map, and flattens it.
    const isFlat = typeof answer[0] === "string";
    return isFlat
      ? answer.filter((_, i) => i % 2 === 0).map(String)
      : answer.map((stream) => String(member(stream, "0")));
  }
  if (typeof answer === "object" && answer !== null) return Object.keys(answer);
  return [];
}
