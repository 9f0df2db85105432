import type { Clock } from "../base/clock.ts";
import { JsonFloat, type JsonTree } from "./json_nodes.ts";
import { MAX_CLOCK_SKEW_MS, NONCE_MEMORY_MS, NONCE_TABLE_SIZE } from "./limits.ts";
import { parseTimestampMs } from "./timestamps.ts";

/** Which replay rule a frame broke (protocol section 9, in the order of the checks). */
export type ReplayProblem =
  | "bad_seq"
  | "bad_nonce"
  | "bad_ts"
  | "clock_skew"
  | "stale_seq"
  | "reused_nonce";

/** The members that the guard looks at, as parsed and unchecked. */
export interface ReplayFields {
  /** An integer of at least 1; `true` counts as 1. */
  readonly seq: JsonTree | undefined;
  /** A non-empty string. */
  readonly nonce: JsonTree | undefined;
  /** An ISO timestamp with an offset. */
  readonly ts: JsonTree | undefined;
}

/** Remembers what one direction of one session has used up. */
export interface ReplayGuard {
  /** Checks a frame and, only if it passes, remembers it; `null` = passed. */
  admit(fields: ReplayFields): ReplayProblem | null;
  /** Highest sequence number seen; 0 before the first. */
  readonly lastSeq: number | bigint;
}

/** Creates the replay state of one direction of one session (protocol section 9). */
export function createReplayGuard(clock: Clock): ReplayGuard {
  const nonces = new Map<string, number>();
  let lastSeq: number | bigint = 0;

  const isUsed = (nonce: string): boolean => {
    const usedAt = nonces.get(nonce);
    return usedAt !== undefined && clock.monotonic() - usedAt <= NONCE_MEMORY_MS;
  };
  const remember = (nonce: string): void => {
    nonces.delete(nonce);
    nonces.set(nonce, clock.monotonic());
    if (nonces.size <= NONCE_TABLE_SIZE) return;
    const oldest = nonces.keys().next();
    if (!oldest.done) nonces.delete(oldest.value);
  };

  return {
    get lastSeq() {
      return lastSeq;
    },
    admit({ seq, nonce, ts }) {
      const number = sequenceNumber(seq);
      if (number === null) return "bad_seq";
      if (typeof nonce !== "string" || nonce === "") return "bad_nonce";
      const sentAt = typeof ts === "string" ? parseTimestampMs(ts) : null;
      if (sentAt === null) return "bad_ts";
      if (Math.abs(clock.now() - sentAt) > MAX_CLOCK_SKEW_MS) return "clock_skew";
      if (number <= lastSeq) return "stale_seq";
      if (isUsed(nonce)) return "reused_nonce";
      lastSeq = number;
      remember(nonce);
      return null;
    },
  };
}

function sequenceNumber(seq: JsonTree | undefined): number | bigint | null {
  // The reference takes `true` for 1 (protocol 9, rule 1).
  if (seq === true) return 1;
  if (seq instanceof JsonFloat) return null;
  return (typeof seq === "number" || typeof seq === "bigint") && seq >= 1 ? seq : null;
}
