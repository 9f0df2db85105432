import type { SessionEnd } from "./port.ts";

/** What a refused dial of the first transport says about the network. */
export type RefusalVerdict =
  /** The brain itself answered, or HTTP would meet the same. */
  | "stay"
  /** Something on the way does not let the upgrade through. */
  | "blocked"
  /** It may be that, or the brain may be down; repetition tells. */
  | "unclear";

// Answers to an upgrade that say nothing against it: token, credentials of a proxy, rate.
const NOT_ABOUT_UPGRADES: ReadonlySet<number> = new Set([401, 407, 429]);
const NO_CLOSE_FRAME = 1006;
const FORBIDDEN = 403;

/**
 * Tells whether long-poll is worth a try. A brain takes every upgrade and
 * refuses with a close code afterwards (protocol section 2.5), so an HTTP
 * status comes from something before it; only 401 may be the brain's own.
 */
export function judgeRefusal(end: SessionEnd): RefusalVerdict {
  const { code } = end;
  if (end.class === "incompatible" || end.class === "protocol") return "stay";
  if (end.class === "auth" && code !== FORBIDDEN) return "stay";
  if (code === null || code === NO_CLOSE_FRAME) return "unclear";
  if (code < 100 || code > 599 || NOT_ABOUT_UPGRADES.has(code)) return "stay";
  return code >= 500 ? "unclear" : "blocked";
}

/** Unclear refusals in a row after which long-poll is tried. */
export const UNCLEAR_REFUSALS = 2;

/** First wait before the WebSocket is tried again beside a long-poll session. */
export const REPROBE_FIRST_MS = 30_000;

/** The first wait where the brain may only have been down. */
export const REPROBE_SOON_MS = 2000;

/** Longest such wait. */
export const REPROBE_CAP_MS = 900_000;

/** How long an open WebSocket waits for the agent to take it over. */
export const CLAIM_MS = 15_000;

/** How long a WebSocket must last for the next outage to begin with short waits again. */
export const STEADY_MS = 300_000;

/** The `attempt`-th wait before the WebSocket is tried again, with up to a fifth of chance. */
export function reprobeDelayMs(attempt: number, firstMs: number, random: number): number {
  const ceiling = Math.min(REPROBE_CAP_MS, firstMs * 2 ** Math.min(attempt, 20));
  return ceiling * (0.8 + 0.2 * random);
}
