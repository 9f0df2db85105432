import type { BrainEvent, BrainKind } from "./brain_rows.ts";
import type { JournalFacts } from "./journal.ts";

/** What became of every event. */
export interface Account {
  /** Events that a writer handed to its buffer. */
  readonly recorded: number;
  /** Of these, the ones that the buffer said are on disk, or counted as lost. */
  readonly resolved: number;
  /** Events in the brain. */
  readonly stored: number;
  /** Resolved events that are in the brain exactly once with their digest. */
  readonly delivered: number;
  /** Events in the brain that died with their writer before they were resolved, but arrived. */
  readonly unresolvedDelivered: number;
  /** Events that died with their writer before they were resolved, and did not arrive. */
  readonly unresolvedGone: number;
  /** Resolved events that are missing, for a reason that the buffer counted. */
  readonly countedLoss: number;
  /** What the buffers counted, by `reason kind`. */
  readonly losses: Readonly<Record<string, number>>;
  /** Broken promises; empty means that the account holds. */
  readonly broken: Broken;
}

/** Task ids by the promise that was broken. */
export interface Broken {
  /** Resolved, uncounted, not in the brain. */
  readonly lost: readonly string[];
  /** In the brain more than once. */
  readonly doubled: readonly string[];
  /** In the brain with another digest. */
  readonly altered: readonly string[];
  /** In the brain, never recorded. */
  readonly phantom: readonly string[];
  /** Recorded twice with different digests: the account itself would be wrong. */
  readonly ambiguous: readonly string[];
}

interface Entry {
  readonly kind: string;
  readonly digest: string;
  resolved: boolean;
  seen: number;
}

/** Compares what the writers' journals promise with what the brain holds, by id and digest. */
export function balance(
  brain: BrainKind,
  journals: readonly JournalFacts[],
  stored: readonly BrainEvent[],
): Account {
  const ambiguous: string[] = [];
  const entries = collect(brain, journals, ambiguous);
  const { phantom, altered } = match(entries, stored);
  const doubled = [...entries].filter(([, { seen }]) => seen > 1).map(([taskId]) => taskId);
  const missing = [...entries].filter(([, { resolved, seen }]) => resolved && seen === 0);
  const losses = sum(journals);
  const lost = uncounted(missing, losses);
  const all = [...entries.values()];
  const count = (keep: (entry: Entry) => boolean): number => all.filter(keep).length;
  const resolved = count((entry) => entry.resolved);
  return {
    recorded: entries.size,
    resolved,
    stored: stored.length,
    delivered: count((entry) => entry.resolved && entry.seen === 1),
    unresolvedDelivered: count((entry) => !entry.resolved && entry.seen > 0),
    unresolvedGone: count((entry) => !entry.resolved && entry.seen === 0),
    countedLoss: missing.length - lost.length,
    losses,
    broken: { lost, doubled, altered, phantom, ambiguous },
  };
}

/** Whether every promise was kept. */
export function holds({ broken }: Account): boolean {
  return Object.values(broken).every((ids) => ids.length === 0);
}

function collect(
  brain: BrainKind,
  journals: readonly JournalFacts[],
  ambiguous: string[],
): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const event of journals.flatMap(({ events }) => events)) {
    const digest = brain === "embedded" ? event.digest : event.coarse;
    const known = entries.get(event.taskId);
    if (known === undefined) {
      const { kind, resolved } = event;
      entries.set(event.taskId, { kind, digest, resolved, seen: 0 });
    } else {
      // A neighbour that adopts an event passes it on as it is.
      if (known.digest !== digest) ambiguous.push(event.taskId);
      known.resolved ||= event.resolved;
    }
  }
  return entries;
}

function match(
  entries: Map<string, Entry>,
  stored: readonly BrainEvent[],
): { readonly phantom: readonly string[]; readonly altered: readonly string[] } {
  const phantom: string[] = [];
  const altered: string[] = [];
  for (const { taskId, digest } of stored) {
    const entry = entries.get(taskId);
    if (entry === undefined) {
      phantom.push(taskId);
      continue;
    }
    entry.seen++;
    if (entry.digest !== digest) altered.push(taskId);
  }
  return { phantom, altered };
}

/** What is missing beyond what was counted, kind by kind. */
function uncounted(
  missing: readonly (readonly [string, Entry])[],
  losses: Readonly<Record<string, number>>,
): string[] {
  const left = new Map<string, number>();
  for (const [name, count] of Object.entries(losses)) {
    const kind = name.slice(name.indexOf(" ") + 1);
    left.set(kind, (left.get(kind) ?? 0) + count);
  }
  const lost: string[] = [];
  for (const [taskId, { kind }] of missing) {
    const excused = left.get(kind) ?? 0;
    if (excused > 0) left.set(kind, excused - 1);
    else lost.push(taskId);
  }
  return lost;
}

function sum(journals: readonly JournalFacts[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const { losses } of journals) {
    for (const [name, count] of Object.entries(losses)) total[name] = (total[name] ?? 0) + count;
  }
  return total;
}
