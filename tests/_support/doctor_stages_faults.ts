import { chownSync, mkdirSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import process from "node:process";
import { startServer } from "../../src/platform/serve.ts";
import type { ServerSocket } from "../../src/platform/serve_port.ts";
import { startTls } from "./doctor_peers.ts";
import { brainStage, fails, type Stage, stage, type StageBed, warns } from "./doctor_stages.ts";
import { startConnectProxy, startForwarder } from "./network_peers.ts";

const NOBODY = {
  Z4J_TOKEN: "4eZw51ZIVVUrU0d0GksjA_BHAGRwQMaZyswvZZotH3c",
  Z4J_HMAC_SECRET: "alO-Nw3uXMX__yubzo9U1zAkhuhDjdvBT9hB-rii9_Q=",
  Z4J_PROJECT_ID: "default",
  Z4J_BRAIN_URL: "http://127.0.0.1:9",
};

type Closable = { readonly port: number; close(): Promise<void> };

/** A TCP server that does one thing with each connection. */
async function startTcp(onClient: (client: net.Socket) => void): Promise<Closable> {
  const clients = new Set<net.Socket>();
  const server = net.createServer((client) => {
    clients.add(client);
    client.on("error", () => {});
    onClient(client);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as net.AddressInfo).port,
    async close() {
      for (const client of clients) client.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function nobody(bed: StageBed, more: Readonly<Record<string, string>>): Record<string, string> {
  return { ...NOBODY, Z4J_HOME: `${bed.folder}/home`, ...more };
}

/** Settings of an agent whose way to the brain goes through a forwarder. */
async function through(
  bed: StageBed,
  rewrite: (data: string) => string | { readonly answer: string },
): Promise<Record<string, string>> {
  const peer = await startForwarder(bed.brain.port, rewrite);
  bed.defer(() => peer.close());
  const { env } = await bed.agent();
  return { ...env, Z4J_BRAIN_URL: `http://127.0.0.1:${peer.port}` };
}

const NOT_FOUND = { answer: "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n" };
const BUSY = { answer: "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" };
const noLongPoll = (data: string): string | typeof NOT_FOUND =>
  /^(GET|POST) \/api\/v1\/agent\//.test(data) ? NOT_FOUND : data;

const NETWORK: readonly Stage[] = [
  stage(
    "port that takes connections and never answers",
    fails("http", "Z4J_DOCTOR_HTTP_NO_ANSWER", /no answer within 0\.5 s/),
    async (bed) => {
      const peer = await startTcp(() => {});
      bed.defer(() => peer.close());
      const url = `http://127.0.0.1:${peer.port}`;
      return { env: nobody(bed, { Z4J_BRAIN_URL: url }), args: ["--timeout", "0.5"] };
    },
  ),
  stage(
    "TLS that hangs up",
    fails("tls", "Z4J_DOCTOR_TLS_HANDSHAKE", /./),
    async (bed) => {
      const peer = await startTcp((client) => client.once("data", () => client.destroy()));
      bed.defer(() => peer.close());
      return { env: nobody(bed, { Z4J_BRAIN_URL: `https://127.0.0.1:${peer.port}` }) };
    },
  ),
  stage(
    "proxy that forbids the way",
    fails("tls", "Z4J_DOCTOR_PROXY_REFUSED", /with HTTP 403/),
    async (bed) => {
      const answer = "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n";
      const peer = await startTcp((client) => client.once("data", () => client.end(answer)));
      bed.defer(() => peer.close());
      const proxy = `http://127.0.0.1:${peer.port}`;
      return { env: nobody(bed, { Z4J_BRAIN_URL: "https://b.invalid", Z4J_PROXY: proxy }) };
    },
    { only: { not: "node" } },
  ),
  stage(
    "brain that refuses the host name",
    fails("http", "Z4J_DOCTOR_HTTP_REFUSED", /HTTP 421/),
    async (bed) => {
      const peer = await startJson(() => [421, { detail: "this brain answers to localhost only" }]);
      bed.defer(() => peer.close());
      return { env: nobody(bed, { Z4J_BRAIN_URL: `http://127.0.0.1:${peer.port}` }) };
    },
  ),
  stage(
    "brain that does not admit the address",
    fails("token", "Z4J_DOCTOR_ADDRESS_DENIED", /does not admit/),
    async (bed) => {
      const peer = await startJson((path) =>
        path === "/api/v1/health" ? [200, { status: "ok" }] : [403, { error: "ip_denied" }]
      );
      bed.defer(() => peer.close());
      const url = `http://127.0.0.1:${peer.port}`;
      return { env: nobody(bed, { Z4J_BRAIN_URL: url, Z4J_TRANSPORT: "longpoll" }) };
    },
  ),
  brainStage(
    "nothing is wrong, over TLS through a proxy with credentials",
    { probe: null, code: null, exit: 0, text: /from Z4J_PROXY, with credentials/ },
    async (bed) => {
      const front = await startTls(bed.certs.issue("good"), bed.brain.port);
      const proxy = await startConnectProxy("user:s3cret-pass");
      bed.defer(() => front.close());
      bed.defer(() => proxy.close());
      const { env } = await bed.agent();
      return {
        env: {
          ...env,
          Z4J_BRAIN_URL: `https://localhost:${front.port}`,
          Z4J_CA: bed.certs.caPath,
          Z4J_PROXY: `http://user:s3cret-pass@127.0.0.1:${proxy.port}`,
        },
      };
    },
    { brain: "embedded" },
  ),
];

/** A web server that answers JSON by path. */
async function startJson(
  answer: (path: string) => readonly [number, unknown],
): Promise<Closable> {
  const server = http.createServer((request, response) => {
    const [status, body] = answer((request.url ?? "").split("?")[0] ?? "");
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as net.AddressInfo).port,
    close: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}

const HALF_OPEN: readonly Stage[] = [
  brainStage(
    "proxy that blocks long-poll, transport auto",
    fails("secret", "Z4J_DOCTOR_SECRET_UNPROVED", /long-poll path does not answer \(HTTP 404\)/),
    async (bed) => ({ env: await through(bed, noLongPoll) }),
    { brain: "embedded" },
  ),
  brainStage(
    "proxy that blocks long-poll, with a full hello",
    warns("longpoll", "Z4J_DOCTOR_LONGPOLL_BLOCKED", /so nothing stands in for a WebSocket/),
    async (bed) => ({ env: await through(bed, noLongPoll), args: ["--handshake"] }),
  ),
  brainStage(
    "proxy that blocks long-poll, wrong secret, with a full hello",
    fails("secret", "Z4J_DOCTOR_SECRET_WRONG", /4403/),
    async (bed) => ({
      env: { ...await through(bed, noLongPoll), Z4J_HMAC_SECRET: `${"A".repeat(43)}=` },
      args: ["--handshake"],
    }),
  ),
  brainStage(
    "proxy that blocks long-poll, transport longpoll",
    fails("longpoll", "Z4J_DOCTOR_LONGPOLL_BLOCKED", /does not answer polls \(HTTP 404\)/),
    async (bed) => ({ env: { ...await through(bed, noLongPoll), Z4J_TRANSPORT: "longpoll" } }),
    { brain: "embedded" },
  ),
  brainStage(
    "brain that takes no events",
    fails("round_trip", "Z4J_DOCTOR_EVENT_REFUSED", /HTTP 503/),
    async (bed) => ({
      env: await through(bed, (data) => data.includes("event_batch") ? BUSY : data),
    }),
    { brain: "embedded" },
  ),
  brainStage(
    "brain that fails at the hello",
    fails("handshake", "Z4J_DOCTOR_HANDSHAKE_FAILED", /./),
    async (bed) => {
      const peer = await startSocketBrain(bed.brain.baseUrl, 1011);
      bed.defer(() => peer.close());
      const { env } = await bed.agent();
      const url = `http://127.0.0.1:${peer.port}`;
      return { env: { ...env, Z4J_BRAIN_URL: url }, args: ["--handshake"] };
    },
    { brain: "embedded", not: "node" },
  ),
  brainStage(
    "protocol mismatch",
    fails("handshake", "Z4J_DOCTOR_PROTOCOL_MISMATCH", /upgrade|version/i),
    async (bed) => {
      const peer = await startSocketBrain(bed.brain.baseUrl, 4426);
      bed.defer(() => peer.close());
      const { env } = await bed.agent();
      const url = `http://127.0.0.1:${peer.port}`;
      return { env: { ...env, Z4J_BRAIN_URL: url }, args: ["--handshake"] };
    },
    { not: "node" },
  ),
];

/** A brain whose sockets end a hello with a code; over HTTP it is the real one. */
function startSocketBrain(
  baseUrl: string,
  code: number,
): Promise<Awaited<ReturnType<typeof startServer>>> {
  return startServer({
    hostname: "127.0.0.1",
    port: 0,
    maxMessageBytes: 1024 * 1024,
    async fetch(request) {
      const { pathname, search } = new URL(request.url);
      const headers = new Headers(request.headers);
      headers.delete("host");
      const hasBody = request.method === "POST";
      return await fetch(`${baseUrl}${pathname}${search}`, {
        method: request.method,
        headers,
        ...(hasBody ? { body: await request.arrayBuffer() } : {}),
      });
    },
    upgrade(request) {
      if (request.headers.get("upgrade") === null) return null;
      let socket: ServerSocket | undefined;
      return {
        open: (opened) => void (socket = opened),
        message: (data) => socket?.close(String(data).includes("hello") ? code : 4400, ""),
        closed() {},
      };
    },
  });
}

const DISK: readonly Stage[] = [
  stage(
    "disk with less room than the buffer may take",
    warns("buffer_path", "Z4J_DOCTOR_DISK_LOW", /free in .* and the buffer may take 1024 TiB/),
    (bed) => ({
      env: nobody(bed, { Z4J_BUFFER_MAX_BYTES: String(2 ** 50) }),
      args: ["--only", "buffer_path"],
    }),
  ),
  stage(
    "home of another user",
    warns("home", "Z4J_DOCTOR_HOME_OWNER", /owner \d+.*this is user \d+/),
    (bed) => {
      const isRoot = process.getuid?.() === 0;
      const home = isRoot ? `${bed.folder}/theirs` : "/";
      if (isRoot) {
        mkdirSync(home, { mode: 0o755 });
        chownSync(home, 12_345, 12_345);
      }
      return { env: nobody(bed, { Z4J_HOME: home }), args: ["--only", "home"] };
    },
  ),
];

/** What peers and disks do in between. */
export const FAULT_STAGES: readonly Stage[] = [...NETWORK, ...HALF_OPEN, ...DISK];
