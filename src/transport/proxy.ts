import { isLoopbackHost } from "./url.ts";

/** A proxy as the runtimes want it: the address apart from the credentials. */
export interface ProxyAddress {
  /** `http://host:port` without credentials. */
  readonly url: string;
  /** User and password, or `null`. */
  readonly credentials: { readonly username: string; readonly password: string } | null;
}

/** The variables that name proxies; the lower-case spelling wins. */
export const PROXY_ENV_NAMES: readonly string[] = [
  "https_proxy",
  "HTTPS_PROXY",
  "http_proxy",
  "HTTP_PROXY",
  "all_proxy",
  "ALL_PROXY",
  "no_proxy",
  "NO_PROXY",
  "REQUEST_METHOD",
];

type Env = Readonly<Record<string, string>>;

/**
 * The proxy for an address, or `null` to go directly.
 *
 * `HTTPS_PROXY` serves https, `HTTP_PROXY` http, `ALL_PROXY` what is left, and
 * `NO_PROXY` names the exceptions. This machine is always an exception, as is
 * `HTTP_PROXY` in a CGI process, where any client could set it.
 *
 * @param target Base URL of the brain.
 * @param env The environment.
 */
export function proxyFromEnv(target: string, env: Env): string | null {
  const url = new URL(target);
  if (isLoopbackHost(url.hostname) || isExcepted(url, read(env, "no_proxy") ?? "")) return null;
  const isSecure = url.protocol === "https:" || url.protocol === "wss:";
  const own = isSecure ? read(env, "https_proxy") : plainProxy(env);
  return own ?? read(env, "all_proxy");
}

function plainProxy(env: Env): string | null {
  const isCgi = env["REQUEST_METHOD"] !== undefined;
  return isCgi ? nonEmpty(env["http_proxy"]) : read(env, "http_proxy");
}

function read(env: Env, name: string): string | null {
  return nonEmpty(env[name]) ?? nonEmpty(env[name.toUpperCase()]);
}

function nonEmpty(text: string | undefined): string | null {
  const trimmed = text?.trim() ?? "";
  return trimmed === "" ? null : trimmed;
}

function isExcepted(url: URL, exceptions: string): boolean {
  const host = bare(url.hostname);
  const port = url.port || (/^(https|wss):$/.test(url.protocol) ? "443" : "80");
  return exceptions.split(/[\s,]+/).filter((one) => one !== "").some((one) => {
    if (one === "*") return true;
    const { name, only } = splitPort(one);
    return (only === null || only === port) && matches(host, bare(name));
  });
}

// `host:8443` and `[::1]:8443` have a port; a bare IPv6 address only has colons.
function splitPort(text: string): { readonly name: string; readonly only: string | null } {
  const match = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(text);
  return { name: match?.[1] ?? text, only: match?.[2] ?? null };
}

function matches(host: string, pattern: string): boolean {
  const slash = pattern.indexOf("/");
  if (slash > 0) return inNetwork(host, pattern.slice(0, slash), Number(pattern.slice(slash + 1)));
  const name = pattern.replace(/^\*?\./, "");
  return name !== "" && (host === name || host.endsWith(`.${name}`));
}

// Networks are understood for IPv4, which is what people write there.
function inNetwork(host: string, network: string, bits: number): boolean {
  const left = ipv4(host);
  const right = ipv4(network);
  if (left === null || right === null || !(bits >= 0 && bits <= 32)) return false;
  const size = 2 ** (32 - bits);
  return Math.floor(left / size) === Math.floor(right / size);
}

function ipv4(text: string): number | null {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number);
  if (parts === undefined || parts.some((part) => part > 255)) return null;
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}

function bare(host: string): string {
  return host.toLowerCase().replace(/^\[|\]$/g, "").replace(/\.$/, "");
}

/** What is wrong with a proxy address, without the address, or the address in parts. */
export function parseProxy(
  text: string,
): { readonly ok: true; readonly value: ProxyAddress } | {
  readonly ok: false;
  readonly state: string;
} {
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  if (!URL.canParse(full)) return { ok: false, state: "it is not a URL" };
  const url = new URL(full);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    return { ok: false, state: "its scheme is neither http nor https" };
  }
  if (url.hostname === "") return { ok: false, state: "it names no host" };
  const hasUser = url.username !== "" || url.password !== "";
  return {
    ok: true,
    value: {
      url: `${url.protocol}//${url.host}`,
      credentials: hasUser
        ? { username: decode(url.username), password: decode(url.password) }
        : null,
    },
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
