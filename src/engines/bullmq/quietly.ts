/** Runs something whose failure must reach nobody; `undefined` when it failed. */
export function quietly<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    // The host's listeners and calls go on as if we were not there.
    return undefined;
  }
}
