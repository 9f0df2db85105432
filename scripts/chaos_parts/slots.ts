import type { Runtime } from "./child.ts";

/** A kind of writer. */
export interface Variant {
  /** Runtime and store, as the journal must confirm. */
  readonly name: string;
  readonly runtime: Runtime;
  /** What its environment adds. */
  readonly env: Readonly<Record<string, string>>;
}

/** Every kind of writer. They share one home, where each adopts what others left. */
export const VARIANTS: readonly Variant[] = [
  { name: "bun-sqlite", runtime: "bun", env: {} },
  { name: "deno-sqlite", runtime: "deno", env: {} },
  { name: "deno-kv", runtime: "deno", env: { Z4J_BUFFER_STORE: "deno-kv" } },
];
