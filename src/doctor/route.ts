import {
  type AgentNetwork,
  agentNetwork,
  errorText,
  isZ4jError,
  type NetProxy,
  type NetTarget,
  noopLogger,
  type Platform,
  type SettingValues,
} from "@z4j/core/diagnostics";
import type { DoctorCode } from "./codes.ts";

/** The way to the brain that an agent of these settings takes. */
export interface Route {
  /** Base URL of the brain. */
  readonly brainUrl: string;
  /** Its host and port. */
  readonly target: NetTarget;
  /** Whether the brain is behind TLS. */
  readonly isTls: boolean;
  /** The proxy on the way, or `null`. */
  readonly proxy: NetProxy | null;
  /** How the agent opens sockets and sends requests. */
  readonly network: AgentNetwork;
}

/** The way, or why there is none. */
export type RouteOutcome =
  | { readonly ok: true; readonly route: Route }
  | { readonly ok: false; readonly code: DoctorCode; readonly detail: string };

/** Finds the way; `null` when the settings do not tell the brain's address. */
export function findRoute(
  values: Readonly<Partial<SettingValues>>,
  env: Readonly<Record<string, string>> | false | undefined,
  platform: Platform,
): RouteOutcome | null {
  const { brainUrl } = values;
  if (brainUrl === undefined) return null;
  const url = new URL(brainUrl);
  const settings = { brainUrl, ca: values.ca ?? null, proxy: values.proxy ?? null };
  try {
    const network = agentNetwork(settings, { platform, env, logger: noopLogger });
    const isTls = url.protocol === "https:";
    const { proxy } = network.needs;
    return {
      ok: true,
      route: {
        brainUrl,
        target: targetOf(url),
        isTls,
        proxy: proxy === null
          ? null
          : { ...targetOf(new URL(proxy.url)), credentials: proxy.credentials },
        network,
      },
    };
  } catch (error) {
    const detail = isZ4jError(error) ? error.message : errorText(error);
    if (isZ4jError(error) && error.code === "Z4J_RUNTIME_UNSUPPORTED") {
      return { ok: false, code: "Z4J_DOCTOR_NETWORK_UNSUPPORTED", detail };
    }
    const isCa = /\bca\b/.test(detail) && settings.ca !== null;
    return {
      ok: false,
      code: isCa ? "Z4J_DOCTOR_CA_INVALID" : "Z4J_DOCTOR_PROXY_INVALID",
      detail,
    };
  }
}

/** Host without brackets, and port. */
export function targetOf(url: URL): NetTarget {
  const fallback = url.protocol === "https:" ? 443 : 80;
  return {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? fallback : Number(url.port),
  };
}

/** `host:port`, with brackets around an IPv6 address. */
export function authority({ host, port }: NetTarget): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
