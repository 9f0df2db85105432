import type { MaybePromise } from "../base/maybe_promise.ts";

/** The server's end of one WebSocket. */
export interface ServerSocket {
  /** Sends one message. Does nothing once the socket is closed. */
  send(data: string | Uint8Array): void;
  /** Starts the close handshake. */
  close(code: number, reason: string): void;
  /** Bytes handed over that the network has not taken yet. */
  bufferedBytes(): number;
}

/** What a server does with one WebSocket. */
export interface ServerSocketHandlers {
  /** The upgrade is done. */
  open(socket: ServerSocket): void;
  /** A message arrived: text, or the bytes of a binary one. */
  message(data: string | Uint8Array): void;
  /** The socket is closed; nothing follows. */
  closed(code: number): void;
}

/** Facts about a request that its `Request` does not hold. */
export interface RequestFacts {
  /** Address of the peer. */
  readonly remoteAddress: string;
}

/** What to serve. */
export interface ServeOptions {
  /** Address to listen on. */
  readonly hostname: string;
  /** Port, 0 for any free one. */
  readonly port: number;
  /** Largest WebSocket message that is taken, in bytes. */
  readonly maxMessageBytes: number;
  /** Answers plain requests. */
  readonly fetch: (request: Request, facts: RequestFacts) => MaybePromise<Response>;
  /** Handlers for an upgrade request, or `null` to answer it with `fetch`. */
  readonly upgrade: (request: Request, facts: RequestFacts) => ServerSocketHandlers | null;
}

/** A server that listens. */
export interface Server {
  /** Port it listens on. */
  readonly port: number;
  /** Stops listening and drops every connection. Idempotent. */
  close(): Promise<void>;
}

/** Starts a server on this runtime. */
export type StartServer = (options: ServeOptions) => Promise<Server>;
