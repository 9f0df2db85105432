import type { ServerSocketHandlers } from "./serve_port.ts";

/** `Deno.upgradeWebSocket`. */
export type DenoUpgrade = (
  request: Request,
  options: { readonly idleTimeout: number },
) => { readonly socket: WebSocket; readonly response: Response };

/** Upgrades; `null` where key or version is missing, which `Deno.serve` would answer with 500. */
export function tryUpgrade(upgrade: DenoUpgrade, request: Request): ReturnType<DenoUpgrade> | null {
  try {
    return upgrade(request, { idleTimeout: 0 });
  } catch {
    return null;
  }
}

/** Wires the server's end of a Deno socket to its handlers. */
export function attachDenoSocket(
  socket: WebSocket,
  handlers: ServerSocketHandlers,
  maxBytes: number,
  gone: () => void,
): void {
  socket.binaryType = "arraybuffer";
  socket.onopen = () =>
    handlers.open({
      send: (data) => {
        if (socket.readyState === WebSocket.OPEN) socket.send(data as Uint8Array<ArrayBuffer>);
      },
      close: (code, reason) => socket.close(code, reason),
      bufferedBytes: () => socket.bufferedAmount,
    });
  socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
    const message = typeof data === "string" ? data : new Uint8Array(data);
    if (message.length <= maxBytes) handlers.message(message);
    else socket.close(1009, "message too big"); // Deno has no limit of its own
  };
  socket.onclose = (event) => {
    gone();
    handlers.closed(event.code);
  };
}
