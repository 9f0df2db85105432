/** Remembers the newest keys, up to a bound. */
export interface Recent {
  /** Adds a key; tells whether it is new. */
  add(key: string): boolean;
}

/** Creates a memory of `limit` keys; the oldest are forgotten first. */
export function createRecent(limit: number): Recent {
  const keys = new Set<string>();
  return {
    add(key) {
      if (keys.has(key)) return false;
      keys.add(key);
      if (keys.size > limit) { for (const oldest of keys) return keys.delete(oldest); }
      return true;
    },
  };
}
