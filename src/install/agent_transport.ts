import type { Clock } from "../base/clock.ts";
import type { Settings } from "../settings/settings.ts";
import { createFailoverTransport } from "../transport/failover.ts";
import { createLongPollTransport } from "../transport/long_poll.ts";
import type { Transport } from "../transport/port.ts";
import type { WebSocketFactory } from "../transport/socket_like.ts";
import { createWebSocketTransport } from "../transport/websocket.ts";
import { agentNetwork, type NetworkParts } from "./agent_network.ts";

/** What a transport is made of besides settings. */
export interface TransportParts extends NetworkParts {
  /** How to open a socket, when the user says so. */
  readonly webSocket: WebSocketFactory | undefined;
  /** Time, when the user says so. */
  readonly clock: Clock | undefined;
}

/**
 * The way to the brain that the settings ask for: WebSocket, long-poll, or
 * the one with the other behind it.
 *
 * @throws {Z4jError} `Z4J_SETTINGS_INVALID` for a CA or proxy that cannot be
 * used, `Z4J_RUNTIME_UNSUPPORTED` where the runtime has no means for them.
 */
export function createAgentTransport(settings: Settings, parts: TransportParts): Transport {
  const network = agentNetwork(settings, parts);
  const shared = {
    brainUrl: settings.brainUrl,
    token: settings.token,
    allowInsecure: settings.devMode,
    ...(parts.clock === undefined ? {} : { clock: parts.clock }),
  };
  const socket = (): Transport =>
    createWebSocketTransport({ ...shared, webSocket: parts.webSocket ?? network.webSocket });
  const longPoll = (): Transport =>
    createLongPollTransport({ ...shared, fetch: network.fetch, logger: parts.logger });
  if (settings.transport === "ws") return socket();
  if (settings.transport === "longpoll") return longPoll();
  return createFailoverTransport([socket(), longPoll()], {
    logger: parts.logger,
    ...(parts.clock === undefined ? {} : { clock: parts.clock }),
  });
}
