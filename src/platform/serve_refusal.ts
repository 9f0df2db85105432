import type { ServerSocketHandlers } from "./serve_port.ts";

const NEVER_OPENED = 1006;

/** Answers an upgrade that the runtime refuses: its socket never opens. */
export function refusedUpgrade(handlers: ServerSocketHandlers): Response {
  handlers.closed(NEVER_OPENED);
  return new Response("Expected a WebSocket upgrade\n", { status: 426 });
}
