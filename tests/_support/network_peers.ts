import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import tls from "node:tls";
import type { Brain } from "../../src/brain/http_brain.ts";
import { createBrain } from "../../src/brain/serve.ts";
import type { MintedAgent } from "../../src/brain/operator_port.ts";
import { startServer } from "../../src/platform/serve.ts";

/** Something that listens on loopback. */
export interface Peer {
  readonly port: number;
  close(): Promise<void>;
}

/** A brain that takes any port in `Host`, as proxies make it arrive. */
export interface OpenBrain extends Peer {
  readonly brain: Brain;
  mint(name: string): Promise<MintedAgent>;
}

/** Serves a brain in memory on an address of loopback. */
export async function startOpenBrain(hostname = "127.0.0.1"): Promise<OpenBrain> {
  const brain = await createBrain({ dataDir: null });
  const { fetch, upgrade } = brain;
  const server = await startServer({
    hostname,
    port: 0,
    maxMessageBytes: 16 * 1024 * 1024,
    fetch,
    upgrade,
  });
  return {
    brain,
    port: server.port,
    mint: (name) => brain.operator.mintAgent(brain.project.id, name),
    async close() {
      await brain.close();
      await server.close();
    },
  };
}

type Tracked = net.Socket;

async function listen(
  server: net.Server | tls.Server,
  sockets: ReadonlySet<Tracked>,
): Promise<Peer> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as net.AddressInfo).port,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function track(sockets: Set<Tracked>, ...ends: readonly Tracked[]): void {
  for (const end of ends) {
    sockets.add(end);
    end.on("error", () => {});
    end.on("close", () => {
      sockets.delete(end);
      for (const other of ends) other.destroy();
    });
  }
}

/** Forwards bytes; `rewrite` sees what clients send, `null` ends the connection with an answer. */
export function startForwarder(
  target: number,
  rewrite: (data: string) => string | { readonly answer: string },
): Promise<Peer> {
  const sockets = new Set<Tracked>();
  const server = net.createServer((client) => {
    const upstream = net.connect(target, "127.0.0.1");
    track(sockets, client, upstream);
    client.on("data", (data) => {
      const out = rewrite(data.toString("latin1"));
      if (typeof out === "string") upstream.write(out, "latin1");
      else client.end(out.answer);
    });
    upstream.pipe(client);
  });
  return listen(server, sockets);
}

/** A proxy that keeps upgrades for itself while `strips` says so. */
export async function startStrippingProxy(
  target: number,
): Promise<Peer & { strips: boolean }> {
  const state = { strips: true };
  const peer = await startForwarder(
    target,
    (data) =>
      state.strips && /^upgrade: *websocket/im.test(data)
        ? { answer: "HTTP/1.1 426 Upgrade Required\r\ncontent-length: 0\r\n\r\n" }
        : data,
  );
  return Object.assign(state, peer);
}

/** A reverse proxy that serves the target below a path and hides that path from it. */
export function startPrefixProxy(target: number, prefix: string): Promise<Peer> {
  return startForwarder(target, (data) => {
    const line = /^(GET|POST) (\/\S*) HTTP\/1\.1\r\n/.exec(data);
    if (line === null) return data;
    const [head, method, path = ""] = line;
    if (!path.startsWith(`${prefix}/`)) {
      return { answer: "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n" };
    }
    return `${method} ${path.slice(prefix.length)} HTTP/1.1\r\n${data.slice(head.length)}`;
  });
}

/** A forward proxy that only knows CONNECT; it counts what it let through. */
export async function startConnectProxy(
  credentials: string | null = null,
): Promise<Peer & { readonly tunnels: string[]; readonly refusals: string[] }> {
  const sockets = new Set<Tracked>();
  const tunnels: string[] = [];
  const refusals: string[] = [];
  const wanted = credentials === null ? null : `Basic ${btoa(credentials)}`;
  const server = net.createServer((client) => {
    track(sockets, client);
    client.once("data", (data) => {
      const head = data.toString("latin1");
      const connect = /^CONNECT (\S+):(\d+) HTTP/.exec(head);
      const given = /^proxy-authorization: *(.*?)\r$/im.exec(head)?.[1] ?? null;
      if (connect === null || given !== wanted) {
        refusals.push(head.split("\r\n")[0] ?? "");
        const status = connect === null ? "405 Method Not Allowed" : "407 Proxy Authentication";
        return void client.end(`HTTP/1.1 ${status}\r\ncontent-length: 0\r\n\r\n`);
      }
      const upstream = net.connect(Number(connect[2]), "127.0.0.1", () => {
        tunnels.push(`${connect[1]}:${connect[2]}`);
        client.write("HTTP/1.1 200 Connection established\r\n\r\n");
        client.pipe(upstream).pipe(client);
      });
      track(sockets, client, upstream);
    });
  });
  return Object.assign(await listen(server, sockets), { tunnels, refusals });
}

/** Certificates of a CA that only this test knows. */
export interface ThrowawayCa {
  readonly caPath: string;
  readonly ca: string;
  readonly key: string;
  readonly cert: string;
  remove(): void;
}

/** Makes a CA and a certificate for loopback with the openssl command. */
export function makeThrowawayCa(): ThrowawayCa {
  const folder = mkdtempSync(join(tmpdir(), "z4j-ca-"));
  const at = (name: string): string => join(folder, name);
  const openssl = (...args: readonly string[]): void =>
    void execFileSync("openssl", args, { stdio: "pipe" });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl(
    "req",
    "-x509",
    ...key,
    "-keyout",
    at("ca.key"),
    "-out",
    at("ca.pem"),
    "-days",
    "2",
    "-subj",
    "/CN=Throwaway CA",
    "-addext",
    "basicConstraints=critical,CA:TRUE",
  );
  openssl("req", ...key, "-keyout", at("s.key"), "-out", at("s.csr"), "-subj", "/CN=localhost");
  writeFileSync(at("ext"), "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\n");
  openssl(
    "x509",
    "-req",
    "-in",
    at("s.csr"),
    "-CA",
    at("ca.pem"),
    "-CAkey",
    at("ca.key"),
    "-CAcreateserial",
    "-out",
    at("s.pem"),
    "-days",
    "2",
    "-extfile",
    at("ext"),
  );
  return {
    caPath: at("ca.pem"),
    ca: readFileSync(at("ca.pem"), "utf8"),
    key: readFileSync(at("s.key"), "utf8"),
    cert: readFileSync(at("s.pem"), "utf8"),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Speaks TLS in front of a plain server. */
export function startTlsFront(target: number, { key, cert }: ThrowawayCa): Promise<Peer> {
  const sockets = new Set<Tracked>();
  const server = tls.createServer({ key, cert }, (client) => {
    const upstream = net.connect(target, "127.0.0.1");
    track(sockets, client, upstream);
    client.pipe(upstream).pipe(client);
  });
  server.on("tlsClientError", () => {});
  return listen(server, sockets);
}
