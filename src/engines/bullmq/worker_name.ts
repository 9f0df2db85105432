import { randomHex } from "../../base/ids.ts";
import { member, text } from "./facts.ts";
import type { BullWorkerLike } from "./like.ts";

// Column width of the brain (protocol section 11.4).
const MAX_NAME = 200;

/**
 * A name for every worker, distinct and in a form that redaction leaves alone:
 * no `@`, no spaces (protocol section 11.1).
 *
 * @param base Common name of the workers of this process, if the user gave one.
 * @param pid Process id; without it a random mark keeps processes apart.
 */
export function nameWorkers(
  workers: readonly BullWorkerLike[],
  base: string | undefined,
  pid?: number,
): ReadonlyMap<BullWorkerLike, string> {
  const names = new Map<BullWorkerLike, string>();
  const taken = new Set<string>();
  const mark = pid === undefined ? randomHex(3) : String(pid);
  for (const worker of workers) {
    const wanted = plainName(wantedName(worker, mark, base, workers.length > 1));
    let name = wanted;
    for (let i = 2; taken.has(name); i++) name = `${wanted}-${i}`;
    taken.add(name);
    names.set(worker, name);
  }
  return names;
}

function wantedName(
  worker: BullWorkerLike,
  mark: string,
  base: string | undefined,
  several: boolean,
): string {
  if (base !== undefined) return several ? `${base}-${worker.name}` : base;
  return text(member(member(worker, "opts"), "name")) ?? `${worker.name}-${mark}`;
}

function plainName(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9_.:-]+/g, "-").slice(0, MAX_NAME) || "worker";
}
