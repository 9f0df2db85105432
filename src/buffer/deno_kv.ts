import { Z4jError } from "../base/errors.ts";
import type { DenoKvLike } from "./kv_like.ts";

/**
 * Opens Deno KV; without a path the default database of the script or the
 * deployment.
 *
 * @throws {Z4jError} `Z4J_RUNTIME_UNSUPPORTED` where there is no Deno KV, with
 *   what to switch on; `Z4J_BUFFER_OPEN` when it cannot be opened.
 */
export async function loadDenoKv(
  path?: string,
  globals: object = globalThis,
): Promise<DenoKvLike> {
  const deno: unknown = Reflect.get(globals, "Deno");
  const openKv: unknown = typeof deno === "object" && deno !== null
    ? Reflect.get(deno, "openKv")
    : undefined;
  if (typeof openKv !== "function") {
    throw new Z4jError("Z4J_RUNTIME_UNSUPPORTED", missing(deno !== undefined));
  }
  try {
    return await Reflect.apply(openKv, deno, [path]) as DenoKvLike;
  } catch (cause) {
    throw new Z4jError(
      "Z4J_BUFFER_OPEN",
      `Cannot open Deno KV ${path ?? "(default)"}: ${
        cause instanceof Error ? cause.message : "unknown error"
      }`,
      { cause },
    );
  }
}

function missing(isDeno: boolean): string {
  if (!isDeno) return "Cannot open Deno KV: this runtime is not Deno, expected Deno 2.9";
  return "Cannot open Deno KV: Deno.openKv is missing, " +
    'expected "unstable": ["kv"] in deno.json or the flag --unstable-kv';
}
