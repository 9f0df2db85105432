import type { Random } from "../chaos_parts/random.ts";

/** Who runs: a process with an agent on SQLite or on Deno KV, or with the embedded brain. */
export type Host = "agent" | "kv" | "brain";
/** Runtime of the host. */
export type Runtime = "bun" | "deno";
/** What the kernel answers. */
export const ERRORS = ["ENOSPC", "EIO", "EACCES"] as const;

/** System calls that write, sync, make or remove. */
export const CALLS = [
  "openat",
  "pwrite64",
  "ftruncate",
  "fsync",
  "fdatasync",
  "unlink",
  "fchmod",
  "fchmodat",
  "chmod",
] as const;

/** One thing that goes wrong. */
export interface Fault {
  readonly host: Host;
  readonly runtime: Runtime;
  /** The system call; `driver` where none can be made to fail. */
  readonly call: string;
  readonly at: number;
  /** `twice`: the next call of the kind fails as well, as when mending fails. */
  readonly mode: "once" | "twice" | "ever";
  readonly error: typeof ERRORS[number];
}

/**
 * Every fault that a run has a place for. Writes are by far the most, and SQLite
 * tells only a full disk from the rest: each of them fails once, every second
 * one for ever, with one of the errors in turn. Every other call fails with each.
 */
export function everyFault(
  host: Host,
  runtime: Runtime,
  counts: Readonly<Record<string, number>>,
): Fault[] {
  return Object.entries(counts).flatMap(([call, count]) =>
    (isSync(call) ? MODES : ONCE_AND_EVER).flatMap((mode, turn) =>
      Array.from({ length: count }, (_, i) => i + 1).flatMap((at) => {
        const isOne = isFrequent(call) || mode === "twice";
        if (isFrequent(call) && mode === "ever" && at % 2 === 0) return [];
        const errors = isOne ? [ERRORS[(at + turn) % ERRORS.length]] : ERRORS;
        return errors.map((error = "EIO") => ({ host, runtime, call, at, mode, error }));
      })
    )
  );
}

const MODES = ["once", "twice", "ever"] as const;
const ONCE_AND_EVER = ["once", "ever"] as const;

function isSync(call: string): boolean {
  return call === "fsync" || call === "fdatasync";
}

function isFrequent(call: string): boolean {
  return call === "pwrite64" || call === "driver";
}

/** A sample with every kind of call in it: half syncs, makings and removals, half writes. */
export function sample(faults: readonly Fault[], count: number, random: Random): Fault[] {
  if (faults.length <= count) return [...faults];
  const frequent = faults.filter(({ call }) => isFrequent(call));
  const rare = faults.filter(({ call }) => !isFrequent(call));
  const few = Math.max(Math.ceil(count / 2), count - frequent.length);
  const ofRare = spread(rare, Math.min(rare.length, few), random);
  return [...ofRare, ...spread(frequent, count - ofRare.length, random)];
}

/** Some of a list, from every part of it. */
function spread(list: readonly Fault[], count: number, random: Random): Fault[] {
  return Array.from({ length: Math.min(count, list.length) }, (_, i) => {
    const at = Math.floor((i + random.next()) * list.length / count);
    return list[at] as Fault;
  });
}

/** A fault in words. */
export function describe(fault: Fault): string {
  const { host, runtime, call, error } = fault;
  return `${host} on ${runtime}: ${call} ${whenOf(fault)} ${error}`;
}

/** Which calls fail, as strace wants to hear it. */
export function whenOf({ at, mode }: Pick<Fault, "at" | "mode">): string {
  return { once: `${at}`, twice: `${at}..${at + 1}`, ever: `${at}+` }[mode];
}
