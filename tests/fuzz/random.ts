import process from "node:process";
import { createRandom as createStream } from "../../scripts/chaos_parts/random.ts";

/** Random choices that one seed repeats exactly, on every runtime. */
export interface Random {
  /** An integer from 0 to `limit - 1`. */
  below(limit: number): number;
  /** One of the items. */
  pick<T>(items: readonly T[]): T;
}

/** Creates the choices of a seed. */
export function createRandom(seed: number): Random {
  const { next } = createStream(seed);
  const below = (limit: number): number => Math.floor(next() * limit);
  return { below, pick: (items) => items[below(items.length)] as (typeof items)[number] };
}

/** How many cases a target gets and from which seed; the environment overrides both. */
export const FUZZ: { readonly cases: number; readonly seed: number } = {
  cases: Number(process.env["Z4J_FUZZ_CASES"] ?? 20_000),
  seed: Number(process.env["Z4J_FUZZ_SEED"] ?? 1),
};
