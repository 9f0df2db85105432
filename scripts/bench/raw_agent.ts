/** A sender of prepared batches over a real socket, without buffer and pacing. */
import { systemClock } from "../../src/base/clock.ts";
import { frameId } from "../../src/base/ids.ts";
import type { NewEntry } from "../../src/buffer/port.ts";
import { decodeHmacSecret, importHmacKey } from "../../src/protocol/hmac.ts";
import {
  createFrameSigner,
  createFrameVerifier,
  type FrameSigner,
  type FrameVerifier,
} from "../../src/protocol/signing.ts";
import type { TransportSession } from "../../src/transport/port.ts";
import { createWebSocketTransport } from "../../src/transport/websocket.ts";
import type { BrainAccess } from "./brain.ts";

const DELIVERY_DEADLINE_MS = 60_000;

/** A signed batch. */
export interface Frame {
  readonly text: string;
  readonly events: number;
}

interface Delivery {
  readonly waiting: Frame[];
  readonly done: PromiseWithResolvers<void>;
  open: number;
}

/** One agent connection. Frames must be sent in the order in which they were signed. */
export class RawAgent {
  readonly #done = Promise.withResolvers<never>();
  #session: TransportSession | undefined;
  #signer: FrameSigner | undefined;
  #verifier: FrameVerifier | undefined;
  #reading: Promise<void> = Promise.resolve();
  #delivery: Delivery | undefined;
  readonly #events = new Map<string, number>();

  /** Dials and says hello. */
  async open({ baseUrl, token, hmacSecret }: BrainAccess): Promise<void> {
    const transport = createWebSocketTransport({ brainUrl: baseUrl, token });
    const outcome = await transport.open(HELLO, {
      message: (data) => this.#reading = this.#reading.then(() => this.#read(data)),
      ended: ({ advice }) => this.#fail(new Error(`the session ended: ${advice}`)),
    }, new AbortController().signal);
    if (outcome.kind === "refused") throw new Error(outcome.end.advice);
    const key = await importHmacKey(decodeHmacSecret(hmacSecret));
    const { identity } = outcome.session.terms;
    const options = { key, identity, clock: systemClock };
    this.#session = outcome.session;
    this.#signer = createFrameSigner(options);
    this.#verifier = createFrameVerifier({ ...options, direction: "brain_to_agent" });
  }

  /** Signs batches of so many events. */
  async sign(entries: readonly NewEntry[], batchEvents: number): Promise<Frame[]> {
    const frames: Frame[] = [];
    for (let i = 0; i < entries.length; i += batchEvents) {
      const batch = entries.slice(i, i + batchEvents);
      const payloadText = `{"events":[${batch.map(({ text }) => text).join(",")}]}`;
      const id = frameId("ev");
      const text = await this.#signer?.sign({ type: "event_batch", id, payloadText });
      if (text === undefined) throw new Error("Cannot sign: the connection is not open");
      this.#events.set(id, batch.length);
      frames.push({ text, events: batch.length });
    }
    return frames;
  }

  /** Sends frames, some at a time; resolves at the last ack. */
  async deliver(frames: readonly Frame[], inFlight: number): Promise<void> {
    const done = Promise.withResolvers<void>();
    this.#delivery = { waiting: [...frames], done, open: frames.length };
    const timer = setTimeout(
      () => done.reject(new Error(`no last ack within ${DELIVERY_DEADLINE_MS} ms`)),
      DELIVERY_DEADLINE_MS,
    );
    for (let i = 0; i < inFlight; i++) this.#sendNext();
    await Promise.race([done.promise, this.#done.promise]).finally(() => clearTimeout(timer));
  }

  /** Ends the connection. */
  async close(): Promise<void> {
    this.#done.promise.catch(() => {});
    await this.#session?.close();
  }

  #sendNext(): void {
    const frame = this.#delivery?.waiting.shift();
    if (frame !== undefined && this.#session?.send(frame.text) !== true) {
      this.#fail(new Error("the socket takes no more frames"));
    }
  }

  async #read(data: string | Uint8Array): Promise<void> {
    const verdict = await this.#verifier?.verify(data);
    if (verdict?.ok !== true) return this.#fail(new Error("the brain sent a bad frame"));
    const { type, payload } = verdict.frame;
    if (type !== "event_batch_ack") return;
    const sent = this.#events.get(String(payload["acked_id"]));
    if (sent === undefined || payload["accepted"] !== sent) {
      return this.#fail(new Error(`an ack says ${JSON.stringify(payload)}, expected ${sent}`));
    }
    const delivery = this.#delivery;
    if (delivery === undefined) return;
    this.#sendNext();
    if (--delivery.open === 0) delivery.done.resolve();
  }

  #fail(error: Error): void {
    this.#done.promise.catch(() => {});
    this.#done.reject(error);
  }
}

const HELLO = {
  protocol_version: "2",
  agent_version: "1.13.0",
  framework: "bare",
  engines: ["bullmq"],
  schedulers: [],
  capabilities: {},
  host: { name: "bench" },
};
