import { createMemoryStore } from "../../src/buffer/memory.ts";
import type { EventStore, LossByKind, MetaChanges, NewEntry } from "../../src/buffer/port.ts";

/** A memory store whose writes fail on demand and are counted. */
export interface StoreDouble extends EventStore {
  /** What the next writes throw; `null` lets them pass. */
  failure: Error | null;
  /** What each `append` took, refused ones included. */
  readonly appends: number[];
  /** How often `removeRange` was called. */
  removals: number;
  /** Holds the loop for this long in each append. */
  costMs: number;
  /** Whether `close` was called. */
  closed: boolean;
}

/** Creates the double; `spend` is told how long an append held the loop. */
export function createStoreDouble(spend: (ms: number) => void = () => {}): StoreDouble {
  const inner = createMemoryStore();
  const guard = (double: StoreDouble): void => {
    if (double.failure !== null) throw double.failure;
  };
  const double: StoreDouble = {
    failure: null,
    appends: [],
    removals: 0,
    costMs: 0,
    closed: false,
    capabilities: { kind: "memory", durable: false, path: "/buffer" },
    storeId: inner.storeId,
    append(entries, meta) {
      double.appends.push(entries.length);
      spend(double.costMs);
      guard(double);
      return inner.append(entries, meta);
    },
    read: (afterId, limits) => {
      guard(double);
      return inner.read(afterId, limits);
    },
    removeRange(firstId, lastId) {
      double.removals += 1;
      guard(double);
      return inner.removeRange(firstId, lastId);
    },
    depth: () => inner.depth(),
    losses: () => inner.losses(),
    getMeta: (key) => inner.getMeta(key),
    setMeta: (key, value) => inner.setMeta(key, value),
    close() {
      double.closed = true;
      return inner.close();
    },
  };
  return double;
}

/** A store that answers by promises which the test resolves one by one. */
export interface SlowStore extends EventStore {
  /** Lets the oldest waiting append pass or fail. */
  finish(error?: Error): Promise<void>;
  /** How many appends wait. */
  readonly waiting: number;
}

/** Creates the slow store. */
export function createSlowStore(): SlowStore {
  const inner = createMemoryStore();
  const queue: ((error?: Error) => void)[] = [];
  const append = (entries: readonly NewEntry[], meta?: MetaChanges): Promise<LossByKind> =>
    new Promise((resolve, reject) => {
      queue.push((error) => error ? reject(error) : resolve(inner.append(entries, meta)));
    });
  return {
    capabilities: inner.capabilities,
    storeId: inner.storeId,
    append,
    read: (afterId, limits) => Promise.resolve(inner.read(afterId, limits)),
    removeRange: (firstId, lastId) => Promise.resolve(inner.removeRange(firstId, lastId)),
    depth: () => inner.depth(),
    losses: () => inner.losses(),
    getMeta: (key) => Promise.resolve(inner.getMeta(key)),
    setMeta: (key, value) => Promise.resolve(inner.setMeta(key, value)),
    close: () => inner.close(),
    async finish(error) {
      queue.shift()?.(error);
      for (let i = 0; i < 10; i++) await Promise.resolve();
    },
    get waiting() {
      return queue.length;
    },
  };
}
