import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { concat, createFrameReader, type Frame, OPCODE, serverFrame } from "./quiet_frames.ts";
import { ACCEPT_SALT } from "./quiet_upgrade.ts";
import type { ServerSocketHandlers } from "./serve_port.ts";

const TOO_BIG = 1009;
const ABNORMAL = 1006;
const NO_STATUS = 1005;

/** Finishes the upgrade of a connection and wires it to its handlers. */
export function attachNodeSocket(
  socket: Socket,
  request: IncomingMessage,
  handlers: ServerSocketHandlers,
  maxBytes: number,
): void {
  const key = request.headers["sec-websocket-key"] ?? "";
  const accept = createHash("sha1").update(`${key}${ACCEPT_SALT}`).digest("base64");
  socket.setNoDelay(true);
  socket.setTimeout(0);
  socket.write(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  new NodeSocket(socket, handlers, maxBytes).begin();
}

class NodeSocket {
  readonly #socket: Socket;
  readonly #handlers: ServerSocketHandlers;
  readonly #maxBytes: number;
  readonly #reader = createFrameReader("client");
  #parts: Uint8Array[] = [];
  #opcode = 0;
  #code: number = ABNORMAL;
  #isClosing = false;

  constructor(socket: Socket, handlers: ServerSocketHandlers, maxBytes: number) {
    this.#socket = socket;
    this.#handlers = handlers;
    this.#maxBytes = maxBytes;
  }

  begin(): void {
    const socket = this.#socket;
    socket.on("error", () => {});
    socket.on("close", () => this.#handlers.closed(this.#code));
    socket.on("end", () => socket.end());
    this.#handlers.open({
      send: (data) => this.#send(data),
      close: (code, reason) => this.#close(code, reason),
      bufferedBytes: () => socket.writableLength,
    });
    socket.on("data", (bytes: Uint8Array) => {
      try {
        for (const frame of this.#reader.push(bytes)) this.#frame(frame);
      } catch {
        socket.destroy();
      }
    });
  }

  #send(data: string | Uint8Array): void {
    if (this.#isClosing) return;
    const isText = typeof data === "string";
    const payload = isText ? new TextEncoder().encode(data) : data;
    this.#socket.write(serverFrame(isText ? OPCODE.text : OPCODE.binary, payload));
  }

  #close(code: number, reason: string): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    const text = new TextEncoder().encode(reason);
    this.#socket.write(
      serverFrame(OPCODE.close, new Uint8Array([code >> 8, code & 255, ...text])),
    );
  }

  #frame({ opcode, isLast, payload }: Frame): void {
    if (opcode === OPCODE.ping) return void this.#socket.write(serverFrame(OPCODE.pong, payload));
    if (opcode === OPCODE.pong) return;
    if (opcode === OPCODE.close) return this.#closed(payload);
    if (opcode !== OPCODE.continuation) this.#opcode = opcode;
    this.#parts.push(payload);
    const size = this.#parts.reduce((sum, part) => sum + part.length, 0);
    if (size > this.#maxBytes) return this.#close(TOO_BIG, "message too big");
    if (!isLast) return;
    const whole = concat(this.#parts.splice(0), size);
    this.#handlers.message(
      this.#opcode === OPCODE.text ? new TextDecoder().decode(whole) : whole,
    );
  }

  #closed(payload: Uint8Array): void {
    this.#code = payload.length < 2 ? NO_STATUS : ((payload[0] ?? 0) << 8) | (payload[1] ?? 0);
    if (!this.#isClosing) this.#socket.write(serverFrame(OPCODE.close, payload.subarray(0, 2)));
    this.#isClosing = true;
    this.#socket.end();
  }
}
