/**
 * Watches the event loop from now on.
 *
 * @returns Ends the watch; answers the longest time that the loop stood still, in milliseconds.
 */
export function watchLoop(everyMs: number): () => number {
  let last = performance.now();
  let longest = 0;
  const look = (): void => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  };
  const timer = setInterval(look, everyMs);
  return () => {
    clearInterval(timer);
    look();
    return longest;
  };
}
