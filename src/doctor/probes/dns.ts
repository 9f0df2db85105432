import type { NetFailure, NetReason } from "@z4j/core/diagnostics";
import type { DoctorCode } from "../codes.ts";
import { type DoctorContext, routeOf } from "../context.ts";
import { fail, ok, type Probe, skip } from "../probe.ts";
import { authority } from "../route.ts";

const CODE: Readonly<Partial<Record<NetReason, DoctorCode>>> = {
  not_found: "Z4J_DOCTOR_DNS_NOT_FOUND",
};

/** The name of the brain, or of the proxy that resolves it. */
export const dnsProbe: Probe = {
  id: "dns",
  title: "name of the brain",
  needs: ["proxy"],
  async run(context) {
    const { proxy, target } = routeOf(context);
    const { host } = proxy ?? target;
    const whose = proxy === null ? "" : " (proxy, which resolves the brain's name)";
    if (isAddress(host)) return ok(`${host} is an address${whose}`);
    const found = await context.net.lookup(host, context.timeoutMs);
    if (!found.ok) return notFound(host, found, context);
    const addresses = [...new Set(found.addresses)];
    return ok(`${host} -> ${addresses.join(", ")}${whose}`, { host, addresses });
  },
};

function notFound(
  host: string,
  failure: NetFailure,
  context: DoctorContext,
): ReturnType<typeof skip> {
  const { proxy, target } = routeOf(context);
  if (failure.reason === "permission") {
    const to = authority(proxy ?? target);
    return context.isGranted({ name: "net", host: to })
      ? skip(`the name is resolved by the connection itself (only ${to} is permitted)`)
      : fail("Z4J_DOCTOR_PERMISSION_NET", `no permission to reach ${to}`);
  }
  const code = CODE[failure.reason] ?? "Z4J_DOCTOR_DNS_UNAVAILABLE";
  return fail(code, `${host}: ${failure.detail}`, { facts: { host, reason: failure.reason } });
}

function isAddress(host: string): boolean {
  return host.includes(":") || /^\d{1,3}(\.\d{1,3}){3}$/.test(host);
}
