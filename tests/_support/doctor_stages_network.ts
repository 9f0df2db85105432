import { startConnectProxy, startStrippingProxy } from "./network_peers.ts";
import type { CertKind } from "./doctor_certs.ts";
import {
  fullDisk,
  readOnlyHome,
  startBlackHole,
  startH2Only,
  startTls,
  startWebServer,
} from "./doctor_peers.ts";
import { brainStage, fails, type Stage, stage, type StageBed, warns } from "./doctor_stages.ts";
import { freePort } from "./free_port.ts";

const NOBODY = {
  Z4J_TOKEN: "4eZw51ZIVVUrU0d0GksjA_BHAGRwQMaZyswvZZotH3c",
  Z4J_HMAC_SECRET: "alO-Nw3uXMX__yubzo9U1zAkhuhDjdvBT9hB-rii9_Q=",
  Z4J_PROJECT_ID: "default",
};

/** Settings of an agent that no brain knows, for what fails before that matters. */
function nobody(bed: StageBed, url: string): Record<string, string> {
  return { ...NOBODY, Z4J_BRAIN_URL: url, Z4J_HOME: `${bed.folder}/home` };
}

function tlsStage(
  name: string,
  kind: CertKind,
  expected: Pick<Stage, "probe" | "code" | "text" | "exit">,
  more: { readonly trusts: boolean; readonly skewSeconds?: number },
): Stage {
  return stage(name, expected, async (bed) => {
    const peer = await startTls(bed.certs.issue(kind), null);
    bed.defer(() => peer.close());
    return {
      env: {
        ...nobody(bed, `https://localhost:${peer.port}`),
        ...(more.trusts ? { Z4J_CA: bed.certs.caPath } : {}),
      },
      ...(more.skewSeconds === undefined ? {} : { skewSeconds: more.skewSeconds }),
    };
  });
}

const DISK: readonly Stage[] = [
  stage(
    "read-only home",
    warns("buffer_path", "Z4J_DOCTOR_BUFFER_FALLBACK", /is not usable.*expected a writable one/),
    (bed) => {
      const { home, wrap, remove } = readOnlyHome(bed.folder);
      bed.defer(remove);
      const env = { ...nobody(bed, "http://127.0.0.1:9"), Z4J_HOME: home, TMPDIR: bed.folder };
      return { env, wrap, args: ["--only", "buffer_path"] };
    },
  ),
  stage(
    "read-only home and no temporary directory",
    fails("buffer_path", "Z4J_DOCTOR_BUFFER_MEMORY", /is not usable/),
    (bed) => {
      const { home, wrap, remove } = readOnlyHome(bed.folder);
      bed.defer(remove);
      const env = { ...nobody(bed, "http://127.0.0.1:9"), Z4J_HOME: home, TMPDIR: "/dev/null" };
      return { env, wrap, args: ["--only", "buffer_path"] };
    },
  ),
  stage(
    "full disk",
    fails("buffer_path", "Z4J_DOCTOR_DISK_FULL", /no space left/),
    (bed) => {
      const { home, wrap, remove } = fullDisk(bed.folder);
      bed.defer(remove);
      const env = { ...nobody(bed, "http://127.0.0.1:9"), Z4J_HOME: home };
      return { env, wrap, args: ["--only", "buffer_path"] };
    },
  ),
  stage(
    "buffer path outside",
    fails("buffer_path", "Z4J_DOCTOR_BUFFER_PATH_REJECTED", /leads out of the allowed/),
    (bed) => ({
      env: { ...nobody(bed, "http://127.0.0.1:9"), Z4J_BUFFER_PATH: "/etc/buffer.sqlite" },
      args: ["--only", "buffer_path"],
    }),
  ),
];

const CONNECTION: readonly Stage[] = [
  stage(
    "name that does not resolve",
    // Where there is no name service at all, that is the answer.
    fails("dns", ["Z4J_DOCTOR_DNS_NOT_FOUND", "Z4J_DOCTOR_DNS_UNAVAILABLE"], /no-such\.invalid/),
    (bed) => ({ env: nobody(bed, "https://no-such.invalid") }),
  ),
  stage(
    "closed port",
    fails("tcp", "Z4J_DOCTOR_TCP_REFUSED", /refused/i),
    async (bed) => ({ env: nobody(bed, `http://127.0.0.1:${await freePort()}`) }),
  ),
  stage(
    "blackholed port",
    fails("tcp", "Z4J_DOCTOR_TCP_TIMEOUT", /no answer within 0\.5 s/),
    async (bed) => {
      const hole = await startBlackHole();
      bed.defer(() => hole.close());
      return { env: nobody(bed, `http://127.0.0.1:${hole.port}`), args: ["--timeout", "0.5"] };
    },
  ),
  ...([
    ["plain HTTP server", 200, {}, "HTTP_NOT_BRAIN", /not as a brain does/],
    ["server without that path", 404, {}, "HTTP_NOT_BRAIN", /HTTP 404/],
    ["server that redirects", 301, { location: "https://b.test/" }, "HTTP_REDIRECT", /b\.test/],
    ["proxy whose brain is down", 503, {}, "HTTP_UNAVAILABLE", /HTTP 503/],
  ] as const).map(([name, status, headers, code, text]) =>
    stage(name, fails("http", `Z4J_DOCTOR_${code}`, text), async (bed) => {
      const peer = await startWebServer(status, headers);
      bed.defer(() => peer.close());
      return { env: nobody(bed, `http://127.0.0.1:${peer.port}`) };
    })
  ),
  stage(
    "ws:// to another host",
    fails("settings", "Z4J_DOCTOR_SETTINGS_INSECURE", /refusing plain ws:\/\/ connection/),
    (bed) => ({ env: nobody(bed, "ws://brain.example.com"), args: ["--only", "settings"] }),
  ),
];

const DAY_S = 86_400;

const TLS: readonly Stage[] = [
  tlsStage(
    "certificate of an unknown CA",
    "good",
    fails("tls", "Z4J_DOCTOR_TLS_UNKNOWN_CA", /issuer 'Stage CA'/),
    { trusts: false },
  ),
  tlsStage(
    "self-signed certificate",
    "self-signed",
    fails("tls", "Z4J_DOCTOR_TLS_SELF_SIGNED", /signed itself/),
    { trusts: true },
  ),
  tlsStage(
    "expired certificate",
    "expired",
    fails("tls", "Z4J_DOCTOR_TLS_EXPIRED", /expired on \d{4}-\d\d-\d\d/),
    { trusts: true },
  ),
  tlsStage(
    "certificate of the future",
    "future",
    fails("tls", "Z4J_DOCTOR_TLS_NOT_YET_VALID", /valid from \d{4}-\d\d-\d\d only/),
    { trusts: true },
  ),
  tlsStage(
    "certificate for another name",
    "wrong-name",
    fails("tls", "Z4J_DOCTOR_TLS_WRONG_NAME", /for DNS:other\.test, not for localhost/),
    { trusts: true },
  ),
  tlsStage(
    "good certificate, clock a year ahead",
    "good",
    fails("tls", "Z4J_DOCTOR_TLS_CLOCK", /valid by the clock of the brain.*s ahead/),
    { trusts: true, skewSeconds: 365 * DAY_S },
  ),
  stage(
    "TLS of HTTP/2 alone",
    fails("tls", "Z4J_DOCTOR_TLS_H2_ONLY", /offers h2 and refuses http\/1\.1/),
    async (bed) => {
      const peer = await startH2Only(bed.certs.issue("good"));
      bed.defer(() => peer.close());
      const env = nobody(bed, `https://localhost:${peer.port}`);
      return { env: { ...env, Z4J_CA: bed.certs.caPath } };
    },
  ),
  stage(
    "https:// to a plain port",
    fails("tls", "Z4J_DOCTOR_TLS_NOT_TLS", /does not speak TLS/),
    async (bed) => {
      const peer = await startWebServer(200);
      bed.defer(() => peer.close());
      return { env: nobody(bed, `https://127.0.0.1:${peer.port}`) };
    },
  ),
  stage(
    "CA that is no certificate",
    fails("proxy", "Z4J_DOCTOR_CA_INVALID", /holds no PEM certificate|cannot be read/),
    (bed) => ({ env: { ...nobody(bed, "https://localhost"), Z4J_CA: "/etc/hostname" } }),
    { only: { not: "node" } },
  ),
];

const PROXIES: readonly Stage[] = [
  brainStage(
    "proxy that strips upgrades, transport ws",
    fails("websocket", "Z4J_DOCTOR_WEBSOCKET_BLOCKED", /./),
    async (bed) => {
      const env = await strippedEnv(bed);
      return { env: { ...env, Z4J_TRANSPORT: "ws" } };
    },
  ),
  brainStage(
    "proxy that strips upgrades, transport auto",
    warns("websocket", "Z4J_DOCTOR_WEBSOCKET_BLOCKED", /events go over long-poll instead/),
    async (bed) => ({ env: await strippedEnv(bed) }),
  ),
  brainStage(
    "proxy that wants credentials",
    fails("tls", "Z4J_DOCTOR_PROXY_CREDENTIALS", /HTTP 407/),
    async (bed) => {
      const proxy = await startConnectProxy("user:s3cret-pass");
      bed.defer(() => proxy.close());
      const { env } = await bed.agent();
      return { env: { ...env, Z4J_PROXY: `http://127.0.0.1:${proxy.port}` } };
    },
    { not: "node" },
  ),
  brainStage(
    "proxy that refuses the credentials",
    fails("tls", "Z4J_DOCTOR_PROXY_CREDENTIALS", /HTTP 407/),
    async (bed) => {
      const proxy = await startConnectProxy("user:s3cret-pass");
      bed.defer(() => proxy.close());
      const { env } = await bed.agent();
      return { env: { ...env, Z4J_PROXY: `http://user:canary-pass@127.0.0.1:${proxy.port}` } };
    },
    { not: "node" },
  ),
  brainStage(
    "a proxy of our own on Node",
    fails("proxy", "Z4J_DOCTOR_NETWORK_UNSUPPORTED", /Node takes them from its environment only/),
    async (bed) => ({ env: { ...(await bed.agent()).env, Z4J_PROXY: "http://127.0.0.1:9" } }),
    { runtime: "node" },
  ),
];

async function strippedEnv(bed: StageBed): Promise<Record<string, string>> {
  const proxy = await startStrippingProxy(bed.brain.port);
  bed.defer(() => proxy.close());
  const { env } = await bed.agent();
  return { ...env, Z4J_BRAIN_URL: `http://127.0.0.1:${proxy.port}` };
}

/** Disk, network, TLS, proxies. */
export const NETWORK_STAGES: readonly Stage[] = [...DISK, ...CONNECTION, ...TLS, ...PROXIES];
