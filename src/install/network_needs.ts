import { errorText, Z4jError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { NetworkInit, NetworkNeeds } from "../platform/network.ts";
import type { Platform } from "../platform/port.ts";
import type { Settings } from "../settings/settings.ts";
import type { FetchLike } from "../transport/long_poll.ts";
import { parseProxy, PROXY_ENV_NAMES, proxyFromEnv } from "../transport/proxy.ts";

/** What finding the network needs. */
export interface NetworkParts {
  /** Reads the CA file and the proxy variables; tells the runtime. */
  readonly platform: Pick<Platform, "env" | "readTextFile" | "runtime">;
  /** The environment that the user gave, `false` for none. */
  readonly env: Readonly<Record<string, string>> | false | undefined;
  /** Where a change of the wire is told. */
  readonly logger: Logger;
}

/** The settings that decide how the network is reached. */
export type NetworkSettings = Pick<Settings, "brainUrl" | "ca" | "proxy">;

/**
 * Finds CA and proxy of these settings.
 *
 * @throws {Z4jError} `Z4J_SETTINGS_INVALID` for a CA or proxy that cannot be used.
 */
export function networkNeeds(settings: NetworkSettings, parts: NetworkParts): NetworkNeeds {
  const ca = settings.ca === null ? null : readCertificates(settings.ca, parts.platform);
  if (settings.proxy === null) return { ca, proxy: environmentProxy(settings, parts) };
  const parsed = parseProxy(settings.proxy);
  if (parsed.ok) return { ca, proxy: parsed.value };
  const message = `Cannot use proxy: ${parsed.state}, expected an http or https URL`;
  throw new Z4jError("Z4J_SETTINGS_INVALID", message);
}

function environmentProxy(
  { brainUrl }: NetworkSettings,
  { platform, env, logger }: NetworkParts,
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

function readCertificates(ca: string, platform: NetworkParts["platform"]): string {
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

/** Sends requests with these certificates or this proxy. */
export function fetchWith(init: NetworkInit): FetchLike {
  return (url, request) => globalThis.fetch(url, { ...init, ...request });
}
