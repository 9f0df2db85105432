import type { HelloPayload } from "../protocol/frames.ts";
import type { SessionIdentity } from "../protocol/identity.ts";

export type { SessionIdentity };

/** What a brain tells when it takes a session. */
export interface SessionTerms {
  /** The identities for signing. */
  readonly identity: SessionIdentity;
  /** Version text of the brain. */
  readonly brainVersion: string;
  /** How often it wants a heartbeat, in milliseconds. */
  readonly heartbeatIntervalMs: number;
  /** Largest frame that it takes, in bytes. */
  readonly maxFrameBytes: number;
  /** Brain clock minus our clock in milliseconds, or `null` if unknown. */
  readonly clockOffsetMs: number | null;
}

/**
 * The kind of trouble, which decides how long to wait (protocol section 3.1):
 * `auth` needs new credentials, `incompatible` another version, `protocol`
 * means that one side broke the rules, `connection` is everything else.
 */
export type FailureClass = "auth" | "incompatible" | "protocol" | "connection";

/** Why a session could not begin, or how it ended. */
export interface SessionEnd {
  /** Decides the wait before the next attempt. */
  readonly class: FailureClass;
  /** WebSocket close code, HTTP status, or `null` when there was neither. */
  readonly code: number | null;
  /** What happened and what to do, in one line without secrets. */
  readonly advice: string;
  /** Set when a better session is ready: nothing failed, dial again at once. */
  readonly isHandover?: true;
}

/** What happens on a session; the owner sets these before it opens. */
export interface SessionHandlers {
  /** A message arrived; not yet verified. */
  message(data: string | Uint8Array): void;
  /** The transport itself confirmed delivery of a batch (long-poll). */
  delivered?(frameId: string): void;
  /** The session ended; called exactly once, nothing follows. */
  ended(end: SessionEnd): void;
}

/** An accepted session: frames go out in the order of `send`. */
export interface TransportSession {
  /** What the brain told. */
  readonly terms: SessionTerms;
  /** Hands over one signed frame; `false` when the session has ended. */
  send(text: string): boolean;
  /** Bytes handed over that the network has not taken yet. */
  bufferedBytes(): number;
  /** Ends the session; resolves within 3 s, whatever the peer does. */
  close(code?: number, reason?: string): Promise<void>;
}

/** The outcome of an attempt to open a session. */
export type OpenOutcome =
  | { readonly kind: "open"; readonly session: TransportSession }
  | { readonly kind: "refused"; readonly end: SessionEnd };

/** A way to reach the brain. */
export interface Transport {
  /** Name for logs and status. */
  readonly name: "websocket" | "longpoll";
  /** Opens a session: dial, hello, hello_ack. Never throws. */
  open(
    hello: HelloPayload,
    handlers: SessionHandlers,
    signal: AbortSignal,
  ): Promise<OpenOutcome>;
}
