import type { CancelTimer } from "../base/clock.ts";
import { errorText } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { encodeCanonical } from "../protocol/canonical_json.ts";
import type { SignedFrameType } from "../protocol/frames.ts";
import type { HmacKey } from "../protocol/hmac.ts";
import {
  createFrameSigner,
  createFrameVerifier,
  type FrameSigner,
  type FrameVerifier,
  type UnsignedFrame,
} from "../protocol/signing.ts";
import { uploadEffect } from "../protocol/verify_outcome.ts";
import type { AgentIdentity } from "./agents.ts";
import { RETRY_MARKER } from "./command_rules.ts";
import { FrameRouter } from "./frame_router.ts";
import type { GatewayParts } from "./gateway_parts.ts";
import type { BatchOutcome } from "./ingest.ts";
import { MAX_ERRORS, POLL_PAUSE_MS, WAITING_COMMANDS } from "./long_poll_limits.ts";
import type { LiveSession } from "./sessions.ts";

/** What became of an upload. */
export type UploadOutcome =
  | { readonly kind: "taken"; readonly answer: JsonObject }
  /** A signature or replay failure: the nonce is spent (protocol 22.5). */
  | { readonly kind: "invalidated" }
  /** The agent is revoked. */
  | { readonly kind: "revoked" }
  /** The disk takes nothing now. */
  | { readonly kind: "unavailable" };

// Pending commands are prepared in turns of their own; a poll that does not
// want to wait still gets them.
const PREPARE_MS = 25;

interface WaitingCommand {
  readonly frame: UnsignedFrame;
  readonly settle: (handedOut: boolean) => void;
}

/** One nonce of one agent: keys, sequence, waiting commands (protocol 22). */
export class LongPollSession {
  readonly nonce: string;
  readonly live: LiveSession;
  lastUsedMs: number;
  readonly #parts: GatewayParts;
  readonly #signer: FrameSigner;
  readonly #verifier: FrameVerifier;
  readonly #router: FrameRouter;
  readonly #over = new AbortController();
  #capabilities: Readonly<Record<string, readonly string[]>> = {};
  #waiting: WaitingCommand[] = [];
  #ring: () => void = () => {};
  #uploads: Promise<unknown> = Promise.resolve();
  #isPolled = false;
  #cancelPause: CancelTimer = () => {};
  #isRevoked = false;

  /** Takes who asked, with which nonce, and the project's key. */
  constructor(parts: GatewayParts, identity: AgentIdentity, nonce: string, key: HmacKey) {
    const { clock } = parts.context;
    this.nonce = nonce;
    this.#parts = parts;
    this.lastUsedMs = clock.monotonic();
    const { agentId, projectId } = identity;
    const ids = { agentId, projectId, sessionId: nonce };
    this.#signer = createFrameSigner({ key, identity: ids, clock });
    this.#verifier = createFrameVerifier({
      key,
      identity: ids,
      clock,
      direction: "agent_to_brain",
    });
    this.live = this.#liveSession(identity);
    this.#router = new FrameRouter(parts, this.live);
  }

  /** Whether the session has ended. */
  get isOver(): boolean {
    return this.#over.signal.aborted;
  }

  /** Ends the session; commands that nobody fetched go back. */
  end(): void {
    if (this.isOver) return;
    this.#over.abort();
    this.#rest();
  }

  /**
   * Waits for commands; answers their signed texts, none at the end of the
   * wait. Only one poll at a time is served: a second one ends the first.
   */
  async poll(
    engines: readonly string[],
    maxFrames: number,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    this.#ring();
    this.#begin(engines);
    if (this.#waiting.length === 0) await this.#wait(Math.max(waitMs, PREPARE_MS), signal);
    // Nobody would read the answer: what waits stays for the next poll.
    if (signal.aborted || this.isOver) {
      if (!this.isOver) this.#rest();
      return [];
    }
    this.#pause();
    return await this.#handOut(maxFrames);
  }

  /** Takes frames one after another, uploads too (protocol 22.4, 22.5). */
  upload(texts: readonly string[]): Promise<UploadOutcome> {
    const outcome = this.#uploads.then(() => this.#take(texts));
    this.#uploads = outcome.catch(() => {});
    return outcome;
  }

  #liveSession(identity: AgentIdentity): LiveSession {
    const capabilities = (): Readonly<Record<string, readonly string[]>> => this.#capabilities;
    return {
      ...identity,
      generation: this.nonce,
      slot: `longpoll:${this.nonce}`,
      schedulers: [],
      get capabilities() {
        return capabilities();
      },
      runtimeFeatures: [],
      send: (type, id, payload) => this.#queue(type, id, payload),
      close: () => {
        this.#isRevoked = true;
        this.end();
      },
    };
  }

  #queue(type: SignedFrameType, id: string, payload: JsonObject): Promise<boolean> {
    const isRoom = this.#waiting.length < WAITING_COMMANDS;
    if (this.isOver || !this.#isPolled || !isRoom) return Promise.resolve(false);
    const frame = { type, id, payloadText: encodeCanonical(payload) };
    return new Promise((settle) => {
      this.#waiting.push({ frame, settle });
      this.#ring();
    });
  }

  /** From now on commands come here. */
  #begin(engines: readonly string[]): void {
    this.#cancelPause();
    this.lastUsedMs = this.#parts.context.clock.monotonic();
    const { sessions, dispatcher } = this.#parts;
    const isNew = !this.#isPolled || engines.some((name) => !(name in this.#capabilities));
    this.#capabilities = Object.fromEntries(engines.map((engine) => [engine, [RETRY_MARKER]]));
    if (!this.#isPolled) this.#isPolled = sessions.register(this.live);
    // What came later arrives by itself; asking at each poll would repeat it.
    if (this.#isPolled && isNew) dispatcher.deliverPending(this.live);
  }

  /** The next poll should follow soon; if none does, others get the commands. */
  #pause(): void {
    this.#cancelPause();
    this.#cancelPause = this.#parts.context.clock.setTimer(() => this.#rest(), POLL_PAUSE_MS);
  }

  #rest(): void {
    this.#cancelPause();
    if (this.#isPolled) this.#parts.sessions.remove(this.live);
    this.#isPolled = false;
    const left = this.#waiting.splice(0);
    this.#ring();
    if (left.length === 0) return;
    for (const { settle } of left) settle(false);
    // The dispatcher takes them back first, in its own turn.
    this.#parts.context.clock.setTimer(() => this.#passOn(), 0);
  }

  #passOn(): void {
    const { sessions, dispatcher, context } = this.#parts;
    if (context.db.closed) return;
    for (const other of sessions.of(this.live.agent)) dispatcher.deliverPending(other);
  }

  async #wait(waitMs: number, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const finish = (): void => {
        cancel();
        signal.removeEventListener("abort", finish);
        if (this.#ring === finish) this.#ring = () => {};
        resolve();
      };
      const cancel = this.#parts.context.clock.setTimer(finish, waitMs);
      signal.addEventListener("abort", finish, { once: true });
      this.#ring = finish;
    });
  }

  // Signed only now: a frame is fresh for a minute and in order of its number.
  async #handOut(maxFrames: number): Promise<readonly string[]> {
    const taken = this.#waiting.splice(0, maxFrames);
    const texts = await Promise.all(taken.map(({ frame }) => this.#signer.sign(frame)));
    for (const { settle } of taken) settle(true);
    return texts;
  }

  async #take(texts: readonly string[]): Promise<UploadOutcome> {
    const errors: string[] = [];
    const batches: Promise<BatchOutcome>[] = [];
    let rejected = 0;
    for (const text of texts) {
      if (this.isOver) break;
      const outcome = await this.#verifier.verify(text);
      const effect = uploadEffect(outcome);
      if (effect === "session_invalidated") return { kind: "invalidated" };
      if (effect === "rejected") {
        rejected++;
        if (!outcome.ok) errors.push(outcome.message);
      }
      if (!outcome.ok) continue;
      this.lastUsedMs = this.#parts.context.clock.monotonic();
      if (outcome.frame.type === "event_batch") {
        const stored = this.#router.store(outcome.frame, outcome.tree);
        // Judged below; until then a failure must not count as unhandled.
        stored.catch(() => {});
        batches.push(stored);
      } else {
        await this.#router.handle(outcome.frame, outcome.tree);
      }
    }
    return await this.#answer(texts.length, { rejected, errors, batches });
  }

  async #answer(count: number, upload: Upload): Promise<UploadOutcome> {
    let { rejected } = upload;
    let code: string | null = null;
    try {
      for (const { kind } of await Promise.all(upload.batches)) {
        if (kind === "revoked") return { kind: "revoked" };
        if (kind !== "stored") rejected++;
        if (kind === "upgrade_required") code = "scheduler_upgrade_required";
      }
    } catch (error) {
      this.#parts.logger.error({ error: errorText(error) }, "An upload was not stored");
      return { kind: "unavailable" };
    }
    if (this.#isRevoked) return { kind: "revoked" };
    if (this.isOver) return { kind: "invalidated" };
    const errors = upload.errors.slice(0, MAX_ERRORS);
    return {
      kind: "taken",
      answer: { accepted: count - rejected, rejected, errors, error_code: code },
    };
  }
}

interface Upload {
  readonly rejected: number;
  readonly errors: readonly string[];
  readonly batches: readonly Promise<BatchOutcome>[];
}
