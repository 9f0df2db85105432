import { execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdirSync } from "node:fs";
import http2 from "node:http2";
import http from "node:http";
import net from "node:net";
import process from "node:process";
import tls from "node:tls";
import type { ServerCert } from "./doctor_certs.ts";
import { until } from "./wait.ts";

/** Something that listens on loopback until it is closed. */
export interface StagePeer {
  readonly port: number;
  close(): Promise<void>;
}

function listening(server: net.Server | http2.Http2SecureServer): Promise<StagePeer> {
  const sockets = new Set<net.Socket>();
  server.on("connection", (socket: net.Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () =>
      resolve({
        port: (server.address() as net.AddressInfo).port,
        async close() {
          for (const socket of sockets) socket.destroy();
          await new Promise((done) => server.close(done));
        },
      }));
  });
}

/** A web server that is no brain: the same answer for everything. */
export function startWebServer(
  status: number,
  headers: Readonly<Record<string, string>> = {},
  body = "<html>hello</html>",
): Promise<StagePeer> {
  return listening(http.createServer((_, response) => {
    response.writeHead(status, headers);
    response.end(body);
  }));
}

/** TLS with a certificate in front of a plain port, or of a bare answer. */
export function startTls(cert: ServerCert, target: number | null): Promise<StagePeer> {
  const server = tls.createServer(cert, (client) => {
    client.on("error", () => {});
    if (target === null) {
      const date = new Date().toUTCString();
      client.on("data", () => client.end(`HTTP/1.1 404 Not Found\r\ndate: ${date}\r\n\r\n`));
      return;
    }
    const upstream = net.connect(target, "127.0.0.1");
    upstream.on("error", () => client.destroy());
    client.on("close", () => upstream.destroy());
    client.pipe(upstream).pipe(client);
  });
  server.on("tlsClientError", () => {});
  return listening(server);
}

/** A proxy that ends TLS and speaks HTTP/2 alone. */
export function startH2Only(cert: ServerCert): Promise<StagePeer> {
  const server = http2.createSecureServer({ ...cert, allowHTTP1: false });
  for (const event of ["error", "sessionError", "tlsClientError"]) server.on(event, () => {});
  return listening(server);
}

/** A port that lets connections wait for ever: its queue is full and nobody takes them. */
export async function startBlackHole(): Promise<StagePeer> {
  const code = `import socket, time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(0)
port = s.getsockname()[1]
held = []
for _ in range(4):
    c = socket.socket(); c.setblocking(False)
    try: c.connect(("127.0.0.1", port))
    except BlockingIOError: pass
    held.append(c)
print(port, flush=True)
time.sleep(60)`;
  const child = spawn("python3", ["-c", code], { stdio: ["ignore", "pipe", "inherit"] });
  let out = "";
  child.stdout.on("data", (chunk) => out += String(chunk));
  const port = await until("the port of the black hole", () => Number(out.trim()));
  return {
    port,
    close() {
      if (child.pid !== undefined) process.kill(child.pid, "SIGKILL");
      return Promise.resolve();
    },
  };
}

/** A directory of a kind, and how to get rid of it. */
export interface StageFolder {
  /** The home to use. */
  readonly home: string;
  /** Runs the doctor so that the trouble is real; empty where the folder is enough. */
  readonly wrap: readonly string[];
  remove(): void;
}

/** A home that cannot be written to, also not by root. */
export function readOnlyHome(folder: string): StageFolder {
  const home = `${folder}/home`;
  mkdirSync(home);
  if (process.getuid?.() !== 0) {
    chmodSync(home, 0o500);
    return { home: `${home}/z4j`, wrap: [], remove: () => chmodSync(home, 0o700) };
  }
  if (mount("-t", "tmpfs", "-o", "ro,size=64k", "tmpfs", home)) {
    return { home: `${home}/z4j`, wrap: [], remove: () => unmount(home) };
  }
  // Not even root makes a directory in this file system of the kernel.
  return { home: "/proc/z4j-home", wrap: [], remove() {} };
}

/** A home on a full disk: a small file system, or a limit on the size of files. */
export function fullDisk(folder: string): StageFolder {
  const home = `${folder}/disk`;
  mkdirSync(home);
  if (mount("-t", "tmpfs", "-o", "size=16k,mode=700", "tmpfs", home)) {
    return { home, wrap: [], remove: () => unmount(home) };
  }
  // The signal of that limit is ignored, so that the write fails as on a full disk.
  const script = 'trap "" XFSZ; ulimit -f 32; exec "$@"';
  return { home, wrap: ["sh", "-c", script, "sh"], remove() {} };
}

function mount(...args: readonly string[]): boolean {
  try {
    execFileSync("mount", args, { stdio: "pipe" });
    return true;
  } catch {
    return false;
  }
}

function unmount(path: string): void {
  execFileSync("umount", ["-l", path], { stdio: "pipe" });
}
