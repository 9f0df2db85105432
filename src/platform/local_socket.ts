import { chmodSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";

/** A connection between processes of one machine that carries lines of text. */
export interface LocalChannel {
  /** Sends one line. */
  send(line: string): void;
  /** The next line that came, `null` once the connection has ended. */
  next(): Promise<string | null>;
  /** Ends it; what was sent still leaves. */
  close(): void;
}

/** A socket that processes of one machine reach by its path. */
export interface LocalServer {
  /** Ends it with all its connections, and removes its file. */
  close(): void;
}

/** What bounds a server and its channels. */
export interface LocalBounds {
  /** Most connections at once; more are dropped. */
  readonly maxConnections: number;
  /** Most characters of one line; a peer that sends more is dropped. */
  readonly maxLineChars: number;
}

// Of the shortest limit of the systems, with its end mark (macOS).
const MAX_PATH_BYTES = 103;
// What was sent and not read by then is dropped.
const LINGER_MS = 1000;

/** Whether a socket can have this path: POSIX, and short enough. */
export function isLocalPath(path: string): boolean {
  return path.startsWith("/") && new TextEncoder().encode(path).length <= MAX_PATH_BYTES;
}

/**
 * Listens at a path, mode 0600, without keeping the process alive.
 *
 * @param path Where; its directory must be private, and nothing may be there.
 * @throws When the system refuses.
 */
export function listenLocal(
  path: string,
  bounds: LocalBounds,
  accept: (channel: LocalChannel) => void,
): Promise<LocalServer> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    if (open.size >= bounds.maxConnections) return void socket.destroy();
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    accept(channelOf(socket, bounds.maxLineChars));
  });
  return new Promise((resolve, reject) => {
    server.on("error", reject);
    server.listen(path, () => {
      try {
        chmodSync(path, 0o600);
      } catch (error) {
        server.close();
        return reject(error);
      }
      resolve({
        close() {
          server.close();
          for (const socket of open) socket.destroy();
          rmSync(path, { force: true });
        },
      });
    });
    server.unref();
  });
}

/** Connects to a path. Rejects when nobody listens there. */
export function connectLocal(path: string, maxLineChars: number): Promise<LocalChannel> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once("error", reject);
    socket.once("connect", () => resolve(channelOf(socket, maxLineChars)));
    socket.unref();
  });
}

function channelOf(socket: Socket, maxLineChars: number): LocalChannel {
  const lines: string[] = [];
  const waiting: ((line: string | null) => void)[] = [];
  let rest = "";
  let hasEnded = false;
  const end = (): void => {
    hasEnded = true;
    for (const resolve of waiting.splice(0)) resolve(null);
  };
  socket.unref();
  socket.setEncoding("utf8");
  socket.on("data", (chunk: string | Uint8Array) => {
    const parts = (rest + String(chunk)).split("\n");
    rest = parts.pop() ?? "";
    const isTooLong = [rest, ...parts].some((line) => line.length > maxLineChars);
    if (isTooLong || lines.length + parts.length > MAX_LINES) return void socket.destroy();
    for (const line of parts) {
      const resolve = waiting.shift();
      if (resolve === undefined) lines.push(line);
      else resolve(line);
    }
  });
  // The end follows as "close".
  socket.on("error", () => {});
  socket.on("end", () => socket.end());
  socket.on("close", end);
  return {
    send: (line) => void socket.write(`${line}\n`),
    next() {
      const line = lines.shift();
      if (line !== undefined) return Promise.resolve(line);
      if (hasEnded) return Promise.resolve(null);
      return new Promise((resolve) => waiting.push(resolve));
    },
    close() {
      socket.end();
      const timer = setTimeout(() => socket.destroy(), LINGER_MS);
      timer.unref();
      socket.once("close", () => clearTimeout(timer));
    },
  };
}

// A peer sends one line and waits for the answer.
const MAX_LINES = 4;
