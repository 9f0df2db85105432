import { AGENT_SOCKET_PATH, agentSocketUrl } from "./url.ts";

/**
 * The base of the brain's HTTP addresses, by the same rules as its socket
 * address: a path prefix is kept, and plain HTTP leaves this machine only when
 * that is permitted.
 *
 * @param brainUrl Base URL of the brain, `http`, `https`, `ws` or `wss`.
 * @param allowInsecure Permits unencrypted traffic to other machines.
 * @throws {Z4jError} `Z4J_SETTINGS_INVALID` for an unusable or unsafe address.
 */
export function brainHttpUrl(brainUrl: string, allowInsecure = false): string {
  const socket = agentSocketUrl(brainUrl, allowInsecure).replace(/^ws/, "http");
  return socket.slice(0, -AGENT_SOCKET_PATH.length);
}
