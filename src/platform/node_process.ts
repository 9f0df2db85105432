/** The process as `node:` tells it. */
export type NodeProcess = typeof import("node:process");

/**
 * `node:process`, not imported: Deno would load it with this module, which
 * takes 12 ms; this way it is loaded when somebody asks.
 */
export function nodeProcess(): NodeProcess {
  return (globalThis as unknown as { readonly process: NodeProcess }).process;
}

/**
 * Whether the process has loaded `node:process`: always on Bun and Node; on
 * Deno its console has the streams of Node from then on.
 */
export function isNodeProcessLoaded(globals: object = globalThis): boolean {
  return !("Deno" in globals) || "_stdout" in console;
}
