import type { MaybePromise } from "../base/maybe_promise.ts";
import type { Neighbourhood, NeighbourhoodParts } from "./neighbours.ts";
import type { OrphanAnswer } from "./orphan.ts";
import type { EventStore, StoreLimits } from "./port.ts";

/** A place that this process shares with others. */
export interface Home {
  /** The own buffer among the names. */
  readonly own: string;
  /** Bounds of the own buffer. */
  readonly limits: StoreLimits;
  /** Every buffer there that may be an orphan. */
  readonly names: () => MaybePromise<readonly string[]>;
  /** Opens one if its process is gone. */
  readonly open: (name: string) => MaybePromise<OrphanAnswer>;
  /** Starts the looking after dead neighbours; only who shares a place has its code. */
  readonly watch: (parts: NeighbourhoodParts) => Neighbourhood;
  /** Gives the own one back. */
  readonly release: () => MaybePromise<void>;
}

/** A store, and the place that it is in where that is shared. */
export interface OpenedStore {
  readonly store: EventStore;
  readonly home?: Home;
}
