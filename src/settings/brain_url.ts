import type { Parsed } from "./rule.ts";

const SCHEMES: Readonly<Record<string, string>> = {
  "http:": "http:",
  "https:": "https:",
  "ws:": "http:",
  "wss:": "https:",
};

/**
 * Reads the base URL of the brain. `ws:` and `wss:` mean `http:` and `https:`.
 * A path prefix is kept, slashes at the end are not.
 */
export function parseBrainUrl(text: string): Parsed<string> {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null) return wrong("it is not a URL");
  const scheme = SCHEMES[url.protocol];
  if (scheme === undefined) return wrong("its scheme is neither http nor https");
  if (url.hostname === "") return wrong("it names no host");
  if (url.username !== "" || url.password !== "" || hasAt(text)) {
    return wrong("it contains user information");
  }
  if (text.includes("?")) return wrong("it contains a query");
  if (text.includes("#")) return wrong("it contains a fragment");
  // The port of a ws URL is dropped when it is the default of that scheme, as with http.
  const path = url.pathname.replace(/\/+$/, "");
  return { ok: true, value: `${scheme}//${url.host}${path}` };
}

/** Tells whether the resolved URL would send credentials in the clear over a network. */
export function isPlainRemote(brainUrl: string): boolean {
  const url = new URL(brainUrl);
  return url.protocol === "http:" && !isLoopback(url.hostname);
}

/** Loopback: `localhost`, `*.localhost`, 127.0.0.0/8 and `::1`, as the URL parser prints them. */
export function isLoopback(hostname: string): boolean {
  const host = hostname.toLowerCase().replace(/\.$/, "");
  return host === "localhost" || host.endsWith(".localhost") || host === "[::1]" ||
    /^127\.\d+\.\d+\.\d+$/.test(host);
}

// `https://@host` and `https://:@host` parse with an empty user name.
function hasAt(text: string): boolean {
  return /^[a-z]+:[/\\]*[^/\\?#]*@/i.test(text);
}

function wrong(state: string): Parsed<string> {
  return { ok: false, state };
}
