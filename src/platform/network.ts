import { Z4jError } from "../base/errors.ts";
import { detectRuntime } from "./detect.ts";
import { nodeProcess } from "./node_process.ts";
import type { RuntimeName } from "./port.ts";

/** What is special about the network of this process. */
export interface NetworkNeeds {
  /** PEM certificates to trust besides those of the system, or `null`. */
  readonly ca: string | null;
  /** The proxy to go through, or `null`. */
  readonly proxy: {
    /** Address without credentials. */
    readonly url: string;
    /** For basic authentication, or `null`. */
    readonly credentials: { readonly username: string; readonly password: string } | null;
  } | null;
}

/** Members to add to what `fetch` and `WebSocket` are called with. */
export type NetworkInit = Readonly<Record<string, unknown>>;

interface DenoGlobal {
  createHttpClient(options: Readonly<Record<string, unknown>>): unknown;
}

/**
 * How this runtime is told about a CA and a proxy. Deno takes an HTTP client,
 * Bun takes `tls` and `proxy`; the same members serve `fetch` and `WebSocket`.
 *
 * @throws {Z4jError} `Z4J_RUNTIME_UNSUPPORTED` on Node, which knows neither
 * without its own environment variables; `Z4J_SETTINGS_INVALID` when the
 * runtime refuses the certificates.
 */
export function networkInit(
  needs: NetworkNeeds,
  runtime: RuntimeName = detectRuntime(),
): NetworkInit {
  if (needs.ca === null && needs.proxy === null) return {};
  if (runtime === "deno") return denoInit(needs);
  if (runtime === "bun") return bunInit(needs);
  throw new Z4jError(
    "Z4J_RUNTIME_UNSUPPORTED",
    "Cannot use ca or proxy: Node takes them from its environment only, expected " +
      "NODE_EXTRA_CA_CERTS, or NODE_USE_ENV_PROXY=1 with HTTPS_PROXY",
  );
}

function denoInit({ ca, proxy }: NetworkNeeds): NetworkInit {
  const { Deno } = globalThis as unknown as { readonly Deno: DenoGlobal };
  const basicAuth = proxy?.credentials ?? null;
  try {
    return {
      client: Deno.createHttpClient({
        ...(ca === null ? {} : { caCerts: [ca] }),
        ...(proxy === null ? {} : {
          proxy: { url: proxy.url, ...(basicAuth === null ? {} : { basicAuth }) },
        }),
      }),
    };
  } catch (cause) {
    const message = "Cannot use ca or proxy: the runtime refuses them, expected PEM certificates " +
      "and an http or https proxy";
    throw new Z4jError("Z4J_SETTINGS_INVALID", message, { cause });
  }
}

function bunInit({ ca, proxy }: NetworkNeeds): NetworkInit {
  return {
    // Bun takes the list for all there is, so the public ones go with it.
    ...(ca === null ? {} : { tls: { ca: [...rootCertificates(), ca] } }),
    ...(proxy === null ? {} : { proxy: proxyText(proxy) }),
  };
}

// Hardly anybody has a CA of their own, and the module takes 10 ms to load.
function rootCertificates(): readonly string[] {
  return nodeProcess().getBuiltinModule("node:tls").rootCertificates;
}

function proxyText({ url, credentials }: NonNullable<NetworkNeeds["proxy"]>): string {
  if (credentials === null) return url;
  const whole = new URL(url);
  whole.username = encodeURIComponent(credentials.username);
  whole.password = encodeURIComponent(credentials.password);
  return whole.href.replace(/\/$/, "");
}
