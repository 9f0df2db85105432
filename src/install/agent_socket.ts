import { droppable } from "../platform/droppable_socket.ts";
import type { NetworkInit, NetworkNeeds } from "../platform/network.ts";
import { openQuietSocket } from "../platform/quiet_socket.ts";
import type { Transport } from "../transport/port.ts";
import { runtimeWebSocket, type WebSocketFactory } from "../transport/socket_like.ts";
import {
  createWebSocketTransport,
  type WebSocketTransportOptions,
} from "../transport/websocket.ts";

/** Opens sockets with these certificates or this proxy. */
export function socketFactory({ ca, proxy }: NetworkNeeds, init: NetworkInit): WebSocketFactory {
  // One that lets a script end by itself; only the runtime's own takes a proxy.
  return proxy === null
    ? (url, { headers }) => openQuietSocket(url, { headers, ca })
    : (url, { headers }) => droppable(runtimeWebSocket(url, { ...init, headers }));
}

/** The WebSocket transport of an agent; an own factory of the user goes first. */
export function createAgentSocket(
  options: WebSocketTransportOptions,
  needs: NetworkNeeds,
  init: NetworkInit,
): Transport {
  const webSocket = options.webSocket ?? socketFactory(needs, init);
  return createWebSocketTransport({ ...options, webSocket });
}
