import type { RuntimeName } from "./port.ts";

/** Which runtime this is, by what it offers; Deno and Bun also look like Node. */
export function detectRuntime(globals: object = globalThis): RuntimeName {
  if (isVersioned(Reflect.get(globals, "Deno"))) return "deno";
  return Reflect.has(globals, "Bun") ? "bun" : "node";
}

// A shim may define `Deno` for Node; only the runtime tells the version of its engine.
function isVersioned(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const version: unknown = Reflect.get(value, "version");
  return typeof version === "object" && version !== null &&
    typeof Reflect.get(version, "v8") === "string";
}
