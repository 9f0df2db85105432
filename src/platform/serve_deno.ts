import { systemClock, withDeadline } from "../base/clock.ts";
import { attachDenoSocket, type DenoUpgrade, tryUpgrade } from "./serve_deno_socket.ts";
import type { ServeOptions, Server } from "./serve_port.ts";
import { refusedUpgrade } from "./serve_refusal.ts";

// Structural, so that type checkers without Deno's types follow the import.
interface DenoServer {
  readonly addr: { readonly port: number };
  readonly finished: Promise<void>;
}
type DenoHandler = (
  request: Request,
  info: { readonly remoteAddr: { readonly hostname: string } },
) => Response | Promise<Response>;
interface DenoGlobal {
  serve(options: Readonly<Record<string, unknown>>, handler: DenoHandler): DenoServer;
  readonly upgradeWebSocket: DenoUpgrade;
}

// A peer that does not answer the close frame is dropped after this long.
const CLOSE_MS = 1_000;

/** `Deno.serve`. */
export function serveDeno({ hostname, port, ...options }: ServeOptions): Server {
  const { Deno } = globalThis as unknown as { readonly Deno: DenoGlobal };
  const stop = new AbortController();
  const sockets = new Set<WebSocket>();
  const listen = { hostname, port, signal: stop.signal, onListen() {} };
  const server = Deno.serve(listen, (request, info) => {
    const facts = { remoteAddress: info.remoteAddr.hostname };
    const handlers = options.upgrade(request, facts);
    if (handlers === null) return options.fetch(request, facts);
    const upgraded = tryUpgrade(Deno.upgradeWebSocket, request);
    if (upgraded === null) return refusedUpgrade(handlers);
    const { socket, response } = upgraded;
    sockets.add(socket);
    const gone = (): unknown => sockets.delete(socket);
    attachDenoSocket(socket, handlers, options.maxMessageBytes, gone);
    return response;
  });
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.close(1001, "");
    stop.abort();
    await withDeadline(systemClock, server.finished, CLOSE_MS);
  };
  let stopping: Promise<void> | undefined;
  return { port: server.addr.port, close: () => stopping ??= close() };
}
