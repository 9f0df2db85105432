import { networkInit, type NetworkNeeds } from "../platform/network.ts";
import type { FetchLike } from "../transport/long_poll.ts";
import type { WebSocketFactory } from "../transport/socket_like.ts";
import { socketFactory } from "./agent_socket.ts";
import {
  fetchWith,
  networkNeeds,
  type NetworkParts,
  type NetworkSettings,
} from "./network_needs.ts";

/** The network as an agent of these settings uses it. */
export interface AgentNetwork {
  /** The certificates and the proxy. */
  readonly needs: NetworkNeeds;
  /** Opens sockets that way. */
  readonly webSocket: WebSocketFactory;
  /** Sends requests that way. */
  readonly fetch: FetchLike;
}

/**
 * Finds CA and proxy of these settings, and tells the runtime about them.
 *
 * @throws {Z4jError} `Z4J_SETTINGS_INVALID` for a CA or proxy that cannot be
 * used, `Z4J_RUNTIME_UNSUPPORTED` where the runtime has no means for them.
 */
export function agentNetwork(settings: NetworkSettings, parts: NetworkParts): AgentNetwork {
  const needs = networkNeeds(settings, parts);
  const init = networkInit(needs, parts.platform.runtime);
  return { needs, webSocket: socketFactory(needs, init), fetch: fetchWith(init) };
}
