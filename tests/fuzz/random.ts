import process from "node:process";

/** Random choices that one seed repeats exactly, on every runtime. */
export interface Random {
  /** An integer from 0 to `limit - 1`. */
  below(limit: number): number;
  /** One of the items. */
  pick<T>(items: readonly T[]): T;
}

/** Creates the choices of a seed (32-bit mulberry). */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const below = (limit: number): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  };
  return { below, pick: (items) => items[below(items.length)] as (typeof items)[number] };
}

/** How many cases a target gets and from which seed; the environment overrides both. */
export const FUZZ: { readonly cases: number; readonly seed: number } = {
  cases: Number(process.env["Z4J_FUZZ_CASES"] ?? 20_000),
  seed: Number(process.env["Z4J_FUZZ_SEED"] ?? 1),
};
