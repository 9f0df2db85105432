/** Remembers the newest keys, up to a bound. */
export interface Recent {
  /** Adds a key; tells whether it is new. */
  add(key: string): boolean;
}

/**
 * Creates a memory of at least the newest `limit` keys and at most twice as many.
 * Whole generations are dropped: deleting the first key of a large set again and
 * again is slow.
 */
export function createRecent(limit: number): Recent {
  let young = new Set<string>();
  let old: ReadonlySet<string> = new Set();
  return {
    add(key) {
      if (young.has(key) || old.has(key)) return false;
      if (young.size >= limit) {
        old = young;
        young = new Set();
      }
      young.add(key);
      return true;
    },
  };
}
