/** Runs `action` at the first call; every later call gets the same promise. */
export function once<A extends readonly unknown[], T>(
  action: (...args: A) => Promise<T>,
): (...args: A) => Promise<T> {
  let running: Promise<T> | undefined;
  return (...args) => running ??= action(...args);
}
