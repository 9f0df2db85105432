import type { ServeOptions, Server, ServerSocketHandlers } from "./serve_port.ts";
import { refusedUpgrade } from "./serve_refusal.ts";

interface BunSocket {
  readonly data: ServerSocketHandlers;
  send(data: string | Uint8Array): number;
  close(code: number, reason: string): void;
  getBufferedAmount(): number;
}

interface BunServer {
  readonly port: number;
  stop(closeActive: boolean): Promise<void>;
  upgrade(request: Request, options: { readonly data: ServerSocketHandlers }): boolean;
  requestIP(request: Request): { readonly address: string } | null;
  timeout(request: Request, seconds: number): void;
}

interface BunGlobal {
  readonly Bun: { serve(options: Readonly<Record<string, unknown>>): BunServer };
}

// A connection that says nothing, or stops within its headers, is closed after this.
const SILENT_SECONDS = 30;

/** `Bun.serve`. Quiet sockets and event streams live: their idle timers are off. */
export function serveBun(options: ServeOptions): Server {
  const server = (globalThis as unknown as BunGlobal).Bun.serve({
    hostname: options.hostname,
    port: options.port,
    idleTimeout: SILENT_SECONDS,
    fetch(request: Request, server: BunServer) {
      // From here on the handler has its own deadlines; a stream has none.
      server.timeout(request, 0);
      const facts = { remoteAddress: server.requestIP(request)?.address ?? "" };
      const handlers = options.upgrade(request, facts);
      if (handlers === null) return options.fetch(request, facts);
      if (server.upgrade(request, { data: handlers })) return undefined;
      return refusedUpgrade(handlers);
    },
    websocket: {
      idleTimeout: 0,
      maxPayloadLength: options.maxMessageBytes,
      perMessageDeflate: false,
      open(socket: BunSocket) {
        socket.data.open({
          send: (data) => void socket.send(data),
          close: (code, reason) => socket.close(code, reason),
          bufferedBytes: () => socket.getBufferedAmount(),
        });
      },
      message: (socket: BunSocket, data: string | Uint8Array) => socket.data.message(data),
      close: (socket: BunSocket, code: number) => socket.data.closed(code),
    },
  });
  let stopping: Promise<void> | undefined;
  return { port: server.port, close: () => stopping ??= server.stop(true) };
}
