import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { ChangeFeed } from "./changes.ts";
import type { Database } from "./database.ts";
import type { BrainLimits } from "./limits.ts";

/** Where the brain takes ids and secrets from. */
export interface RandomSource {
  /** A random UUID (version 4). */
  uuid(): string;
  /** That many random bytes. */
  bytes(count: number): Uint8Array<ArrayBuffer>;
}

/** The randomness of this process. */
export const systemRandom: RandomSource = {
  uuid: () => crypto.randomUUID(),
  bytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
};

/** What every part of the brain works with. */
export interface BrainContext {
  readonly db: Database;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly logger: Logger;
  readonly limits: BrainLimits;
  readonly changes: ChangeFeed;
}
