import type { HonoContextLike } from "./hono_types.ts";

// Whoever adds one of these speaks for somebody else, whose address is unknown here.
const FORWARDING: readonly string[] = [
  "forwarded",
  "via",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-real-ip",
  "cf-connecting-ip",
];

/**
 * Address of the peer as the server handed it to `app.fetch()`: `Deno.serve`,
 * `Bun.serve` and `@hono/node-server` each in their own way. `null` when none did.
 */
export function peerAddress({ env, req }: HonoContextLike): string | null {
  try {
    return denoAddress(env) ?? nodeAddress(env) ?? bunAddress(env, req.raw);
  } catch {
    return null;
  }
}

/** Tells whether a request comes from this machine itself, and not through a proxy on it. */
export function isLocalRequest(context: HonoContextLike): boolean {
  const { raw } = context.req;
  if (raw === undefined || FORWARDING.some((name) => raw.headers.has(name))) return false;
  const address = peerAddress(context);
  // A page of elsewhere may make a browser ask this machine under its own name.
  return address !== null && isLoopbackAddress(address) && isLoopbackName(raw.url);
}

/** Tells whether a peer address is of the loopback. */
export function isLoopbackAddress(address: string): boolean {
  const plain = address.toLowerCase().replace(/^::ffff:/, "");
  return plain === "::1" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(plain);
}

function isLoopbackName(url: string): boolean {
  const { hostname } = new URL(url);
  const plain = hostname.replace(/^\[|\]$/g, "");
  return plain === "localhost" || plain.endsWith(".localhost") || isLoopbackAddress(plain);
}

function denoAddress(env: unknown): string | null {
  return text(member(member(env, "remoteAddr"), "hostname"));
}

function nodeAddress(env: unknown): string | null {
  return text(member(member(member(env, "incoming"), "socket"), "remoteAddress"));
}

function bunAddress(env: unknown, request: Request | undefined): string | null {
  const server = typeof member(env, "requestIP") === "function" ? env : member(env, "server");
  const requestIP = member(server, "requestIP");
  if (typeof requestIP !== "function" || request === undefined) return null;
  return text(member(Reflect.apply(requestIP, server, [request]), "address"));
}

function member(value: unknown, key: string): unknown {
  if (typeof value !== "object" && typeof value !== "function") return undefined;
  return value === null ? undefined : (value as Readonly<Record<string, unknown>>)[key];
}

function text(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}
