import { Z4jError } from "../base/errors.ts";

/** Path of the agent socket below the brain's base URL (protocol section 2.1). */
export const AGENT_SOCKET_PATH = "/ws/agent";

const SOCKET_SCHEME: Readonly<Record<string, "ws:" | "wss:">> = {
  "http:": "ws:",
  "ws:": "ws:",
  "https:": "wss:",
  "wss:": "wss:",
};

/** Tells whether a host name can only mean this machine. */
export function isLoopbackHost(hostname: string): boolean {
  const host = hostname.toLowerCase().replace(/^\[|\]$/g, "").replace(/\.$/, "");
  return host === "localhost" || host.endsWith(".localhost") || host === "::1" ||
    /^127(\.\d{1,3}){3}$/.test(host);
}

/**
 * The WebSocket address of the agent endpoint: a path prefix is kept, trailing
 * slashes, query and fragment are dropped (protocol section 2.1).
 *
 * @param brainUrl Base URL of the brain, `http`, `https`, `ws` or `wss`.
 * @param allowInsecure Permits unencrypted traffic to other machines.
 * @throws {Z4jError} `Z4J_SETTINGS_INVALID` for an unusable or unsafe address.
 */
export function agentSocketUrl(brainUrl: string, allowInsecure = false): string {
  const url = parseBrainUrl(brainUrl);
  const scheme = SOCKET_SCHEME[url.protocol];
  if (scheme === undefined) {
    throw invalid(`its scheme is ${url.protocol}, expected https: or http:`);
  }
  if (scheme === "ws:" && !allowInsecure && !isLoopbackHost(url.hostname)) {
    throw invalid(`it is not encrypted and ${url.hostname} is another machine, expected https:`);
  }
  return `${scheme}//${url.host}${url.pathname.replace(/\/+$/, "")}${AGENT_SOCKET_PATH}`;
}

function parseBrainUrl(brainUrl: string): URL {
  let url: URL;
  try {
    url = new URL(brainUrl.trim());
  } catch {
    // The cause would repeat the text, which may hold credentials.
    throw invalid("it is not a URL, expected for example https://z4j.example.com");
  }
  if (url.username !== "" || url.password !== "") {
    throw invalid("it holds credentials, expected them in the token setting");
  }
  return url;
}

function invalid(state: string): Z4jError {
  return new Z4jError("Z4J_SETTINGS_INVALID", `Cannot use the brain URL: ${state}`);
}
