import { type Clock, sleep } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import { createWake } from "../base/wake.ts";
import {
  bodyBytesOf,
  type BodyLimit,
  encodeBody,
  EVENTS_PATH,
  fittingFrames,
  type PackedFrame,
  packFrame,
} from "./long_poll_body.ts";
import { end, endOfAnswer, isTransient } from "./long_poll_end.ts";
import type { HttpAnswer, LongPollHttp } from "./long_poll_http.ts";
import {
  CLOSE_FLUSH_MS,
  FRAME_MAX_AGE_MS,
  MAX_REFUSED_TRIES,
  MAX_SILENT_TRIES,
  POLL_FRAMES,
  POLL_GRACE_MS,
  POLL_WAIT_SECONDS,
  POST_TIMEOUT_MS,
  RETRY_CAP_MS,
  RETRY_FIRST_MS,
} from "./long_poll_limits.ts";
import type { SessionEnd, SessionHandlers, SessionTerms, TransportSession } from "./port.ts";

/** Where commands come from (protocol section 22.1). */
export const COMMANDS_PATH = "/api/v1/agent/commands";

/** What a session works with. */
export interface LongPollSessionParts {
  readonly http: LongPollHttp;
  readonly limit: BodyLimit;
  readonly terms: SessionTerms;
  readonly handlers: SessionHandlers;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Headers of each poll. */
  readonly pollHeaders: Readonly<Record<string, string>>;
}

/** Begins to poll and to post on a probed nonce. */
export function startLongPollSession(parts: LongPollSessionParts): TransportSession {
  return new LongPollSession(parts);
}

// The session's signature failed, as the close code says it (protocol section 3).
const BAD_SIGNATURE = 4403;
// The brain could not process a frame, as the close code says it.
const NOT_PROCESSED = 1011;
const TOO_BIG = 1009;

const CLOSED_BY_US: SessionEnd = end("connection", 1000, "the session was closed by this agent");

class LongPollSession implements TransportSession {
  readonly terms: SessionTerms;
  readonly #parts: LongPollSessionParts;
  readonly #work = createWake<"frame" | "end">();
  readonly #over = new AbortController();
  readonly #flushed = new AbortController();
  #queue: PackedFrame[] = [];
  #queuedBytes = 0;
  #closing = false;
  #isPosting = false;
  #hasDelivered = false;

  constructor(parts: LongPollSessionParts) {
    this.terms = parts.terms;
    this.#parts = parts;
    void this.#run(() => this.#post());
    void this.#run(() => this.#poll());
  }

  send(text: string): boolean {
    if (this.#isOver || this.#closing) return false;
    const frame = packFrame(text, this.#parts.clock.monotonic());
    this.#queue.push(frame);
    this.#queuedBytes += frame.element.byteLength;
    this.#work.ring("frame");
    return true;
  }

  bufferedBytes(): number {
    return this.#queuedBytes;
  }

  async close(): Promise<void> {
    if (this.#isOver) return;
    this.#closing = true;
    // What the agent handed over last, such as a result, goes out first.
    if (this.#queue.length > 0) {
      await sleep(this.#parts.clock, CLOSE_FLUSH_MS, this.#flushed.signal);
    }
    this.#end(CLOSED_BY_US);
  }

  get #isOver(): boolean {
    return this.#over.signal.aborted;
  }

  #end(why: SessionEnd): void {
    if (this.#isOver) return;
    this.#over.abort();
    this.#flushed.abort();
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#work.ring("end");
    this.#parts.handlers.ended(this.#closing ? CLOSED_BY_US : why);
  }

  // A fault of ours must end the session, not hang it.
  async #run(loop: () => Promise<void>): Promise<void> {
    try {
      // Whoever opens the session gets it before anything happens on it.
      await Promise.resolve();
      await loop();
    } catch (error) {
      this.#end(end("protocol", null, `the long-poll session failed: ${String(error)}`));
    }
  }

  async #post(): Promise<void> {
    while (!this.#isOver) {
      if (this.#queue.length === 0) {
        if (this.#closing) this.#flushed.abort();
        await this.#work.wait();
        continue;
      }
      const count = fittingFrames(this.#queue, this.#parts.limit.bytes);
      const frames = this.#queue.slice(0, count);
      this.#isPosting = true;
      const delivered = await this.#deliver(frames);
      this.#isPosting = false;
      if (this.#isOver || !delivered) continue;
      this.#confirm(frames);
    }
  }

  #confirm(frames: readonly PackedFrame[]): void {
    this.#hasDelivered = true;
    this.#queue.splice(0, frames.length);
    for (const { element } of frames) this.#queuedBytes -= element.byteLength;
    for (const { id } of frames) this.#parts.handlers.delivered?.(id);
  }

  /** Posts until the brain has taken the frames, or never will; false when the session ended. */
  async #deliver(frames: readonly PackedFrame[]): Promise<boolean> {
    const { http, limit, clock } = this.#parts;
    const size = bodyBytesOf(frames);
    if (size > limit.bytes) {
      // Nobody sends a control frame in smaller parts; ending the session for it
      // would only meet the same frame again.
      if (!frames.some(({ isBatch }) => isBatch)) {
        const facts = { bytes: size, limit: limit.bytes };
        this.#parts.logger.warn(facts, "control frame dropped: larger than the brain's body limit");
        return true;
      }
      this.#end(end("connection", TOO_BIG, tooLarge(size, limit.bytes)));
      return false;
    }
    const body = encodeBody(frames);
    const oldest = Math.min(...frames.map(({ atMs }) => atMs));
    const tries = new Tries();
    for (;;) {
      const answer = await http.request(
        { path: EVENTS_PATH, body, timeoutMs: POST_TIMEOUT_MS },
        this.#over.signal,
      );
      if (this.#isOver) return false;
      const why = this.#judge(answer, frames.length, size, tries.count);
      if (why === null) return true;
      const waitMs = tries.next(answer);
      // Sent twice a frame is a replay, which only costs the session; sent too late it is too old.
      if (waitMs === null || clock.monotonic() + waitMs - oldest > FRAME_MAX_AGE_MS) {
        this.#end(why);
        return false;
      }
      await sleep(clock, waitMs, this.#over.signal);
    }
  }

  /** Why the frames are not delivered; `null` when they are (protocol section 22.4). */
  #judge(answer: HttpAnswer, count: number, size: number, tries: number): SessionEnd | null {
    if (answer.kind === "answer" && answer.status === 200) {
      return answer.body["accepted"] === count ? null : notTaken(answer, count);
    }
    if (answer.kind === "answer" && answer.status === 413) this.#parts.limit.refused(size);
    if (answer.kind === "answer" && answer.status === 409 && !this.#hasDelivered && tries === 0) {
      // Nothing of this session was ever accepted: secret or clock are wrong.
      return end("auth", BAD_SIGNATURE, "the brain refused the signature of the first frame");
    }
    return endOfAnswer(answer);
  }

  async #poll(): Promise<void> {
    const { http, pollHeaders, clock } = this.#parts;
    const path = `${COMMANDS_PATH}?wait=${POLL_WAIT_SECONDS}&max_frames=${POLL_FRAMES}`;
    const timeoutMs = POLL_WAIT_SECONDS * 1000 + POLL_GRACE_MS;
    let tries = new Tries();
    while (!this.#isOver && !this.#closing) {
      const startedAt = clock.monotonic();
      const answer = await http.request(
        { path, headers: pollHeaders, timeoutMs },
        this.#over.signal,
      );
      if (this.#isOver) return;
      if (answer.kind === "answer" && answer.status === 200) {
        tries = new Tries();
        const got = this.#receive(answer);
        // A brain or proxy that ignores `wait` must not be asked in a tight loop.
        const spentMs = clock.monotonic() - startedAt;
        if (got === 0 && spentMs < RETRY_FIRST_MS) {
          await sleep(clock, RETRY_FIRST_MS - spentMs, this.#over.signal);
        }
        continue;
      }
      const waitMs = tries.next(answer);
      if (waitMs === null) return await this.#pollFailed(answer);
      await sleep(clock, waitMs, this.#over.signal);
    }
  }

  #receive(answer: Extract<HttpAnswer, { readonly kind: "answer" }>): number {
    const frames = answer.body["frames"];
    if (!Array.isArray(frames)) {
      const advice = "what answers at the brain URL is no long-poll endpoint";
      this.#end(end("protocol", null, advice));
      return 0;
    }
    for (const frame of frames) {
      if (typeof frame === "string") this.#parts.handlers.message(frame);
    }
    return frames.length;
  }

  // A bad signature in a POST also ends the poll; the POST knows the reason.
  async #pollFailed(answer: HttpAnswer): Promise<void> {
    if (this.#isPosting) await sleep(this.#parts.clock, RETRY_FIRST_MS, this.#over.signal);
    this.#end(endOfAnswer(answer));
  }
}

/** Tries of one request in a row. */
class Tries {
  count = 0;

  /** How long to wait before the next try, or `null` to give up. */
  next(answer: HttpAnswer): number | null {
    this.count++;
    if (answer.kind === "answer" && !isTransient(answer.status)) return null;
    const most = answer.kind === "silence" ? MAX_SILENT_TRIES : MAX_REFUSED_TRIES;
    if (this.count >= most) return null;
    const backoff = Math.min(RETRY_CAP_MS, RETRY_FIRST_MS * 2 ** (this.count - 1));
    return Math.max(backoff, answer.kind === "answer" ? answer.retryAfterMs ?? 0 : 0);
  }
}

function notTaken(
  answer: Extract<HttpAnswer, { readonly kind: "answer" }>,
  count: number,
): SessionEnd {
  const { accepted, error_code: code } = answer.body;
  const reason = typeof code === "string" ? ` (${code.slice(0, 64)})` : "";
  const taken = typeof accepted === "number" ? accepted : 0;
  const advice = `the brain took ${taken} of ${count} frames${reason}; they are sent again`;
  return end("connection", NOT_PROCESSED, advice);
}

function tooLarge(bytes: number, limit: number): string {
  return `a frame needs a body of ${bytes} bytes and the brain takes ${limit}; smaller ones follow`;
}
