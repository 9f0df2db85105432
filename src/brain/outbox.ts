import type { FrameSigner, UnsignedFrame } from "../protocol/signing.ts";

// Frames that may wait for their signature; acks, commands and errors only.
const WAITING_FRAMES = 4096;

/** Where signed texts go. */
export interface OutboxTarget {
  /** Hands a text to the socket; false when it is closed. */
  readonly send: (text: string) => boolean;
  /** Too many frames wait. */
  readonly overflow: () => void;
}

/** Signs and sends the frames of one session in order. */
export class Outbox {
  readonly #signer: FrameSigner;
  readonly #target: OutboxTarget;
  #waiting = 0;
  #tail: Promise<unknown> = Promise.resolve();

  /** Takes the session's signer. */
  constructor(signer: FrameSigner, target: OutboxTarget) {
    this.#signer = signer;
    this.#target = target;
  }

  /** Resolves true once the socket has the frame. */
  send(frame: UnsignedFrame): Promise<boolean> {
    if (this.#waiting >= WAITING_FRAMES) {
      this.#target.overflow();
      return Promise.resolve(false);
    }
    this.#waiting++;
    const sent = this.#deliver(this.#signer.sign(frame), this.#tail);
    this.#tail = sent.catch(() => {});
    return sent;
  }

  async #deliver(signed: Promise<string>, earlier: Promise<unknown>): Promise<boolean> {
    try {
      const [text] = await Promise.all([signed, earlier]);
      return this.#target.send(text);
    } finally {
      this.#waiting--;
    }
  }
}
