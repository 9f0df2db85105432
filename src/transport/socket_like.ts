/** The part of a web-standard WebSocket that the transport uses. */
export interface WebSocketLike {
  /** How binary messages arrive; set to `arraybuffer`. */
  binaryType: string;
  /** Bytes queued and not yet taken by the network. */
  readonly bufferedAmount: number;
  /** Called once the handshake is done. */
  onopen: ((event: unknown) => void) | null;
  /** Called for each message. */
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  /** Called when the connection failed; the event may carry a `message`. */
  onerror: ((event: unknown) => void) | null;
  /** Called when the connection is closed. */
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null;
  /** Sends one message. */
  send(data: string): void;
  /** Starts the close handshake. */
  close(code?: number, reason?: string): void;
  /** Drops the connection at once, where the runtime can. */
  terminate?(): void;
}

/** What a socket is opened with. */
export interface WebSocketInit {
  /** Headers of the upgrade request. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Opens a socket; may throw, for example when a permission is missing. */
export type WebSocketFactory = (url: string, init: WebSocketInit) => WebSocketLike;

type HeaderedWebSocket = new (url: string, init: WebSocketInit) => WebSocketLike;

/** The runtime's own client; Deno 2.9 and Bun 1.4 take headers as second argument. */
export const runtimeWebSocket: WebSocketFactory = (url, init) =>
  new (globalThis.WebSocket as unknown as HeaderedWebSocket)(url, init);
