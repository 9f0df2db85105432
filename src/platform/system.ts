import { posixDeno } from "./deno_global.ts";
import { denoSystem } from "./system_deno.ts";
import { nodeSystem } from "./system_node.ts";
import type { System } from "./system_port.ts";

/**
 * The system under this process: on Deno its own interface, because the first
 * `node:` modules of a process take it 20 ms.
 */
export function openSystem(globals: object = globalThis): System {
  const deno = posixDeno(globals);
  return deno === null ? nodeSystem() : denoSystem(deno);
}
