import { randomHex } from "../../base/ids.ts";
import type { BullWorkerLike } from "./like.ts";
import { nameOfUser } from "./worker_claim.ts";

// Column width of the brain (protocol section 11.4).
const MAX_NAME = 200;

/** Gives a worker its name on the wire; the same one every time. */
export type NameWorker = (worker: BullWorkerLike) => string;

/**
 * Creates the giver of names: distinct and in a form that redaction leaves alone,
 * so no `@`, no spaces (protocol section 11.1).
 *
 * @param several Whether there may be more workers than one.
 * @param base Common name of the workers of this process, if the user gave one.
 * @param pid Process id; without it a random mark keeps processes apart.
 */
export function createWorkerNames(
  several: boolean,
  base: string | undefined,
  pid?: number,
): NameWorker {
  const names = new WeakMap<BullWorkerLike, string>();
  const taken = new Set<string>();
  const mark = pid === undefined ? randomHex(3) : String(pid);
  return (worker) => {
    const known = names.get(worker);
    if (known !== undefined) return known;
    const wanted = plainName(wantedName(worker, mark, base, several));
    let name = wanted;
    for (let i = 2; taken.has(name); i++) name = `${wanted}-${i}`;
    // Processes that make workers all the time repeat names rather than keep them all.
    if (taken.size < MAX_TAKEN) taken.add(name);
    names.set(worker, name);
    return name;
  };
}

/** Names for all workers of a list. */
export function nameWorkers(
  workers: readonly BullWorkerLike[],
  base: string | undefined,
  pid?: number,
): ReadonlyMap<BullWorkerLike, string> {
  const nameOf = createWorkerNames(workers.length > 1, base, pid);
  return new Map(workers.map((worker) => [worker, nameOf(worker)]));
}

const MAX_TAKEN = 1_000;

function wantedName(
  worker: BullWorkerLike,
  mark: string,
  base: string | undefined,
  several: boolean,
): string {
  if (base !== undefined) return several ? `${base}-${worker.name}` : base;
  return nameOfUser(worker) ?? `${worker.name}-${mark}`;
}

/** A name in a form that redaction leaves alone. */
export function plainName(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9_.:-]+/g, "-").slice(0, MAX_NAME) || "worker";
}
