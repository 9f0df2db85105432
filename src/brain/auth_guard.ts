import type { MiddlewareHandler } from "hono";
import { getCookie } from "hono/cookie";
import { MAX_BODY_BYTES } from "./auth_limits.ts";
import { type HttpContext, type HttpEnv, type HttpParts, HttpRefusal } from "./http_env.ts";

const LOOPBACK_NAMES: ReadonlySet<string> = new Set(["127.0.0.1", "localhost", "[::1]"]);
const OPEN_PATHS: ReadonlySet<string> = new Set(["/api/v1/health", "/sign-in"]);
const READING: ReadonlySet<string> = new Set(["GET", "HEAD"]);

const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  // `no-referrer` would make browsers send `Origin: null` with our own forms.
  "referrer-policy": "same-origin",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

/** Name of the session cookie; ports share cookies, so it holds the port. */
export function cookieName(parts: HttpParts): string {
  return `z4j_session_${parts.address.port ?? 0}`;
}

/** Puts the security headers on every answer, also on refusals. */
export function secureHeaders(): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    await next();
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) c.header(name, value);
    if (!c.res.headers.has("cache-control")) c.header("cache-control", "no-store");
  };
}

/** Refuses a foreign `Host`: a name that was rebound to this machine. */
export function hostGuard(parts: HttpParts): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    if (!isOurHost(c.req.header("host"), parts.address.port)) {
      throw new HttpRefusal(421, "this brain answers to localhost and 127.0.0.1 only");
    }
    await next();
  };
}

/** Lets nobody pass without a session or the API token, and no cross-site change. */
export function accessGuard(parts: HttpParts): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    if (Number(c.req.header("content-length") ?? 0) > MAX_BODY_BYTES) {
      throw new HttpRefusal(413, `the body is larger than ${MAX_BODY_BYTES} bytes`);
    }
    if (OPEN_PATHS.has(c.req.path) && READING.has(c.req.method)) return await next();
    const caller = await identify(c, parts);
    if (caller === null) throw new HttpRefusal(401, "sign in, or send the API token");
    if (caller === "session" && !READING.has(c.req.method) && !isSameOrigin(c)) {
      throw new HttpRefusal(403, "cross-site requests may not change anything");
    }
    await next();
  };
}

async function identify(c: HttpContext, parts: HttpParts): Promise<"token" | "session" | null> {
  const header = c.req.header("authorization");
  if (header !== undefined) {
    const token = /^bearer +(\S+)$/i.exec(header.trim())?.[1] ?? "";
    return await parts.auth.isApiToken(token) ? "token" : null;
  }
  const session = getCookie(c, cookieName(parts));
  return session !== undefined && await parts.auth.hasSession(session) ? "session" : null;
}

// `Sec-Fetch-Site` cannot be set by pages; `Origin` stands in where it is missing.
function isSameOrigin(c: HttpContext): boolean {
  const site = c.req.header("sec-fetch-site");
  if (site !== undefined) return site === "same-origin";
  return c.req.header("origin") === `http://${c.req.header("host")}`;
}

function isOurHost(host: string | undefined, port: number | null): boolean {
  const match = /^(\[[0-9a-f:]+\]|[^:]+)(?::(\d+))?$/i.exec(host ?? "");
  if (match === null || !LOOPBACK_NAMES.has((match[1] ?? "").toLowerCase())) return false;
  return port === null || Number(match[2] ?? 80) === port;
}
