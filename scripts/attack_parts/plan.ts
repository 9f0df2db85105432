import type { Random } from "../chaos_parts/random.ts";

/** What an attacker knows of the brain. */
export interface Target {
  readonly port: number;
  readonly apiToken: string;
  /** A session's cookie, as a page of another site could make a browser send it. */
  readonly cookie: string;
  /** Token of an agent, without its secret. */
  readonly stolen: string;
}

/** One attack: what is written, at which pace, and what must not come of it. */
export interface Plan {
  readonly kind: string;
  /** Written in this order, with a pause of `paceMs` between. */
  readonly parts: readonly (string | Uint8Array)[];
  readonly paceMs: number;
  /** After the last part: wait for an answer, half-close, reset, or wait for the end. */
  readonly then: "answer" | "half" | "reset" | "hold";
  /** Whether a 2xx would be a break-in. */
  readonly refused: boolean;
  /** Whether the brain has to end the connection by itself. */
  readonly ends: boolean;
  /** How long it may take; 10 s when left out. */
  readonly waitMs?: number;
}

/** Makes one plan of a kind. */
export type Planner = (target: Target, random: Random) => Partial<Plan>;

/** Names that an attacker tries to create begin with it. */
export const CREATED = "hostile-";

/** A request with the right `Host`, unless `headers` has another. */
export function request(
  { port }: Target,
  line: string,
  headers: readonly string[] = [],
  body = "",
): string {
  const named = headers.some((header) => /^host:/i.test(header));
  const host = named ? [] : [`Host: 127.0.0.1:${port}`];
  return [`${line} HTTP/1.1`, ...host, ...headers, "", body].join("\r\n");
}

/** A body that would mint an agent. */
export function mintBody(random: Random): string {
  return JSON.stringify({ name: `${CREATED}${random.int(0, 1e9)}` });
}

/** Cuts a text into parts of random size. */
export function pieces(text: string, random: Random, most: number): string[] {
  const parts: string[] = [];
  for (let at = 0; at < text.length;) {
    const size = random.int(1, most);
    parts.push(text.slice(at, at + size));
    at += size;
  }
  return parts;
}
