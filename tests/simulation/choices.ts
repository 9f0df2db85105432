import { createRandom } from "../../scripts/chaos_parts/random.ts";

/** Where every decision of a schedule comes from. */
export interface Choices {
  /** One of `count` ways, from 0. */
  of(count: number): number;
  /** Whether something of this probability happens. */
  chance(probability: number): boolean;
  /** A number in [0, 1) for the jitter of the code under test. */
  jitter(): number;
}

/** The decisions of one schedule of a seed. */
export function seededChoices(seed: number, schedule: number): Choices {
  const { next, chance } = createRandom(
    Math.imul(seed, 0x9e3779b1) ^ Math.imul(schedule + 1, 0x85ebca6b),
  );
  return { of: (count) => Math.floor(next() * count), chance, jitter: next };
}

/** Every sequence of decisions, one run after another, depth first. */
export interface Search {
  /** The decisions of this run; each one beyond the known path is 0. */
  readonly choices: Choices;
  /** Prepares the next run; `false` when there is none. */
  next(): boolean;
}

/** Creates a search that begins with the run in which every decision is 0. */
export function createSearch(): Search {
  const path: { taken: number; readonly count: number }[] = [];
  let depth = 0;
  return {
    choices: {
      of(count) {
        const known = path[depth];
        if (known === undefined) path.push({ taken: 0, count });
        return path[depth++]?.taken ?? 0;
      },
      chance: () => false,
      jitter: () => 0.5,
    },
    next() {
      depth = 0;
      for (;;) {
        const last = path.at(-1);
        if (last === undefined) return false;
        if (++last.taken < last.count) return true;
        path.pop();
      }
    },
  };
}
