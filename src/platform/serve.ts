import { errorText, Z4jError } from "../base/errors.ts";
import type { MaybePromise } from "../base/maybe_promise.ts";
import type { ServeOptions, Server } from "./serve_port.ts";

/**
 * Starts a server for HTTP and WebSocket on this runtime.
 *
 * @throws {Z4jError} `Z4J_BRAIN_SERVE` when the address cannot be listened on;
 * `details.reason` is `port_taken` when another process has it.
 */
export async function startServer(options: ServeOptions): Promise<Server> {
  const serve = await loadServe();
  try {
    return await serve(options);
  } catch (cause) {
    const taken = isTaken(cause);
    const state = taken ? "the port is taken, expected a free one" : errorText(cause);
    throw new Z4jError(
      "Z4J_BRAIN_SERVE",
      `Cannot listen on ${options.hostname}:${options.port}: ${state}`,
      { cause, details: { reason: taken ? "port_taken" : "listen_failed", port: options.port } },
    );
  }
}

async function loadServe(): Promise<(options: ServeOptions) => MaybePromise<Server>> {
  if ("Bun" in globalThis) return (await import("./serve_bun.ts")).serveBun;
  if ("Deno" in globalThis) return (await import("./serve_deno.ts")).serveDeno;
  return (await import("./serve_node.ts")).serveNode;
}

function isTaken(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error ? error.code : undefined;
  return code === "EADDRINUSE" || error.name === "AddrInUse";
}
