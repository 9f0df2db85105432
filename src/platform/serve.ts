import { errorText, Z4jError } from "../base/errors.ts";
import type { ServeOptions, Server } from "./serve_port.ts";

/**
 * Starts a server for HTTP and WebSocket on this runtime.
 *
 * @throws {Z4jError} `Z4J_BRAIN_SERVE` when the address cannot be listened on;
 * `details.reason` is `port_taken` when another process has it.
 * @throws {Z4jError} `Z4J_RUNTIME_UNSUPPORTED` elsewhere than on Deno and Bun.
 */
export async function startServer(options: ServeOptions): Promise<Server> {
  const serve = await loadServe();
  try {
    return serve(options);
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

async function loadServe(): Promise<(options: ServeOptions) => Server> {
  if ("Bun" in globalThis) return (await import("./serve_bun.ts")).serveBun;
  if ("Deno" in globalThis) return (await import("./serve_deno.ts")).serveDeno;
  throw new Z4jError(
    "Z4J_RUNTIME_UNSUPPORTED",
    "Cannot start a server: this runtime has neither Bun.serve nor Deno.serve, " +
      "expected Bun 1.4 or Deno 2.9",
  );
}

function isTaken(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error ? error.code : undefined;
  return code === "EADDRINUSE" || error.name === "AddrInUse";
}
