/** Waits until `probe` gives something truthy; fails with `what` at the deadline. */
export async function until<T>(
  what: string,
  probe: () => T | Promise<T>,
  deadlineMs = 20_000,
): Promise<NonNullable<T>> {
  const end = Date.now() + deadlineMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value) return value as NonNullable<T>;
      last = value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) {
      throw new Error(`${what}: not within ${deadlineMs} ms; last seen ${describe(last)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
}

function describe(value: unknown): string {
  return value instanceof Error ? value.message : JSON.stringify(value)?.slice(0, 500) ?? "nothing";
}
