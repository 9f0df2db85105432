import type { Clock } from "../base/clock.ts";
import { networkInit } from "../platform/network.ts";
import type { Settings } from "../settings/settings.ts";
import { createLateTransport } from "../transport/late.ts";
import { brainHttpUrl } from "../transport/long_poll_url.ts";
import type { Transport } from "../transport/port.ts";
import type { WebSocketFactory } from "../transport/socket_like.ts";
import { agentSocketUrl } from "../transport/url.ts";
import { fetchWith, networkNeeds, type NetworkParts } from "./network_needs.ts";

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
  const needs = networkNeeds(settings, parts);
  const init = networkInit(needs, parts.platform.runtime);
  const { brainUrl, token, devMode: allowInsecure } = settings;
  // Refused here, as every other setting, and not at the first dial.
  agentSocketUrl(brainUrl, allowInsecure);
  brainHttpUrl(brainUrl, allowInsecure);
  const { webSocket, logger, clock } = parts;
  const shared = { brainUrl, token, allowInsecure, ...(clock === undefined ? {} : { clock }) };
  const socket = (): Transport =>
    createLateTransport("websocket", async () => {
      const { createAgentSocket } = await import("./agent_socket.ts");
      const options = webSocket === undefined ? shared : { ...shared, webSocket };
      return createAgentSocket(options, needs, init);
    });
  const longPoll = (): Transport =>
    createLateTransport("longpoll", async () => {
      const { createLongPollTransport } = await import("../transport/long_poll.ts");
      return createLongPollTransport({ ...shared, fetch: fetchWith(init), logger });
    });
  if (settings.transport === "ws") return socket();
  if (settings.transport === "longpoll") return longPoll();
  return createLateTransport("websocket", async () => {
    const { createFailoverTransport } = await import("../transport/failover.ts");
    const options = { logger, ...(clock === undefined ? {} : { clock }) };
    return createFailoverTransport([socket(), longPoll()], options);
  });
}
