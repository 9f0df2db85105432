import { type Clock, sleep } from "../base/clock.ts";
import { errorText } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { createWake } from "../base/wake.ts";
import type { SignedFrame, SignedFrameType } from "../protocol/frames.ts";
import type { HmacKey } from "../protocol/hmac.ts";
import {
  createFrameSigner,
  createFrameVerifier,
  type FrameSigner,
  type FrameVerifier,
} from "../protocol/signing.ts";
import type {
  SessionEnd,
  SessionHandlers,
  SessionTerms,
  TransportSession,
} from "../transport/port.ts";
import type { OnceLogger } from "./guard.ts";
import {
  MAX_INBOUND_BYTES,
  MAX_INBOX_BYTES,
  MAX_INBOX_MESSAGES,
  MAX_SOCKET_BYTES,
  MAX_SOCKET_EVENT_BYTES,
} from "./limits.ts";
import type { Outbox } from "./outbox.ts";
import type { Pump } from "./pump.ts";
import {
  fatalErrorEnd,
  refusedMessageEnd,
  sessionEnd,
  type SignatureFacts,
} from "./session_end.ts";
import { utf8Length } from "./utf8_length.ts";

/** What a session is made of; all parts outlive it. */
export interface SessionParts {
  /** The project's key. */
  readonly key: HmacKey;
  /** Time source. */
  readonly clock: Clock;
  /** Events. */
  readonly pump: Pump;
  /** Control frames. */
  readonly outbox: Outbox;
  /** Where it tells. */
  readonly logger: Logger;
  /** Where it tells once per cause. */
  readonly notices: OnceLogger;
  /** Takes a verified command; never throws. */
  readonly command: (frame: SignedFrame) => void;
  /** The brain has proven that it understands us: the first ack came. */
  readonly healthy: () => void;
  /** The first ack of this session arrived. */
  readonly verified: (terms: SessionTerms) => void;
  /** Counts a message that was refused. */
  readonly refused: (reason: string) => void;
}

/** One session from its dial to its end. */
export interface AgentSession {
  /** For the transport; messages wait until `run`. */
  readonly handlers: SessionHandlers;
  /** Whether the brain has acknowledged a frame of it. */
  readonly verified: boolean;
  /** Sends and receives until the session ends. Never rejects. */
  run(session: TransportSession): Promise<SessionEnd>;
  /** There may be something to send. */
  wake(): void;
  /** Ends the session. */
  end(end: SessionEnd): void;
}

/** Creates the session that the next dial will use. */
export function createSession(parts: SessionParts): AgentSession {
  return new Session(parts);
}

interface Wire {
  readonly session: TransportSession;
  readonly signer: FrameSigner;
  readonly verifier: FrameVerifier;
  /** What is known now, should signatures fail. */
  readonly facts: () => SignatureFacts;
}

// How often a full socket is looked at, and how long it may take nothing.
const DRAIN_CHECK_MS = 25;
const DRAIN_DEADLINE_MS = 60_000;
// Nobody reads it: without one, each end would make an error with its stack.
const OVER = "over";
const OVERSIZED = "the message is larger than any frame of a brain";

class Session implements AgentSession {
  readonly handlers: SessionHandlers;
  readonly #parts: SessionParts;
  readonly #outgoing = createWake<"work" | "end">();
  readonly #incoming = createWake<"message" | "end">();
  readonly #inbox: (string | Uint8Array)[] = [];
  readonly #over = new AbortController();
  readonly #ended: Promise<SessionEnd>;
  #resolveEnded: (end: SessionEnd) => void = () => {};
  #verified = false;
  #maxFrameBytes = 0;
  #inboxSize = 0;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.#ended = new Promise((resolve) => this.#resolveEnded = resolve);
    this.handlers = {
      message: (data) => this.#receive(data),
      delivered: (frameId) => this.#acked(frameId),
      ended: (end) => this.end(end),
    };
  }

  async run(session: TransportSession): Promise<SessionEnd> {
    const { key, clock, pump, outbox } = this.#parts;
    const { identity, maxFrameBytes } = session.terms;
    this.#maxFrameBytes = maxFrameBytes;
    const wire: Wire = {
      session,
      signer: createFrameSigner({ key, identity, clock }),
      verifier: createFrameVerifier({ key, identity, direction: "brain_to_agent", clock }),
      facts: this.#signatureFacts(session.terms.clockOffsetMs),
    };
    outbox.begin();
    pump.begin(session.terms, {
      wake: () => this.wake(),
      verified: () => {
        this.#verified = true;
        this.#parts.healthy();
        this.#parts.verified(session.terms);
      },
      giveUp: (advice) => this.end({ class: "connection", code: null, advice }),
    });
    const loops = [this.#guard(this.#send(wire)), this.#guard(this.#read(wire))];
    const end = sessionEnd(await this.#ended, wire.facts());
    pump.end(end);
    await session.close();
    await Promise.all(loops);
    return end;
  }

  wake(): void {
    this.#outgoing.ring("work");
  }

  end(end: SessionEnd): void {
    if (this.#over.signal.aborted) return;
    this.#over.abort(OVER);
    this.#resolveEnded(end);
    this.#outgoing.ring("end");
    this.#incoming.ring("end");
  }

  get verified(): boolean {
    return this.#verified;
  }

  get #isOver(): boolean {
    return this.#over.signal.aborted;
  }

  // A clock that was set during the session counts as it is now.
  #signatureFacts(offsetAtOpenMs: number | null): () => SignatureFacts {
    const { clock } = this.#parts;
    const lag = (): number => clock.now() - clock.monotonic();
    const lagAtOpen = lag();
    return () => ({
      clockOffsetMs: offsetAtOpenMs === null ? null : offsetAtOpenMs - (lag() - lagAtOpen),
      verified: this.#verified,
    });
  }

  async #guard(loop: Promise<void>): Promise<void> {
    try {
      await loop;
    } catch (error) {
      const advice = `the session failed inside this agent: ${errorText(error)}`;
      this.#parts.logger.error({ error: errorText(error) }, "session failed inside the agent");
      this.end({ class: "protocol", code: null, advice });
    }
  }

  // The only place that signs and sends, so frames leave in the order of `seq`.
  async #send(wire: Wire): Promise<void> {
    const { outbox, pump } = this.#parts;
    while (!this.#isOver) {
      await this.#drain(wire, MAX_SOCKET_BYTES);
      const control = outbox.take();
      if (control !== undefined) {
        await this.#transmit(wire, control.type, control);
        continue;
      }
      // What waits in the socket cannot be overtaken: events leave room for answers.
      if (wire.session.bufferedBytes() > MAX_SOCKET_EVENT_BYTES) {
        await this.#drain(wire, MAX_SOCKET_EVENT_BYTES);
        continue;
      }
      const batch = await pump.next();
      if (batch !== null) {
        const isSent = await this.#transmit(wire, "event_batch", batch, () => {
          outbox.batchSent(batch.id);
          pump.sent(batch);
        });
        // The pump knows of no flight yet, and somebody may wait for this one.
        if (!isSent) batch.settle?.("lost");
      } else if (outbox.size === 0) {
        await this.#outgoing.wait();
      }
    }
  }

  async #transmit(
    wire: Wire,
    type: SignedFrameType,
    frame: { readonly id: string; readonly payloadText: string },
    sending: () => void = () => {},
  ): Promise<boolean> {
    const text = await wire.signer.sign({ type, id: frame.id, payloadText: frame.payloadText });
    if (this.#isOver) return false;
    const bytes = utf8Length(text);
    if (bytes > wire.session.terms.maxFrameBytes) {
      this.#parts.logger.warn({ type, bytes }, "frame dropped: larger than the brain's limit");
      return false;
    }
    sending();
    if (!wire.session.send(text)) {
      this.end({ class: "connection", code: null, advice: "the socket takes no more frames" });
    }
    return true;
  }

  async #drain({ session }: Wire, limit: number): Promise<void> {
    const { clock, outbox } = this.#parts;
    const isUrgent = (): boolean => outbox.size > 0 && limit < MAX_SOCKET_BYTES;
    let least = session.bufferedBytes();
    let giveUpAt = clock.monotonic() + DRAIN_DEADLINE_MS;
    while (!this.#isOver && !isUrgent() && session.bufferedBytes() > limit) {
      if (session.bufferedBytes() < least) {
        least = session.bufferedBytes();
        giveUpAt = clock.monotonic() + DRAIN_DEADLINE_MS;
      }
      if (clock.monotonic() > giveUpAt) {
        const advice = "the network took nothing for a minute";
        return this.end({ class: "connection", code: null, advice });
      }
      await sleep(clock, DRAIN_CHECK_MS, this.#over.signal);
    }
  }

  #receive(data: string | Uint8Array): void {
    if (this.#isOver) return;
    const size = data.length;
    if (size > Math.max(MAX_INBOUND_BYTES, this.#maxFrameBytes)) {
      return this.#refuse("oversized", OVERSIZED);
    }
    if (this.#inbox.length >= MAX_INBOX_MESSAGES || this.#inboxSize + size > MAX_INBOX_BYTES) {
      const advice = "the brain sends more than this agent can read";
      return this.end({ class: "protocol", code: null, advice });
    }
    this.#inbox.push(data);
    this.#inboxSize += size;
    this.#incoming.ring("message");
  }

  async #read(wire: Wire): Promise<void> {
    while (!this.#isOver) {
      const data = this.#inbox.shift();
      this.#inboxSize -= data?.length ?? 0;
      if (data === undefined) await this.#incoming.wait();
      else await this.#verify(wire, data);
    }
  }

  #refuse(reason: string, detail: string): void {
    this.#parts.refused(reason);
    this.#parts.notices.warn(`inbound ${reason}`, { reason, detail }, "message refused");
  }

  async #verify(wire: Wire, data: string | Uint8Array): Promise<void> {
    const verdict = await wire.verifier.verify(data);
    if (this.#isOver) return;
    if (verdict.ok) {
      this.#parts.pump.heard();
      return this.#route(verdict.frame);
    }
    const { reason, closeCode, message } = verdict;
    this.#refuse(reason, message);
    if (closeCode === 4403) this.end(refusedMessageEnd(reason, wire.facts()));
  }

  #route(frame: SignedFrame): void {
    if (frame.type === "event_batch_ack") {
      const ackedId = frame.payload["acked_id"];
      if (typeof ackedId === "string") this.#acked(ackedId);
    } else if (frame.type === "command") {
      this.#parts.pump.attend();
      this.#parts.command(frame);
    } else if (frame.type === "error") {
      this.#brainError(frame);
    }
  }

  #acked(id: string): void {
    this.#parts.outbox.batchAcked(id);
    this.#parts.pump.acked(id);
  }

  #brainError(frame: SignedFrame): void {
    const { code, message, fatal } = frame.payload;
    const facts = { code, message, fatal };
    this.#parts.notices.warn(`brain error ${String(code)}`, facts, "the brain reports an error");
    if (code === "scheduler_upgrade_required" && frame.id.startsWith("err_")) {
      // Only that batch is refused; the socket stays open (protocol section 16.3).
      return this.#parts.pump.refused(frame.id.slice("err_".length));
    }
    if (fatal === true) this.end(fatalErrorEnd(String(code)));
  }
}
