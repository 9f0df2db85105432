import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer, type Socket } from "node:net";
import { afterEach, describe, it } from "node:test";
import { createFrameReader, encodeFrame, OPCODE } from "../../src/platform/quiet_frames.ts";
import { openQuietSocket, type QuietSocket } from "../../src/platform/quiet_socket.ts";
import { until } from "../_support/wait.ts";

const cleanups: (() => unknown)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

/** Unmasked, as a server sends it. */
function serverFrame(opcode: number, payload: Uint8Array, isLast = true): Uint8Array {
  const size = payload.length;
  const head = size < 126
    ? [size]
    : size < 65_536
    ? [126, size >> 8, size & 255]
    : [127, 0, 0, 0, 0, size >>> 24, (size >> 16) & 255, (size >> 8) & 255, size & 255];
  return new Uint8Array([(isLast ? 0x80 : 0) | opcode, ...head, ...payload]);
}

interface Server {
  readonly url: string;
  readonly heads: string[];
  readonly received: number[];
  /** The connection, once it is upgraded. */
  connection(): Promise<Socket>;
}

async function startServer(answer?: (key: string) => string): Promise<Server> {
  const heads: string[] = [];
  const received: number[] = [];
  let upgraded: Socket | undefined;
  const server = createServer((socket) => {
    socket.on("error", () => {});
    cleanups.push(() => socket.destroy());
    socket.once("data", (head: Uint8Array) => {
      const text = new TextDecoder().decode(head);
      heads.push(text);
      const key = /sec-websocket-key: (.*)\r/i.exec(text)?.[1] ?? "";
      const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
        .digest("base64");
      socket.write(
        answer?.(accept) ??
          "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n" +
            `sec-websocket-accept: ${accept}\r\n\r\n`,
      );
      upgraded = socket;
      socket.on("data", (bytes: Uint8Array) => received.push(...bytes));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => server.close());
  const { port } = server.address() as { readonly port: number };
  return {
    url: `ws://127.0.0.1:${port}/base/ws/agent?x=1`,
    heads,
    received,
    connection: () => until("an upgraded connection", () => upgraded),
  };
}

interface Seen {
  readonly socket: QuietSocket;
  readonly log: unknown[];
}

function open(url: string, headers: Readonly<Record<string, string>> = {}): Seen {
  const socket = openQuietSocket(url, { headers, ca: null });
  const log: unknown[] = [];
  socket.onopen = () => log.push("open");
  socket.onmessage = ({ data }) => log.push(data);
  socket.onerror = (event) => log.push(`error ${(event as { readonly message: string }).message}`);
  socket.onclose = ({ code, reason }) => log.push(`close ${code} ${reason}`.trim());
  cleanups.push(() => socket.terminate());
  return { socket, log };
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const has = (log: readonly unknown[], wanted: unknown): Promise<unknown> =>
  until(`${String(wanted)} in ${JSON.stringify(log)}`, () => log.includes(wanted));

describe("openQuietSocket()", () => {
  it("asks for the upgrade with path, query and headers, and opens", async () => {
    const server = await startServer();
    const { log } = open(server.url, { authorization: "Bearer t" });
    await has(log, "open");
    assert.match(server.heads[0] ?? "", /^GET \/base\/ws\/agent\?x=1 HTTP\/1\.1\r\nHost: 127/);
    assert.match(server.heads[0] ?? "", /\r\nauthorization: Bearer t\r\n/);
    assert.throws(() => open(server.url, { authorization: "Bearer t\r\nx: y" }), /line break/);
  });

  it("joins portions and fragments, and answers pings between them", async () => {
    const server = await startServer();
    const { log } = open(server.url);
    const peer = await server.connection();
    const large = "ä".repeat(40_000);
    const whole = serverFrame(OPCODE.text, bytes(large));
    peer.write(whole.slice(0, 3));
    await has(log, "open");
    peer.write(whole.slice(3));
    await has(log, large);
    peer.write(serverFrame(OPCODE.text, bytes("one "), false));
    peer.write(serverFrame(OPCODE.ping, bytes("p")));
    peer.write(serverFrame(OPCODE.continuation, bytes("two")));
    await has(log, "one two");
    const pong = server.received;
    await until("a pong", () => pong.length >= 7);
    assert.deepEqual([pong[0], pong[1]], [0x80 | OPCODE.pong, 0x81]);
  });

  it("masks what it sends, of every length class", async () => {
    const server = await startServer();
    const { log, socket } = open(server.url);
    await has(log, "open");
    for (const size of [5, 200, 70_000]) {
      server.received.length = 0;
      socket.send("x".repeat(size));
      const head = size < 126 ? 6 : size < 65_536 ? 8 : 14;
      await until(`${size} bytes`, () => server.received.length === head + size);
      const mask = server.received.slice(head - 4, head);
      assert.ok(((server.received[1] ?? 0) & 0x80) !== 0);
      const text = server.received.slice(head).map((byte, at) => byte ^ (mask[at & 3] ?? 0));
      assert.ok(text.every((byte) => byte === 120));
    }
  });

  it("tells the peer's close code, and ends a close of its own", async () => {
    const server = await startServer();
    const first = open(server.url);
    (await server.connection()).write(serverFrame(OPCODE.close, new Uint8Array([0x11, 0x31, 104])));
    await has(first.log, "close 4401 h");
    const other = await startServer();
    const second = open(other.url);
    await has(second.log, "open");
    second.socket.close(1000, "bye");
    await until("the close frame", () => other.received.length === 11);
    (await other.connection()).end(serverFrame(OPCODE.close, new Uint8Array([3, 232])));
    await has(second.log, "close 1000");
  });

  const endless = new Uint8Array(140_000);
  endless[0] = OPCODE.text;
  const broken: readonly [string, Uint8Array, RegExp][] = [
    ["a masked frame", encodeFrame(OPCODE.text, bytes("x")), /masked/],
    ["an extension", new Uint8Array([0xc1, 1, 120]), /extension/],
    ["a fragment without a beginning", serverFrame(OPCODE.continuation, bytes("x")), /order/],
    ["text that is not UTF-8", serverFrame(OPCODE.text, new Uint8Array([255])), /./],
    ["fragments without an end", endless, /fragments/],
    ["a giant", new Uint8Array([0x82, 127, 0, 0, 1, 0, 0, 0, 0, 0]), /64 MiB/],
  ];
  for (const [what, frame, why] of broken) {
    it(`drops a peer that sends ${what}`, async () => {
      const server = await startServer();
      const { log } = open(server.url);
      await has(log, "open");
      (await server.connection()).write(frame);
      await has(log, "close 1006");
      assert.match(log.map(String).find((line) => line.startsWith("error")) ?? "", why);
    });
  }

  it("tells why there was no upgrade, before the close", async () => {
    for (
      const [answer, why] of [
        ["HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n", /status code: 401/],
        ["HTTP/1.1 101 Switching Protocols\r\nsec-websocket-accept: x\r\n\r\n", /not that of/],
        ["SSH-2.0-OpenSSH\r\n\r\n", /not HTTP/],
      ] as const
    ) {
      const server = await startServer(() => answer);
      const { log } = open(server.url);
      await has(log, "close 1006");
      assert.match(String(log[0]), why);
      assert.ok(!log.includes("open"));
    }
    const { log } = open("ws://127.0.0.1:1/");
    await has(log, "close 1006");
    assert.match(String(log[0]), /ECONNREFUSED|refused|connect/i);
  });
});

describe("createFrameReader()", () => {
  it("reads the same frames however they are cut", () => {
    const all = [
      ...serverFrame(OPCODE.text, bytes("abc")),
      ...serverFrame(OPCODE.binary, bytes("d".repeat(300))),
    ];
    for (const step of [1, 2, 3, 7, 1000]) {
      const reader = createFrameReader();
      const seen: string[] = [];
      for (let at = 0; at < all.length; at += step) {
        for (const { payload } of reader.push(new Uint8Array(all.slice(at, at + step)))) {
          seen.push(new TextDecoder().decode(payload));
        }
      }
      assert.deepEqual(seen, ["abc", "d".repeat(300)]);
    }
  });
});
