import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Readable } from "node:stream";
import { attachNodeSocket } from "./serve_node_socket.ts";
import type { ServeOptions, Server } from "./serve_port.ts";

/** A server over `node:http`, for Node, which has none for `fetch` handlers. */
export async function serveNode(options: ServeOptions): Promise<Server> {
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => void answer(options, request, response));
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.on("upgrade", (request: IncomingMessage, socket: Socket) => {
    const facts = factsOf(request);
    const asked = toRequest(request);
    const handlers = options.upgrade(asked, facts);
    if (handlers === null) return void refuse(options, asked, facts, socket);
    attachNodeSocket(socket, request, handlers, options.maxMessageBytes);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.hostname, resolve);
  });
  const { port } = server.address() as { readonly port: number };
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  return { port, close: () => closing ??= close() };
}

function factsOf(request: IncomingMessage): { readonly remoteAddress: string } {
  return { remoteAddress: request.socket.remoteAddress ?? "" };
}

function toRequest(request: IncomingMessage): Request {
  const { method = "GET", headers, url = "/" } = request;
  const hasBody = method !== "GET" && method !== "HEAD";
  const pairs = Object.entries(headers).flatMap(([name, value]) =>
    [value ?? []].flat().map((text): [string, string] => [name, text])
  );
  const init = {
    method,
    headers: pairs,
    ...(hasBody ? { body: Readable.toWeb(request), duplex: "half" } : {}),
  };
  return new Request(`http://${headers.host ?? "localhost"}${url}`, init as unknown as RequestInit);
}

async function answer(
  options: ServeOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const reply = await options.fetch(toRequest(request), factsOf(request));
    response.writeHead(reply.status, [...reply.headers].flat());
    if (reply.body === null) return void response.end();
    const body = Readable.fromWeb(reply.body as unknown as Parameters<typeof Readable.fromWeb>[0]);
    body.on("error", () => response.destroy());
    response.on("close", () => body.destroy());
    body.pipe(response);
  } catch {
    response.destroy();
  }
}

async function refuse(
  options: ServeOptions,
  request: Request,
  facts: { readonly remoteAddress: string },
  socket: Socket,
): Promise<void> {
  try {
    const reply = await options.fetch(request, facts);
    const body = new Uint8Array(await reply.arrayBuffer());
    const head = [...reply.headers].map(([name, value]) => `${name}: ${value}\r\n`).join("");
    socket.write(`HTTP/1.1 ${reply.status} ${reply.statusText || "Refused"}\r\n${head}`);
    socket.write(`content-length: ${body.length}\r\nconnection: close\r\n\r\n`);
    socket.end(body);
  } catch {
    socket.destroy();
  }
}
