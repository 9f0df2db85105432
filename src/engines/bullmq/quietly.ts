/** Runs something whose failure must reach nobody. */
export function quietly(action: () => void): void {
  try {
    action();
  } catch {
    // The host's listeners and calls go on as if we were not there.
  }
}
