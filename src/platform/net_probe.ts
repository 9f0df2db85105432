import { lookup } from "node:dns/promises";
import { connect as connectTcp, type Socket } from "node:net";
import { errorText } from "../base/errors.ts";
import { type IsGranted, permissionCheck } from "./deno_permissions.ts";
import { codeOf } from "./real_path.ts";
import { createTlsProbe, type TlsOutcome, type TlsTarget } from "./tls_probe.ts";

/** Why the network did not answer, in one word for all runtimes. */
export type NetReason =
  /** The runtime forbids it. */
  | "permission"
  /** There is no such name. */
  | "not_found"
  /** The name service did not answer. */
  | "temporary"
  /** The machine answers, but nothing listens. */
  | "refused"
  /** Nothing answered in time. */
  | "timeout"
  /** No way leads there. */
  | "unreachable"
  /** The peer hung up. */
  | "reset"
  /** Something else; the detail tells. */
  | "other";

/** A failed look at the network. */
export interface NetFailure {
  /** Marks a failure. */
  readonly ok: false;
  /** Why, to branch on. */
  readonly reason: NetReason;
  /** What the system said, in one line. */
  readonly detail: string;
}

/** A host and a port. */
export interface NetTarget {
  /** Name or address; IPv6 without brackets. */
  readonly host: string;
  /** Port. */
  readonly port: number;
}

/** A proxy on the way, as `NetworkNeeds` has it. */
export interface NetProxy extends NetTarget {
  /** For basic authentication, or `null`. */
  readonly credentials: { readonly username: string; readonly password: string } | null;
}

/** What a proxy answered to CONNECT. */
type TunnelOutcome =
  | { readonly ok: true; readonly socket: Socket }
  | { readonly ok: false; readonly status: number }
  | NetFailure;

/** Looks at the network without speaking to a brain; nothing here throws. */
export interface NetProbe {
  /** Addresses of a name. */
  lookup(host: string, timeoutMs: number): Promise<
    { readonly ok: true; readonly addresses: readonly string[] } | NetFailure
  >;
  /** Opens a connection and closes it. */
  connect(target: NetTarget, timeoutMs: number): Promise<
    { readonly ok: true; readonly address: string } | NetFailure
  >;
  /** Asks a proxy for a way to the target; the status is 200 where it gives one. */
  tunnel(proxy: NetProxy, target: NetTarget, timeoutMs: number): Promise<
    { readonly ok: true; readonly status: number } | NetFailure
  >;
  /** Shakes hands over TLS and tells what the certificate says. */
  handshake(target: TlsTarget, timeoutMs: number): Promise<TlsOutcome>;
}

/** The network of this process, over the node: built-ins that the runtimes share. */
export function createNetProbe(): NetProbe {
  const isGranted = permissionCheck();
  const dial = (target: NetTarget, timeoutMs: number): Promise<Socket | NetFailure> =>
    open(target, timeoutMs, isGranted);
  return {
    async lookup(host, timeoutMs) {
      // Deno resolves a name alone only where every port of it is granted.
      if (!isGranted({ name: "net", host })) return NO_PERMISSION;
      const found = lookup(host, { all: true }).then(
        (all) => ({ ok: true as const, addresses: all.map(({ address }) => address) }),
        failure,
      );
      return await within(found, timeoutMs);
    },
    async connect(target, timeoutMs) {
      const socket = await dial(target, timeoutMs);
      if ("ok" in socket) return socket;
      const address = socket.remoteAddress ?? target.host;
      socket.destroy();
      return { ok: true, address };
    },
    async tunnel(proxy, target, timeoutMs) {
      const outcome = await openTunnel(proxy, target, timeoutMs, dial);
      if (outcome.ok) {
        outcome.socket.destroy();
        return { ok: true, status: 200 };
      }
      return "status" in outcome ? { ok: true, status: outcome.status } : outcome;
    },
    handshake: createTlsProbe((target, timeoutMs) =>
      target.via === null
        ? dial(target, timeoutMs)
        : openTunnel(target.via, target, timeoutMs, dial).then(tunnelSocket)
    ),
  };
}

/** Reads what went wrong on a socket or a lookup. */
export function failure(error: unknown): NetFailure {
  const code = codeOf(error);
  const reason = REASONS[code] ??
    (/NotCapable|PermissionDenied/.test(code) ? "permission" : "other");
  return { ok: false, reason, detail: oneLine(errorText(error)) };
}

const REASONS: Readonly<Record<string, NetReason>> = {
  EPERM: "permission",
  EACCES: "permission",
  ENOTFOUND: "not_found",
  DNS_ENOTFOUND: "not_found",
  ENODATA: "not_found",
  EAI_AGAIN: "temporary",
  ESERVFAIL: "temporary",
  ETIMEOUT: "temporary",
  ECONNREFUSED: "refused",
  ETIMEDOUT: "timeout",
  EHOSTUNREACH: "unreachable",
  ENETUNREACH: "unreachable",
  EADDRNOTAVAIL: "unreachable",
  ECONNRESET: "reset",
  EPIPE: "reset",
};

const NO_PERMISSION: NetFailure = {
  ok: false,
  reason: "permission",
  detail: "the runtime forbids network access",
};

/** A failure that a time limit made. */
export function timedOut(timeoutMs: number): NetFailure {
  return { ok: false, reason: "timeout", detail: `no answer within ${timeoutMs / 1000} s` };
}

/** Waits for an outcome, but not longer. The process stays alive meanwhile. */
export function within<T>(outcome: Promise<T>, timeoutMs: number): Promise<T | NetFailure> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(timedOut(timeoutMs)), timeoutMs);
    void outcome.then((value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
}

function open(
  target: NetTarget,
  timeoutMs: number,
  isGranted: IsGranted,
): Promise<Socket | NetFailure> {
  const host = target.host.includes(":") ? `[${target.host}]` : target.host;
  if (!isGranted({ name: "net", host: `${host}:${target.port}` })) {
    return Promise.resolve(NO_PERMISSION);
  }
  return new Promise((resolve) => {
    const socket = connectTcp({ host: target.host, port: target.port });
    const timer = setTimeout(() => {
      socket.destroy();
      resolve(timedOut(timeoutMs));
    }, timeoutMs);
    socket.once("connect", () => {
      clearTimeout(timer);
      resolve(socket);
    });
    socket.on("error", (error) => {
      clearTimeout(timer);
      resolve(failure(firstOf(error)));
    });
  });
}

// A name with several addresses fails with all their errors in one.
function firstOf(error: unknown): unknown {
  return error instanceof AggregateError ? error.errors[0] ?? error : error;
}

function tunnelSocket(outcome: TunnelOutcome): Socket | NetFailure {
  if (outcome.ok) return outcome.socket;
  if ("reason" in outcome) return outcome;
  return { ok: false, reason: "other", detail: `the proxy answered HTTP ${outcome.status}` };
}

// Longest head of an answer that is read.
const MAX_HEAD_CHARS = 16_384;

async function openTunnel(
  proxy: NetProxy,
  target: NetTarget,
  timeoutMs: number,
  dial: (target: NetTarget, timeoutMs: number) => Promise<Socket | NetFailure>,
): Promise<TunnelOutcome> {
  const socket = await dial(proxy, timeoutMs);
  if ("ok" in socket) return socket;
  const status = await within(readStatus(socket, connectRequest(proxy, target)), timeoutMs);
  if (status === 200) return { ok: true, socket };
  socket.destroy();
  return typeof status === "number" ? { ok: false, status } : status;
}

function connectRequest({ credentials }: NetProxy, { host, port }: NetTarget): string {
  const authority = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const basic = credentials === null
    ? ""
    : `Proxy-Authorization: Basic ${base64(`${credentials.username}:${credentials.password}`)}\r\n`;
  return `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${basic}\r\n`;
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

function readStatus(socket: Socket, request: string): Promise<number | NetFailure> {
  return new Promise((resolve) => {
    let head = "";
    const finish = (outcome: number | NetFailure): void => {
      socket.removeAllListeners("data");
      resolve(outcome);
    };
    socket.on("data", (chunk) => {
      head += String(chunk);
      const status = /^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1];
      if (head.includes("\r\n\r\n") || head.length > MAX_HEAD_CHARS) finish(Number(status ?? 0));
    });
    socket.on("error", (error) => finish(failure(error)));
    socket.on("close", () => finish({ ok: false, reason: "reset", detail: "the proxy hung up" }));
    socket.write(request);
  });
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim().slice(0, 200);
}
