import { backoffMs } from "../base/backoff.ts";
import { errorText } from "../base/errors.ts";
import type { LogFacts, Logger } from "../base/logger.ts";
import { STORAGE_BACKOFF } from "./limits.ts";

/** The bookkeeping of a store that refuses writes. */
export interface WriteTrouble {
  /** Whether the last attempt failed. */
  readonly active: boolean;
  /** Notes a failure, says a new cause once; answers the wait before the next attempt. */
  failed(error: unknown): number;
  /** Notes a success; says once, with these facts, that all is well again. */
  recovered(facts: LogFacts): void;
}

// More causes than this in one outage are not told apart.
const MAX_CAUSES = 16;

/** What the log lines of one kind of work say. */
export interface TroubleText {
  /** When a new cause shows up. */
  readonly failed: string;
  /** When it works again. */
  readonly recovered: string;
}

/** Creates the bookkeeping of one kind of work. */
export function createWriteTrouble(
  logger: Logger,
  random: () => number,
  path: string | null,
  text: TroubleText,
): WriteTrouble {
  let failures = 0;
  const causes = new Set<string>();
  return {
    get active() {
      return failures > 0;
    },
    failed(error) {
      failures += 1;
      const reason = errorText(error);
      if (!causes.has(reason) && causes.size < MAX_CAUSES) {
        causes.add(reason);
        logger.warn({ path, reason }, text.failed);
      }
      return backoffMs(failures, STORAGE_BACKOFF, random());
    },
    recovered(facts) {
      if (failures === 0) return;
      logger.info({ path, failures, ...facts }, text.recovered);
      failures = 0;
      causes.clear();
    },
  };
}
