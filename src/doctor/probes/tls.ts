import type { CertificateFacts, TlsOutcome } from "@z4j/core/diagnostics";
import { type DoctorContext, routeOf } from "../context.ts";
import { fail, type Finding, ok, type Probe, skip, warn } from "../probe.ts";
import type { Route } from "../route.ts";
import { connectFailure } from "./net_finding.ts";
import { tunnelTrouble } from "./proxy.ts";

const SOON_DAYS = 14;
const DAY_MS = 86_400_000;

/** The TLS before the brain: each kind of wrong certificate by its own code. */
export const tlsProbe: Probe = {
  id: "tls",
  title: "TLS",
  needs: ["tcp"],
  async run(context) {
    const route = routeOf(context);
    const blocked = await tunnelTrouble(route, context);
    if (blocked !== null) return blocked;
    if (!route.isTls) return skip("brain_url is http://, there is no TLS to check");
    const outcome = await shake(route, "http/1.1", context);
    return outcome.ok
      ? await judge(outcome, route, context)
      : await refused(outcome, route, context);
  },
};

type Shaken = Extract<TlsOutcome, { readonly ok: true }>;

function shake(
  { target, proxy, network }: Route,
  alpn: "http/1.1" | "h2",
  { net, timeoutMs }: DoctorContext,
  askTime = false,
): Promise<TlsOutcome> {
  return net.handshake({ ...target, via: proxy, ca: network.needs.ca, alpn, askTime }, timeoutMs);
}

async function refused(
  outcome: Exclude<TlsOutcome, Shaken>,
  route: Route,
  context: DoctorContext,
): Promise<Finding> {
  const { host, port } = route.target;
  const where = `${host}:${port}`;
  if (outcome.reason === "not_tls") {
    return fail("Z4J_DOCTOR_TLS_NOT_TLS", `${where} does not speak TLS (${outcome.detail})`);
  }
  if (outcome.reason === "alpn") {
    const other = await shake(route, "h2", context);
    const detail = other.ok
      ? `${where} offers h2 and refuses http/1.1`
      : `${where} refuses http/1.1 (${outcome.detail})`;
    return fail("Z4J_DOCTOR_TLS_H2_ONLY", detail);
  }
  const { reason, detail } = outcome;
  return reason === "handshake" || reason === "reset"
    ? fail("Z4J_DOCTOR_TLS_HANDSHAKE", `${where}: ${detail}`)
    : connectFailure(where, { ok: false, reason, detail });
}

async function judge(outcome: Shaken, route: Route, context: DoctorContext): Promise<Finding> {
  const { certificate, version } = outcome;
  const facts = factsOf(outcome);
  const now = Date.now();
  if (certificate !== null) {
    const dated = now > certificate.validToMs || now < certificate.validFromMs
      ? await wrongDate(certificate, route, context)
      : null;
    if (dated !== null) return { ...dated, facts };
    const found = wrongCertificate(outcome, certificate, route.target.host);
    if (found !== null) return { ...found, facts };
    const days = Math.floor((certificate.validToMs - now) / DAY_MS);
    const detail = `TLS ${version} to ${route.target.host} (cert CN='${certificate.name}', ` +
      `issuer '${certificate.issuer}', ${days} days left)`;
    return days < SOON_DAYS
      ? warn("Z4J_DOCTOR_TLS_EXPIRES_SOON", detail, { facts })
      : ok(detail, facts);
  }
  if (outcome.trusted) return ok(`TLS ${version} to ${route.target.host}`, facts);
  const detail = `the certificate is not trusted (${outcome.trustCode})`;
  return fail("Z4J_DOCTOR_TLS_UNKNOWN_CA", detail, { facts });
}

function wrongCertificate(
  { trusted, trustCode }: Shaken,
  certificate: CertificateFacts,
  host: string,
): Finding | null {
  const { name, issuer, altNames } = certificate;
  if (!certificate.matchesHost) {
    const detail = `the certificate is for ${altNames === "" ? name : altNames}, not for ${host}`;
    return fail("Z4J_DOCTOR_TLS_WRONG_NAME", detail);
  }
  if (trusted) return null;
  return certificate.selfSigned
    ? fail("Z4J_DOCTOR_TLS_SELF_SIGNED", `the certificate of '${name}' signed itself`)
    : fail("Z4J_DOCTOR_TLS_UNKNOWN_CA", `nobody here knows the issuer '${issuer}' (${trustCode})`);
}

/** A date that is out of range: the certificate's fault, or that of our clock. */
async function wrongDate(
  { validFromMs, validToMs, name }: CertificateFacts,
  route: Route,
  context: DoctorContext,
): Promise<Finding> {
  const asked = await shake(route, "http/1.1", context, true);
  const peerNow = asked.ok ? asked.peerNowMs : null;
  if (peerNow !== null && peerNow >= validFromMs && peerNow <= validToMs) {
    const offset = Math.round((Date.now() - peerNow) / 1000);
    const detail = `the certificate of '${name}' is valid by the clock of the brain, and this ` +
      `clock is ${Math.abs(offset)} s ${offset > 0 ? "ahead" : "behind"}`;
    return fail("Z4J_DOCTOR_TLS_CLOCK", detail);
  }
  const date = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
  return Date.now() > validToMs
    ? fail("Z4J_DOCTOR_TLS_EXPIRED", `the certificate of '${name}' expired on ${date(validToMs)}`)
    : fail(
      "Z4J_DOCTOR_TLS_NOT_YET_VALID",
      `the certificate of '${name}' is valid from ${date(validFromMs)} only`,
    );
}

function factsOf({ certificate, version, trusted }: Shaken): NonNullable<Finding["facts"]> {
  if (certificate === null) return { version, trusted };
  const { name, issuer, validFromMs, validToMs, altNames } = certificate;
  return {
    version,
    trusted,
    name,
    alt_names: altNames,
    issuer,
    valid_from: new Date(validFromMs).toISOString(),
    valid_to: new Date(validToMs).toISOString(),
  };
}
