import { openQuietSocket } from "../../src/platform/quiet_socket.ts";
import type { WebSocketFactory } from "../../src/transport/socket_like.ts";

/** The socket that an agent opens where there is no proxy. */
export const agentSocket: WebSocketFactory = (url, { headers }) =>
  openQuietSocket(url, { headers, ca: null });
