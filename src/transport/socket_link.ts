import { type Clock, sleep } from "../base/clock.ts";
import { errorText } from "../base/errors.ts";
import type { WebSocketLike } from "./socket_like.ts";

// Neither Deno nor Bun fires `close` when the peer never answers a close frame.
const CLOSE_DEADLINE_MS = 3000;

/** How a socket came to its end. */
export interface SocketEnd {
  /** Close code; 0 or 1006 when there was no close frame. */
  readonly code: number;
  /** Text of the error before it; may be empty. */
  readonly message: string;
}

/** Who listens to a link from now on. */
export interface LinkListener {
  /** A message arrived. */
  message(data: string | Uint8Array): void;
  /** The socket ended; called exactly once. */
  ended(end: SocketEnd): void;
}

/** One socket whose events wait until somebody listens. */
export interface SocketLink {
  /** Resolves once the socket is open or has ended. */
  readonly opened: Promise<"open" | SocketEnd>;
  /** The first message, or the end of the socket. */
  first(): Promise<string | Uint8Array | SocketEnd>;
  /** Hands waiting and later events to the listener. */
  listen(listener: LinkListener): void;
  /** Sends one message; `false` when the socket cannot take it. */
  send(text: string): boolean;
  /** Bytes that wait in the socket. */
  bufferedBytes(): number;
  /** Ends the socket within 3 s, whatever the peer does. */
  close(code: number, reason: string): Promise<void>;
}

/** Takes over all events of a socket. */
export function createSocketLink(socket: WebSocketLike, clock: Clock): SocketLink {
  return new Link(socket, clock);
}

class Link implements SocketLink {
  readonly opened: Promise<"open" | SocketEnd>;
  readonly #socket: WebSocketLike;
  readonly #clock: Clock;
  readonly #waiting: (string | Uint8Array)[] = [];
  readonly #done = new AbortController();
  #resolveOpened: (outcome: "open" | SocketEnd) => void = () => {};
  #firstWaiter: (() => void) | undefined;
  #listener: LinkListener | undefined;
  #end: SocketEnd | undefined;
  #errorMessage = "";

  constructor(socket: WebSocketLike, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
    this.opened = new Promise((resolve) => this.#resolveOpened = resolve);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#resolveOpened("open");
    socket.onmessage = (event) => this.#message(event.data);
    socket.onerror = (event) => this.#errorMessage = eventMessage(event);
    socket.onclose = (event) => this.#finish(event.code);
  }

  async first(): Promise<string | Uint8Array | SocketEnd> {
    if (this.#waiting.length === 0 && this.#end === undefined) {
      await new Promise<void>((resolve) => this.#firstWaiter = resolve);
    }
    return this.#waiting.shift() ?? this.#end ?? { code: 0, message: "" };
  }

  listen(listener: LinkListener): void {
    for (const data of this.#waiting.splice(0)) listener.message(data);
    if (this.#end !== undefined) return listener.ended(this.#end);
    this.#listener = listener;
  }

  send(text: string): boolean {
    if (this.#end !== undefined) return false;
    try {
      this.#socket.send(text);
      return true;
    } catch (error) {
      this.#errorMessage = errorText(error);
      return false;
    }
  }

  bufferedBytes(): number {
    return this.#end === undefined ? this.#socket.bufferedAmount : 0;
  }

  async close(code: number, reason: string): Promise<void> {
    if (this.#end !== undefined) return;
    try {
      this.#socket.close(code, reason);
    } catch {
      // A socket that cannot start the handshake is dropped below.
    }
    await sleep(this.#clock, CLOSE_DEADLINE_MS, this.#done.signal);
    if (this.#end === undefined) this.#drop();
  }

  #drop(): void {
    try {
      this.#socket.terminate?.();
    } catch {
      // There is nothing left to free.
    }
    this.#finish(1006);
  }

  #message(data: unknown): void {
    if (this.#end !== undefined) return;
    const message = typeof data === "string" ? data : toBytes(data);
    if (this.#listener !== undefined) return this.#listener.message(message);
    this.#waiting.push(message);
    this.#firstWaiter?.();
  }

  #finish(code: number): void {
    if (this.#end !== undefined) return;
    this.#end = { code, message: this.#errorMessage };
    const socket = this.#socket;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.onerror = () => {};
    this.#resolveOpened(this.#end);
    this.#firstWaiter?.();
    // A reason that nobody reads spares an error with its stack.
    this.#done.abort("done");
    this.#listener?.ended(this.#end);
  }
}

function toBytes(data: unknown): Uint8Array {
  return data instanceof ArrayBuffer ? new Uint8Array(data) : new Uint8Array(0);
}

function eventMessage(event: unknown): string {
  const message: unknown = (event as { readonly message?: unknown } | null)?.message;
  return typeof message === "string" ? message : "";
}
