/** Places for runs; who finds none waits for its turn. */
export interface Slots {
  /** Takes a place. */
  take(): Promise<void>;
  /** Gives a place back. */
  free(): void;
}

/** Creates `limit` places. */
export function createSlots(limit: number): Slots {
  let used = 0;
  const waiting: (() => void)[] = [];
  return {
    take() {
      if (used < limit) {
        used++;
        return Promise.resolve();
      }
      return new Promise((resolve) => waiting.push(resolve));
    },
    free() {
      const next = waiting.shift();
      if (next === undefined) used--;
      else next();
    },
  };
}
