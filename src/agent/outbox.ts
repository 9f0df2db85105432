import type { Clock } from "../base/clock.ts";
import { MAX_CONTROL_BYTES, MAX_CONTROL_FRAMES } from "./limits.ts";

/** Frame types that go before events. */
export type ControlType = "heartbeat" | "agent_status" | "command_ack" | "command_result";

/** A control frame that waits for its session. */
export interface ControlFrame {
  /** Frame type. */
  readonly type: ControlType;
  /** Frame id; for answers the id of the command. */
  readonly id: string;
  /** Canonical JSON text of the payload. */
  readonly payloadText: string;
  /** Monotonic milliseconds after which nobody needs it; `null` for one session only. */
  readonly expiresAtMs: number | null;
}

/**
 * Control frames in the order of sending. Answers to commands outlive a session
 * until their deadline; results are sent again on the next session because
 * nothing confirms them and repeats are ignored (protocol section 17.6).
 */
export interface Outbox {
  /** Takes a frame; `false` when there was no room. */
  push(frame: ControlFrame): boolean;
  /** The next frame that is still needed. */
  take(): ControlFrame | undefined;
  /** A session began: keeps answers, drops what belonged to the last one. */
  begin(): void;
  /** Frames that wait. */
  readonly size: number;
  /** Frames dropped for lack of room. */
  readonly dropped: number;
  /** Notes a batch that follows all answers taken so far. */
  batchSent(id: string): void;
  /** The brain took that batch, and so what was sent before it. */
  batchAcked(id: string): void;
  /** Whether answers were sent that no acknowledged batch proves to have arrived. */
  readonly owesProof: boolean;
}

/** Creates an empty outbox that rings when something was pushed. */
export function createOutbox(clock: Clock, onPush: () => void): Outbox {
  return new ControlQueue(clock, onPush);
}

class ControlQueue implements Outbox {
  readonly #clock: Clock;
  readonly #onPush: () => void;
  #waiting: ControlFrame[] = [];
  #sentResults: ControlFrame[] = [];
  readonly #answersBefore = new Map<string, number>();
  #answers = 0;
  #provenAnswers = 0;
  #bytes = 0;
  #dropped = 0;

  constructor(clock: Clock, onPush: () => void) {
    this.#clock = clock;
    this.#onPush = onPush;
  }

  get size(): number {
    return this.#waiting.length;
  }

  get dropped(): number {
    return this.#dropped;
  }

  get owesProof(): boolean {
    return this.#provenAnswers < this.#answers;
  }

  batchSent(id: string): void {
    this.#answersBefore.set(id, this.#answers);
  }

  batchAcked(id: string): void {
    this.#provenAnswers = Math.max(this.#provenAnswers, this.#answersBefore.get(id) ?? 0);
    this.#answersBefore.delete(id);
  }

  push(frame: ControlFrame): boolean {
    this.#forget();
    const size = sizeOf(frame);
    if (
      this.#waiting.length >= MAX_CONTROL_FRAMES || this.#bytes + size > MAX_CONTROL_BYTES
    ) {
      this.#dropped++;
      return false;
    }
    this.#bytes += size;
    this.#waiting.push(frame);
    this.#onPush();
    return true;
  }

  take(): ControlFrame | undefined {
    for (;;) {
      const frame = this.#waiting.shift();
      if (frame === undefined) return undefined;
      if (!this.#isNeeded(frame)) {
        this.#bytes -= sizeOf(frame);
        continue;
      }
      if (frame.expiresAtMs !== null) this.#answers++;
      if (frame.type === "command_result") this.#sentResults.push(frame);
      else this.#bytes -= sizeOf(frame);
      return frame;
    }
  }

  begin(): void {
    const answers = [...this.#sentResults, ...this.#waiting]
      .filter((frame) => frame.expiresAtMs !== null && this.#isNeeded(frame));
    this.#sentResults = [];
    this.#waiting = answers;
    // What of the last session was not proven and is still needed is sent again.
    this.#answersBefore.clear();
    this.#provenAnswers = this.#answers;
    this.#bytes = answers.reduce((sum, frame) => sum + sizeOf(frame), 0);
  }

  #isNeeded(frame: ControlFrame): boolean {
    return frame.expiresAtMs === null || frame.expiresAtMs > this.#clock.monotonic();
  }

  // Sent results stay in memory only as long as a reconnect would repeat them.
  #forget(): void {
    this.#sentResults = this.#sentResults.filter((frame) => {
      if (this.#isNeeded(frame)) return true;
      this.#bytes -= sizeOf(frame);
      return false;
    });
  }
}

function sizeOf(frame: ControlFrame): number {
  // UTF-16 units are close enough for a bound on memory.
  return frame.payloadText.length + frame.id.length;
}
