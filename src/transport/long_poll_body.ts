import type { Clock } from "../base/clock.ts";
import type { HttpAnswer, LongPollHttp } from "./long_poll_http.ts";
import {
  BODY_MEMORY_MS,
  BODY_STEPS,
  DEFAULT_BODY_BYTES,
  ESCAPE_ALLOWANCE,
  MAX_FRAMES_PER_POST,
  MIN_BODY_BYTES,
  PROBE_TIMEOUT_MS,
} from "./long_poll_limits.ts";

/** Where frames go (protocol section 22.1). */
export const EVENTS_PATH = "/api/v1/agent/events";

const encoder = new TextEncoder();
const HEAD = '{"frames":[';
const TAIL = "]}";
// Near the end of a frame, where our signer puts the type.
const BATCH = '"type":"event_batch"';

/** A frame as an element of the body. */
export interface PackedFrame {
  /** Frame id. */
  readonly id: string;
  /** The frame's text as a JSON string, in bytes. */
  readonly element: Uint8Array;
  /** Whether it holds events, which the agent sends again until they are acknowledged. */
  readonly isBatch: boolean;
  /** When it was handed over, in monotonic milliseconds. */
  readonly atMs: number;
}

/** Turns a signed frame into an element of a body. */
export function packFrame(text: string, atMs: number): PackedFrame {
  const element = encoder.encode(JSON.stringify(text));
  return { id: idOf(text), element, isBatch: text.includes(BATCH, text.length - 40), atMs };
}

/** How many of the first frames fit into one body; at least one. */
export function fittingFrames(frames: readonly PackedFrame[], bodyBytes: number): number {
  let bytes = HEAD.length + TAIL.length;
  let count = 0;
  for (const { element } of frames) {
    bytes += element.byteLength + (count === 0 ? 0 : 1);
    if (count > 0 && (bytes > bodyBytes || count >= MAX_FRAMES_PER_POST)) break;
    count++;
  }
  return count;
}

/** Size of the body of these frames. */
export function bodyBytesOf(frames: readonly PackedFrame[]): number {
  const elements = frames.reduce((sum, { element }) => sum + element.byteLength, 0);
  return HEAD.length + elements + Math.max(0, frames.length - 1) + TAIL.length;
}

/** The body: an object with the frames as JSON texts. */
export function encodeBody(frames: readonly PackedFrame[]): Uint8Array<ArrayBuffer> {
  const body = new Uint8Array(bodyBytesOf(frames));
  let at = encoder.encodeInto(HEAD, body).written;
  frames.forEach(({ element }, i) => {
    if (i > 0) body[at++] = 0x2c;
    body.set(element, at);
    at += element.byteLength;
  });
  encoder.encodeInto(TAIL, body.subarray(at));
  return body;
}

/** What is known of the brain's body limit; outlives sessions. */
export interface BodyLimit {
  /** Largest body in bytes. */
  readonly bytes: number;
  /** Largest frame that surely finds room, if its text escapes as usual. */
  readonly frameBytes: number;
  /** Asks the brain for more, unless it was asked lately. */
  measure(http: LongPollHttp, signal: AbortSignal): Promise<void>;
  /** A body of this size was too large. */
  refused(bodyBytes: number): void;
}

/** Creates a limit that assumes the stock brain's default (protocol section 22.7). */
export function createBodyLimit(clock: Clock): BodyLimit {
  return new MeasuredLimit(clock);
}

class MeasuredLimit implements BodyLimit {
  readonly #clock: Clock;
  #bytes = DEFAULT_BODY_BYTES;
  #measuredAtMs = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get frameBytes(): number {
    return Math.floor((this.#bytes - HEAD.length - TAIL.length) / ESCAPE_ALLOWANCE);
  }

  async measure(http: LongPollHttp, signal: AbortSignal): Promise<void> {
    if (this.#clock.monotonic() - this.#measuredAtMs < BODY_MEMORY_MS) return;
    for (const bytes of BODY_STEPS) {
      const isTaken = await takes(http, bytes, signal);
      // Whoever gave no clear answer is asked again with the next session.
      if (isTaken === null) return;
      this.#measuredAtMs = this.#clock.monotonic();
      if (!isTaken) return;
      this.#bytes = bytes;
    }
  }

  refused(bodyBytes: number): void {
    this.#bytes = Math.max(MIN_BODY_BYTES, Math.floor(Math.min(this.#bytes, bodyBytes) / 2));
    this.#measuredAtMs = this.#clock.monotonic();
  }
}

/**
 * Asks with an empty list behind white space, which stores nothing whatever the
 * answer: the size is judged first (413), the empty list afterwards (422).
 */
async function takes(
  http: LongPollHttp,
  bytes: number,
  signal: AbortSignal,
): Promise<boolean | null> {
  const body = new Uint8Array(bytes).fill(0x20);
  encoder.encodeInto(HEAD + TAIL, body);
  const answer: HttpAnswer = await http.request(
    { path: EVENTS_PATH, body, timeoutMs: PROBE_TIMEOUT_MS },
    signal,
  );
  // A server that refuses by the length alone may close while we still send.
  if (answer.kind === "silence") return signal.aborted ? null : false;
  if (answer.status === 422) return true;
  return answer.status === 413 || answer.status === 400 ? false : null;
}

// Our own signer puts the id second; any other order costs a parse.
function idOf(text: string): string {
  const known = /^\{"hmac":"[^"\\]*","id":"([^"\\]*)"/.exec(text)?.[1];
  if (known !== undefined) return known;
  const frame: unknown = JSON.parse(text);
  const id: unknown = (frame as { readonly id?: unknown } | null)?.id;
  return typeof id === "string" ? id : "";
}
