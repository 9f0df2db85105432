import { deepStrictEqual as deepEqual, rejects, strictEqual as equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { isZ4jError } from "../../src/base/errors.ts";
import { startServer } from "../../src/platform/serve.ts";
import type { ServeOptions, ServerSocket } from "../../src/platform/serve_port.ts";

const MAX = 4_096;

function options(overrides: Partial<ServeOptions> = {}): ServeOptions {
  return {
    hostname: "127.0.0.1",
    port: 0,
    maxMessageBytes: MAX,
    fetch: (_request, facts) => new Response(facts.remoteAddress),
    upgrade: () => null,
    ...overrides,
  };
}

/** A server that echoes, and what its last socket saw. */
function echo(): { readonly options: ServeOptions; readonly seen: unknown[] } {
  const seen: unknown[] = [];
  let socket: ServerSocket | undefined;
  return {
    seen,
    options: options({
      upgrade: (request) =>
        request.headers.get("upgrade") !== "websocket" ? null : {
          open(opened) {
            socket = opened;
            opened.send("hello");
          },
          message(data) {
            seen.push(typeof data === "string" ? data : [...data]);
            if (data === "leave") socket?.close(4403, "go");
            else socket?.send(data);
          },
          closed: (code) => void seen.push({ code }),
        },
    }),
  };
}

function dial(port: number): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
    socket.binaryType = "arraybuffer";
    socket.onmessage = () => resolve(socket);
    socket.onerror = () => reject(new Error("no connection"));
  });
}

function next(socket: WebSocket): Promise<unknown> {
  return new Promise((resolve) => {
    socket.onmessage = ({ data }) =>
      resolve(typeof data === "string" ? data : [...new Uint8Array(data)]);
    socket.onclose = ({ code }) => resolve({ code });
  });
}

async function until(done: () => boolean): Promise<void> {
  const end = Date.now() + 3_000;
  while (!done() && Date.now() < end) await new Promise((go) => setTimeout(go, 10));
}

describe("startServer()", () => {
  it("answers requests and names the peer", async () => {
    const server = await startServer(options());
    try {
      const response = await fetch(`http://127.0.0.1:${server.port}/`);
      equal(await response.text(), "127.0.0.1");
    } finally {
      await server.close();
    }
  });

  it("delivers text as text and binary as bytes", async () => {
    const { options, seen } = echo();
    const server = await startServer(options);
    try {
      const socket = await dial(server.port);
      let answer = next(socket);
      socket.send("text");
      equal(await answer, "text");
      answer = next(socket);
      socket.send(new Uint8Array([0, 255]));
      deepEqual(await answer, [0, 255]);
      deepEqual(seen, ["text", [0, 255]]);
      socket.close();
    } finally {
      await server.close();
    }
  });

  it("passes close codes of 4000 and above to the peer", async () => {
    const { options, seen } = echo();
    const server = await startServer(options);
    try {
      const socket = await dial(server.port);
      const closed = next(socket);
      socket.send("leave");
      deepEqual(await closed, { code: 4403 });
      await until(() => seen.length === 2);
      equal(seen.length, 2);
    } finally {
      await server.close();
    }
  });

  it("closes a socket whose message is over the limit and does not deliver it", async () => {
    const { options, seen } = echo();
    const server = await startServer(options);
    try {
      const socket = await dial(server.port);
      const closed = next(socket) as Promise<{ code: number }>;
      socket.send("x".repeat(MAX + 1));
      const { code } = await closed;
      equal([1009, 1006].includes(code), true, `closed with ${code}`);
      equal(seen.some((entry) => typeof entry === "string"), false);
    } finally {
      await server.close();
    }
  });

  it("refuses a port that is taken with its reason", async () => {
    const server = await startServer(options());
    try {
      await rejects(
        startServer(options({ port: server.port })),
        (error) =>
          isZ4jError(error) && error.code === "Z4J_BRAIN_SERVE" &&
          error.details["reason"] === "port_taken",
      );
    } finally {
      await server.close();
    }
  });

  it("drops sockets and streams when it closes, and may be closed twice", async () => {
    const { options: base } = echo();
    const server = await startServer({
      ...base,
      fetch: () =>
        new Response(
          new ReadableStream({
            start: (stream) => stream.enqueue(new TextEncoder().encode("open")),
          }),
        ),
    });
    const stream = (await fetch(`http://127.0.0.1:${server.port}/`)).body?.getReader();
    equal(new TextDecoder().decode((await stream?.read())?.value), "open");
    const socket = await dial(server.port);
    const closed = next(socket);
    const started = Date.now();
    await server.close();
    await server.close();
    equal(Date.now() - started < 2_500, true);
    const ended = stream?.read().then((part) => part.done, () => true);
    equal(await ended, true);
    equal(typeof (await closed as { code: number }).code, "number");
    await rejects(fetch(`http://127.0.0.1:${server.port}/`));
  });
});
