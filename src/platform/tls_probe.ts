import { X509Certificate } from "node:crypto";
import { isIP, type Socket } from "node:net";
import { connect as connectTls, rootCertificates, type TLSSocket } from "node:tls";
import { errorText } from "../base/errors.ts";
import type { NetFailure, NetProxy, NetTarget } from "./net_probe.ts";
import { codeOf } from "./real_path.ts";

/** Where and how to shake hands. */
export interface TlsTarget extends NetTarget {
  /** The proxy on the way, or `null`. */
  readonly via: NetProxy | null;
  /** PEM certificates to trust besides those of the runtime, or `null`. */
  readonly ca: string | null;
  /** The one protocol to offer. */
  readonly alpn: "http/1.1" | "h2";
  /** Asks the peer for the time with a bare request; costs a round trip. */
  readonly askTime: boolean;
}

/** What a certificate says. */
export interface CertificateFacts {
  /** Common name, or the first alternative name. */
  readonly name: string;
  /** Names that it is for. */
  readonly altNames: string;
  /** Who issued it. */
  readonly issuer: string;
  /** Begin of its validity in milliseconds since the epoch. */
  readonly validFromMs: number;
  /** End of its validity. */
  readonly validToMs: number;
  /** Whether it is for this host. */
  readonly matchesHost: boolean;
  /** Whether it signed itself. */
  readonly selfSigned: boolean;
}

/** How a handshake ended. */
export type TlsOutcome =
  | {
    readonly ok: true;
    /** Such as `TLSv1.3`. */
    readonly version: string;
    /** Whether this runtime trusts the chain, apart from names and dates. */
    readonly trusted: boolean;
    /** The runtime's code where it does not, such as `CERT_HAS_EXPIRED`. */
    readonly trustCode: string;
    /** The certificate, or `null` where the runtime shows none. */
    readonly certificate: CertificateFacts | null;
    /** The peer's clock from its `Date` header, where that was asked. */
    readonly peerNowMs: number | null;
  }
  | {
    readonly ok: false;
    readonly reason: "alpn" | "not_tls" | "handshake";
    readonly detail: string;
  }
  | NetFailure;

/** The part of a `node:net` socket that declarations may name without its types. */
export interface RawSocket {
  /** Drops the connection. */
  destroy(): unknown;
}

type Dial = (target: TlsTarget, timeoutMs: number) => Promise<RawSocket | NetFailure>;

/**
 * Creates the handshake. Certificates are looked at, not obeyed: nothing that
 * needs trust is sent over this connection.
 */
export function createTlsProbe(
  dial: Dial,
): (target: TlsTarget, timeoutMs: number) => Promise<TlsOutcome> {
  return async (target, timeoutMs) => {
    const socket = await dial(target, timeoutMs);
    if ("ok" in socket) return socket;
    try {
      return await shake(socket, target, timeoutMs);
    } finally {
      socket.destroy();
    }
  };
}

function shake(socket: RawSocket, target: TlsTarget, timeoutMs: number): Promise<TlsOutcome> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      resolve({ ok: false, reason: "timeout", detail: `no answer within ${timeoutMs / 1000} s` });
    }, timeoutMs);
    const finish = (outcome: TlsOutcome): void => {
      clearTimeout(timer);
      resolve(outcome);
    };
    const tls = connectTls({
      // It comes from `node:net`, whose types stay out of our declarations.
      socket: socket as Socket,
      ...(isIP(target.host) === 0 ? { servername: target.host } : {}),
      host: target.host,
      ALPNProtocols: [target.alpn],
      rejectUnauthorized: false,
      ...(target.ca === null ? {} : { ca: [...rootCertificates, target.ca] }),
    }, () => void describe(tls, target).then(finish));
    tls.on("error", (error) => finish(refusal(error)));
    tls.on("close", () => {
      finish({ ok: false, reason: "reset", detail: "the peer hung up during the handshake" });
    });
  });
}

async function describe(tls: TLSSocket, target: TlsTarget): Promise<TlsOutcome> {
  const certificate = certificateOf(tls, target.host);
  const trustCode = tls.authorized ? "" : String(tls.authorizationError ?? "unknown");
  const peerNowMs = target.askTime ? await askTime(tls, target) : null;
  return {
    ok: true,
    version: tls.getProtocol() ?? "TLS",
    trusted: tls.authorized,
    trustCode,
    certificate,
    peerNowMs,
  };
}

function certificateOf(tls: TLSSocket, host: string): CertificateFacts | null {
  try {
    const { raw } = tls.getPeerCertificate();
    const parsed = new X509Certificate(raw);
    const subject = nameIn(parsed.subject);
    const altNames = (parsed.subjectAltName ?? "").slice(0, 200);
    const matched = isIP(host) === 0 ? parsed.checkHost(host) : parsed.checkIP(host);
    return {
      name: subject ?? altNames.replace(/^\w+:/, "").split(",")[0] ?? "?",
      altNames,
      issuer: nameIn(parsed.issuer) ?? parsed.issuer.replaceAll(/\s+/g, " ").slice(0, 100),
      validFromMs: Date.parse(parsed.validFrom),
      validToMs: Date.parse(parsed.validTo),
      matchesHost: matched !== undefined,
      selfSigned: parsed.subject === parsed.issuer,
    };
  } catch {
    return null;
  }
}

function nameIn(subject: string): string | undefined {
  return /(?:^|\n|, ?)CN=([^\n,]+)/.exec(subject)?.[1]?.slice(0, 100);
}

const ASK_TIME_MS = 2000;

/** The peer's clock; tells whether a certificate or our clock is wrong. */
function askTime(tls: TLSSocket, { host }: TlsTarget): Promise<number | null> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(null), ASK_TIME_MS);
    let head = "";
    const finish = (): void => {
      clearTimeout(timer);
      const at = Date.parse(/^date: *(.*?)\r?$/im.exec(head)?.[1] ?? "");
      resolve(Number.isFinite(at) ? at : null);
    };
    tls.on("data", (chunk) => {
      head += String(chunk);
      if (head.includes("\r\n\r\n") || head.length > 16_384) finish();
    });
    tls.on("close", finish);
    tls.write(`HEAD / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  });
}

function refusal(error: unknown): TlsOutcome {
  const text = `${codeOf(error)} ${errorText(error)}`;
  const detail = errorText(error).replaceAll(/\s+/g, " ").slice(0, 200);
  if (/no_?application_?protocol/i.test(text)) return { ok: false, reason: "alpn", detail };
  if (/wrong_?version|InvalidContentType|corrupt message|packet length/i.test(text)) {
    return { ok: false, reason: "not_tls", detail };
  }
  if (/ECONNRESET|EPIPE|UnexpectedEof|ECONNABORTED/.test(text)) {
    return { ok: false, reason: "reset", detail };
  }
  return { ok: false, reason: "handshake", detail };
}
