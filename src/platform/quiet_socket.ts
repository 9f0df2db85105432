import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls, rootCertificates } from "node:tls";
import {
  concat,
  createFrameReader,
  encodeFrame,
  type Frame,
  MAX_PAYLOAD_BYTES,
  OPCODE,
} from "./quiet_frames.ts";
import { readUpgrade, upgradeRequest } from "./quiet_upgrade.ts";

/** What a socket is opened with. */
export interface QuietInit {
  /** Headers of the upgrade request. */
  readonly headers: Readonly<Record<string, string>>;
  /** PEM certificates to trust besides the public ones, or `null`. */
  readonly ca: string | null;
}

type Handler<E> = ((event: E) => void) | null;

// What is left of a closed connection is dropped when the peer does not end it.
const LINGER_MS = 1000;
// More, and the parts cost more than what they hold.
const MAX_FRAGMENTS = 65_536;
const NO_STATUS = 1005;
const ABNORMAL = 1006;

/**
 * A WebSocket that never keeps the process alive. Those of the runtimes do, and
 * none can be told otherwise: a script with an agent would never end by itself.
 * It takes no proxy and no extension, which the brain does not need either.
 */
export function openQuietSocket(url: string, init: QuietInit): QuietSocket {
  return new QuietSocket(new URL(url), init);
}

/** The part of a web-standard WebSocket that the transport uses. */
export class QuietSocket {
  binaryType = "arraybuffer";
  onopen: Handler<unknown> = null;
  onmessage: Handler<{ readonly data: unknown }> = null;
  onerror: Handler<unknown> = null;
  onclose: Handler<{ readonly code: number; readonly reason: string }> = null;
  readonly #socket: Socket;
  readonly #accept: Promise<string>;
  readonly #reader = createFrameReader();
  #state: "opening" | "open" | "closing" | "closed" = "opening";
  #head: Uint8Array = new Uint8Array(0);
  #fragments: Uint8Array[] = [];
  #fragmentOpcode = 0;
  #fragmentBytes = 0;
  #end = { code: ABNORMAL, reason: "" };

  constructor(url: URL, { headers, ca }: QuietInit) {
    const request = upgradeRequest(url, headers);
    this.#accept = request.accept;
    this.#socket = dial(url, ca);
    this.#socket.unref();
    this.#socket.setNoDelay(true);
    const ready = url.protocol === "wss:" ? "secureConnect" : "connect";
    this.#socket.once(ready, () => this.#socket.write(request.text));
    this.#socket.on("data", (bytes: Uint8Array) => this.#contained(() => this.#received(bytes)));
    this.#socket.on("error", (error) => this.#failed(error));
    this.#socket.on("end", () => this.#socket.end());
    this.#socket.on("close", () => this.#closed());
  }

  get bufferedAmount(): number {
    return this.#socket.writableLength;
  }

  send(data: string): void {
    if (this.#state === "open") this.#write(OPCODE.text, new TextEncoder().encode(data));
  }

  close(code = 1000, reason = ""): void {
    if (this.#state === "closing" || this.#state === "closed") return;
    if (this.#state === "opening") return this.terminate();
    this.#state = "closing";
    const text = new TextEncoder().encode(reason);
    const payload = new Uint8Array(2 + text.length);
    new DataView(payload.buffer).setUint16(0, code);
    payload.set(text, 2);
    this.#write(OPCODE.close, payload);
  }

  terminate(): void {
    this.#socket.destroy();
  }

  #write(opcode: number, payload: Uint8Array): void {
    this.#socket.write(encodeFrame(opcode, payload));
  }

  #received(bytes: Uint8Array): void {
    if (this.#state !== "opening") return this.#frames(bytes);
    this.#head = concat([this.#head, bytes], this.#head.length + bytes.length);
    const answer = readUpgrade(this.#head);
    if (answer === null) return;
    if (answer.accept === null) throw new Error(answer.problem);
    // Nothing may overtake the check of the answer.
    this.#socket.pause();
    void this.#accept.then((accept) =>
      this.#contained(() => {
        if (this.#state !== "opening") return;
        if (answer.accept !== accept) throw new Error(answer.problem);
        this.#state = "open";
        this.onopen?.({});
        this.#frames(answer.rest);
        this.#socket.resume();
      })
    );
  }

  #frames(bytes: Uint8Array): void {
    if (bytes.length === 0 || this.#state === "closed") return;
    for (const frame of this.#reader.push(bytes)) this.#frame(frame);
  }

  #frame(frame: Frame): void {
    if (frame.opcode === OPCODE.ping) return this.#write(OPCODE.pong, frame.payload);
    if (frame.opcode === OPCODE.pong) return;
    if (frame.opcode === OPCODE.close) return this.#closeFrame(frame.payload);
    const isFirst = frame.opcode !== OPCODE.continuation;
    if (isFirst === this.#fragments.length > 0) throw new Error("fragments are out of order");
    if (isFirst) this.#fragmentOpcode = frame.opcode;
    this.#fragments.push(frame.payload);
    this.#fragmentBytes += frame.payload.length;
    if (this.#fragmentBytes > MAX_PAYLOAD_BYTES || this.#fragments.length > MAX_FRAGMENTS) {
      throw new Error("a message in fragments is too large");
    }
    if (!frame.isLast) return;
    const whole = concat(this.#fragments.splice(0), this.#fragmentBytes);
    this.#fragmentBytes = 0;
    const isText = this.#fragmentOpcode === OPCODE.text;
    const data = isText ? new TextDecoder("utf-8", { fatal: true }).decode(whole) : whole.buffer;
    this.onmessage?.({ data });
  }

  #closeFrame(payload: Uint8Array): void {
    const code = payload.length < 2
      ? NO_STATUS
      : new DataView(payload.buffer, payload.byteOffset).getUint16(0);
    this.#end = { code, reason: new TextDecoder().decode(payload.subarray(2)) };
    if (this.#state === "open") this.#write(OPCODE.close, payload.subarray(0, 2));
    this.#state = "closing";
    this.#socket.end();
    const timer = setTimeout(() => this.#socket.destroy(), LINGER_MS);
    timer.unref();
  }

  #contained(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#failed(error);
      this.#socket.destroy();
    }
  }

  #failed(error: unknown): void {
    const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
    this.onerror?.({
      message: `${typeof code === "string" ? code : ""} ${String(message)}`.trim(),
    });
  }

  #closed(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.onclose?.(this.#end);
  }
}

function dial(url: URL, ca: string | null): Socket {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const isSecure = url.protocol === "wss:";
  const port = Number(url.port === "" ? (isSecure ? 443 : 80) : url.port);
  if (!isSecure) return connectTcp({ host, port });
  return connectTls({
    host,
    port,
    ALPNProtocols: ["http/1.1"],
    // An address is no server name (RFC 6066 section 3).
    ...(isIP(host) === 0 ? { servername: host } : {}),
    // The list stands for all there is, so the public ones go with it.
    ...(ca === null ? {} : { ca: [...rootCertificates, ca] }),
  });
}
