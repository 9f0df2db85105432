import type { Clock } from "../base/clock.ts";
import { errorText, Z4jError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { droppable } from "../platform/droppable_socket.ts";
import { type NetworkInit, networkInit, type NetworkNeeds } from "../platform/network.ts";
import type { Platform } from "../platform/port.ts";
import type { Settings } from "../settings/settings.ts";
import { createFailoverTransport } from "../transport/failover.ts";
import { createLongPollTransport, type FetchLike } from "../transport/long_poll.ts";
import type { Transport } from "../transport/port.ts";
import { parseProxy, PROXY_ENV_NAMES, proxyFromEnv } from "../transport/proxy.ts";
import { runtimeWebSocket, type WebSocketFactory } from "../transport/socket_like.ts";
import { createWebSocketTransport } from "../transport/websocket.ts";

/** What a transport is made of besides settings. */
export interface TransportParts {
  /** Reads the CA file and the proxy variables; tells the runtime. */
  readonly platform: Platform;
  /** The environment that the user gave, `false` for none. */
  readonly env: Readonly<Record<string, string>> | false | undefined;
  /** Where a change of the wire is told. */
  readonly logger: Logger;
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
  const init = networkInit(networkNeeds(settings, parts), parts.platform.runtime);
  const shared = {
    brainUrl: settings.brainUrl,
    token: settings.token,
    allowInsecure: settings.devMode,
    ...(parts.clock === undefined ? {} : { clock: parts.clock }),
  };
  const socket = (): Transport =>
    createWebSocketTransport({ ...shared, webSocket: parts.webSocket ?? webSocketWith(init) });
  const longPoll = (): Transport =>
    createLongPollTransport({ ...shared, fetch: fetchWith(init), logger: parts.logger });
  if (settings.transport === "ws") return socket();
  if (settings.transport === "longpoll") return longPoll();
  return createFailoverTransport([socket(), longPoll()], {
    logger: parts.logger,
    ...(parts.clock === undefined ? {} : { clock: parts.clock }),
  });
}

function webSocketWith(init: NetworkInit): WebSocketFactory {
  return (url, { headers }) => droppable(runtimeWebSocket(url, { ...init, headers }));
}

function fetchWith(init: NetworkInit): FetchLike {
  return (url, request) => globalThis.fetch(url, { ...init, ...request });
}

function networkNeeds(settings: Settings, parts: TransportParts): NetworkNeeds {
  const ca = settings.ca === null ? null : readCertificates(settings.ca, parts.platform);
  if (settings.proxy === null) return { ca, proxy: environmentProxy(settings, parts) };
  const parsed = parseProxy(settings.proxy);
  if (parsed.ok) return { ca, proxy: parsed.value };
  const message = `Cannot use proxy: ${parsed.state}, expected an http or https URL`;
  throw new Z4jError("Z4J_SETTINGS_INVALID", message);
}

function environmentProxy(
  { brainUrl }: Settings,
  { platform, env, logger }: TransportParts,
): NetworkNeeds["proxy"] {
  // Node has its own switch for these variables and no other means.
  if (env === false || platform.runtime === "node") return null;
  const found = proxyFromEnv(brainUrl, env ?? platform.env(PROXY_ENV_NAMES));
  if (found === null) return null;
  const parsed = parseProxy(found);
  if (parsed.ok) return parsed.value;
  // It was meant for other programs; that must not keep the agent from its work.
  logger.warn({ state: parsed.state }, "the proxy of the environment is not used");
  return null;
}

function readCertificates(ca: string, platform: Platform): string {
  if (ca.includes("-----BEGIN")) return ca;
  let text: string;
  try {
    text = platform.readTextFile(ca);
  } catch (cause) {
    const message = `Cannot use ca: the file cannot be read (${errorText(cause)}), expected a ` +
      "readable file with PEM certificates";
    throw new Z4jError("Z4J_SETTINGS_INVALID", message, { cause });
  }
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  const message = "Cannot use ca: the file holds no PEM certificate, expected at least one";
  throw new Z4jError("Z4J_SETTINGS_INVALID", message);
}
