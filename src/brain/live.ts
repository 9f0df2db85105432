import type { CancelTimer, Clock } from "../base/clock.ts";
import type { BrainReader, ChangeTopic } from "./store.ts";

/** Streams open at once; a further page is refused with 503. */
export const MAX_LIVE_STREAMS = 32;
/** Bun resets a stream that is quiet for 10 s, proxies do so later. */
export const LIVE_PULSE_MS = 8_000;
// Changes inside this time reach the pages as one.
const MERGE_MS = 200;
// A page that has not read this many messages is dropped; it reconnects.
const MAX_BACKLOG = 64;

/** The change feed of the pages: one listener, many streams. */
export interface Live {
  /** A stream of server-sent events, or `null` when there are too many. */
  open(): ReadableStream<Uint8Array> | null;
  /** How many streams are open. */
  readonly size: number;
  /** Ends every stream. Idempotent. */
  close(): void;
}

/** Creates the change feed over what the store reports. */
export function createLive(reader: BrainReader, clock: Clock): Live {
  return new LiveFeed(reader, clock);
}

type Controller = ReadableStreamDefaultController<Uint8Array>;

class LiveFeed implements Live {
  readonly #clock: Clock;
  readonly #streams = new Set<Controller>();
  readonly #stopListening: () => void;
  readonly #topics = new Set<ChangeTopic>();
  readonly #encoder = new TextEncoder();
  #cancelPulse: CancelTimer | null = null;
  #cancelMerge: CancelTimer | null = null;
  #isClosed = false;

  constructor(reader: BrainReader, clock: Clock) {
    this.#clock = clock;
    this.#stopListening = reader.onChange((topics) => this.#changed(topics));
  }

  get size(): number {
    return this.#streams.size;
  }

  open(): ReadableStream<Uint8Array> | null {
    if (this.#isClosed || this.#streams.size >= MAX_LIVE_STREAMS) return null;
    let mine: Controller | undefined;
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        mine = controller;
        this.#streams.add(controller);
        this.#cancelPulse ??= this.#clock.setTimer(() => this.#pulse(), LIVE_PULSE_MS);
        this.#send(controller, "retry: 2000\nevent: ready\ndata: {}\n\n");
      },
      cancel: () => {
        if (mine !== undefined) this.#drop(mine);
      },
    }, { highWaterMark: MAX_BACKLOG });
  }

  close(): void {
    this.#isClosed = true;
    this.#stopListening();
    this.#cancelMerge?.();
    for (const stream of [...this.#streams]) this.#drop(stream);
  }

  #changed(topics: ReadonlySet<ChangeTopic>): void {
    if (this.#streams.size === 0) return;
    for (const topic of topics) this.#topics.add(topic);
    this.#cancelMerge ??= this.#clock.setTimer(() => this.#publish(), MERGE_MS);
  }

  #publish(): void {
    this.#cancelMerge = null;
    const data = JSON.stringify({ topics: [...this.#topics].sort() });
    this.#topics.clear();
    this.#broadcast(`event: change\ndata: ${data}\n\n`);
  }

  #pulse(): void {
    this.#cancelPulse = null;
    this.#broadcast(": pulse\n\n");
    if (this.#streams.size === 0) return;
    this.#cancelPulse = this.#clock.setTimer(() => this.#pulse(), LIVE_PULSE_MS);
  }

  #broadcast(text: string): void {
    for (const stream of [...this.#streams]) this.#send(stream, text);
  }

  #send(stream: Controller, text: string): void {
    try {
      if ((stream.desiredSize ?? 0) > 0) stream.enqueue(this.#encoder.encode(text));
      else this.#drop(stream);
    } catch {
      this.#drop(stream);
    }
  }

  #drop(stream: Controller): void {
    if (!this.#streams.delete(stream)) return;
    if (this.#streams.size === 0) {
      this.#cancelPulse?.();
      this.#cancelPulse = null;
    }
    try {
      stream.close();
    } catch {
      // The peer left first.
    }
  }
}
