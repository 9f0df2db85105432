import type { Announcement } from "../agent/hello.ts";

// Tokens that bind a stream of schedules to the very session that announces
// them: it would be given to a process that does not have the scheduler.
const OWN_SESSION_TOKENS: ReadonlySet<string> = new Set([
  "external_schedule_stable_snapshot_v1",
  "external_schedule_mutation_v1",
]);

/** What one process brings, and what its neighbours on the same token bring. */
export function unionOf(own: Announcement, others: readonly Announcement[]): Announcement {
  const capabilities = new Map<string, ReadonlySet<string>>(
    Object.entries(own.capabilities).map(([name, tokens]) => [name, new Set(tokens)]),
  );
  for (const other of others) {
    for (const [name, tokens] of Object.entries(other.capabilities)) {
      const shared = tokens.filter((token) => !OWN_SESSION_TOKENS.has(token));
      capabilities.set(name, new Set([...capabilities.get(name) ?? [], ...shared]));
    }
  }
  const names = (
    of: (all: Announcement) => readonly string[],
  ): string[] => [...new Set([own, ...others].flatMap(of))];
  return {
    engines: names(({ engines }) => engines),
    schedulers: names(({ schedulers }) => schedulers),
    capabilities: Object.fromEntries([...capabilities].map(([name, all]) => [name, [...all]])),
  };
}

/** Whether an announcement has everything that another one has. */
export function covers(announced: Announcement, wanted: Announcement): boolean {
  const has = (all: readonly string[], some: readonly string[]): boolean =>
    some.every((name) => all.includes(name));
  return has(announced.engines, wanted.engines) && has(announced.schedulers, wanted.schedulers) &&
    Object.entries(wanted.capabilities).every(([name, tokens]) =>
      has(announced.capabilities[name] ?? [], tokens)
    );
}

/** Whether there is nothing in it that the brain could show. */
export function isEmpty({ engines, schedulers }: Announcement): boolean {
  return engines.length === 0 && schedulers.length === 0;
}
