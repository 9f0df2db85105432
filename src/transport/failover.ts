import { type CancelTimer, type Clock, systemClock } from "../base/clock.ts";
import { type Logger, noopLogger } from "../base/logger.ts";
import type { HelloPayload } from "../protocol/frames.ts";
import { createHandlerRelay, type HandlerRelay } from "./failover_relay.ts";
import {
  CLAIM_MS,
  judgeRefusal,
  REPROBE_FIRST_MS,
  REPROBE_SOON_MS,
  reprobeDelayMs,
  STEADY_MS,
  UNCLEAR_REFUSALS,
} from "./failover_rules.ts";
import type {
  OpenOutcome,
  SessionEnd,
  SessionHandlers,
  Transport,
  TransportSession,
} from "./port.ts";

/** What a failover needs besides its transports. */
export interface FailoverOptions {
  /** Time source. Default: the clock of this process. */
  readonly clock?: Clock;
  /** A number in [0, 1). Default: `Math.random`. */
  readonly random?: () => number;
  /** Where a change of the wire is told. Default: nowhere. */
  readonly logger?: Logger;
  /** First wait before the preferred transport is tried again. Default 30 s; doubles to 15 min. */
  readonly reprobeFirstMs?: number;
}

/**
 * Prefers one transport and uses the other where the first cannot work: where
 * a proxy strips the upgrade, or repeated dials fail although HTTP reaches the
 * brain. Refused credentials and versions never cause a change.
 *
 * Beside a session on the second transport it tries the first at growing
 * intervals. That session ends only once the better one is open.
 *
 * @param transports The preferred one, then the one that works almost anywhere.
 * @param options Time, chance and logger.
 *
 * @example WebSocket, else long-poll
 * ```ts
 * import {
 *   createFailoverTransport,
 *   createLongPollTransport,
 *   createWebSocketTransport,
 * } from "@z4j/core/transport";
 *
 * const brain = { brainUrl: "https://z4j.example.com", token: "t" };
 * const transport = createFailoverTransport([
 *   createWebSocketTransport(brain),
 *   createLongPollTransport(brain),
 * ]);
 * ```
 */
export function createFailoverTransport(
  transports: readonly [Transport, Transport],
  options: FailoverOptions = {},
): Transport {
  return new Failover(transports, options);
}

interface Attempt {
  readonly hello: HelloPayload;
  readonly handlers: SessionHandlers;
  readonly signal: AbortSignal;
}

interface Ready {
  readonly session: TransportSession;
  readonly relay: HandlerRelay;
  readonly drop: () => void;
}

const MOVED: SessionEnd = {
  class: "connection",
  code: 1000,
  isHandover: true,
  advice: "WebSockets pass again; the agent moves from long-poll to the WebSocket",
};

class Failover implements Transport {
  readonly #first: Transport;
  readonly #second: Transport;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #logger: Logger;
  readonly #reprobeFirstMs: number;
  #current: Transport;
  #unclear = 0;
  #reprobes = 0;
  #firstDueMs = -Infinity;
  #ready: Ready | undefined;

  constructor([first, second]: readonly [Transport, Transport], options: FailoverOptions) {
    this.#first = first;
    this.#second = second;
    this.#current = first;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#logger = options.logger ?? noopLogger;
    this.#reprobeFirstMs = options.reprobeFirstMs ?? REPROBE_FIRST_MS;
  }

  /** The one in use. */
  get name(): Transport["name"] {
    return this.#current.name;
  }

  async open(
    hello: HelloPayload,
    handlers: SessionHandlers,
    signal: AbortSignal,
  ): Promise<OpenOutcome> {
    const attempt: Attempt = { hello, handlers, signal };
    const claimed = this.#claim(attempt);
    if (claimed !== null) return claimed;
    const isEarly = this.#clock.monotonic() < this.#firstDueMs;
    if (this.#current === this.#second && isEarly) {
      const outcome = await this.#openSecond(attempt);
      // When HTTP fails too, the network changed and the first gets its chance.
      if (outcome.kind === "open" || outcome.end.class !== "connection" || signal.aborted) {
        return outcome;
      }
    }
    return await this.#openFirst(attempt);
  }

  async #openFirst(attempt: Attempt): Promise<OpenOutcome> {
    const { hello, signal } = attempt;
    const outcome = await this.#first.open(hello, this.#steady(attempt.handlers), signal);
    if (outcome.kind === "open") {
      this.#unclear = 0;
      this.#use(this.#first, "the WebSocket is open");
      return outcome;
    }
    if (signal.aborted || !this.#mayFailOver(outcome.end)) return outcome;
    // A brain that just came back looks the same: the first is due again at once.
    const isUnclear = judgeRefusal(outcome.end) === "unclear";
    const other = await this.#openSecond(attempt, isUnclear ? REPROBE_SOON_MS : undefined);
    if (other.kind === "open") return other;
    // 403 on an upgrade may come from anywhere; HTTP knows whether it is the brain's.
    return outcome.end.class === "auth" ? other : outcome;
  }

  #mayFailOver(end: SessionEnd): boolean {
    const verdict = judgeRefusal(end);
    if (verdict === "stay") this.#unclear = 0;
    if (verdict === "unclear") this.#unclear++;
    return verdict === "blocked" || (verdict === "unclear" && this.#unclear >= UNCLEAR_REFUSALS);
  }

  async #openSecond(attempt: Attempt, reprobeMs?: number): Promise<OpenOutcome> {
    const watch = new SecondSession(attempt.handlers);
    const outcome = await this.#second.open(attempt.hello, watch.handlers, attempt.signal);
    if (outcome.kind === "refused") return outcome;
    this.#use(this.#second, "the network lets no WebSocket through");
    const session = watch.wrap(outcome.session);
    this.#scheduleReprobe(attempt, watch, reprobeMs);
    return { kind: "open", session };
  }

  #use(transport: Transport, reason: string): void {
    if (this.#current === transport) return;
    this.#current = transport;
    this.#logger.info({ transport: transport.name, reason }, "changed the way to the brain");
  }

  // An upgrade that works once and breaks soon does not start the waits anew.
  #steady(handlers: SessionHandlers): SessionHandlers {
    const openedAt = this.#clock.monotonic();
    return {
      message: (data) => handlers.message(data),
      delivered: (frameId) => handlers.delivered?.(frameId),
      ended: (end) => {
        if (this.#clock.monotonic() - openedAt >= STEADY_MS) this.#reprobes = 0;
        handlers.ended(end);
      },
    };
  }

  #scheduleReprobe(attempt: Attempt, watch: SecondSession, soonMs?: number): void {
    const delayMs = soonMs ??
      reprobeDelayMs(this.#reprobes++, this.#reprobeFirstMs, this.#random());
    this.#firstDueMs = this.#clock.monotonic() + delayMs;
    const cancel = this.#clock.setTimer(() => void this.#reprobe(attempt, watch), delayMs);
    watch.over.addEventListener("abort", cancel, { once: true });
  }

  async #reprobe(attempt: Attempt, watch: SecondSession): Promise<void> {
    const relay = createHandlerRelay();
    const stop = AbortSignal.any([attempt.signal, watch.over]);
    const outcome = await this.#first.open(attempt.hello, relay.handlers, stop);
    const isWanted = !stop.aborted;
    if (outcome.kind === "open" && !isWanted) return void outcome.session.close();
    if (!isWanted) return;
    if (outcome.kind === "refused") return this.#scheduleReprobe(attempt, watch);
    this.#keepReady(outcome.session, relay, attempt.signal);
    this.#use(this.#first, "WebSockets pass again");
    watch.end(MOVED);
  }

  /** Holds an open session until the agent asks for one, but not for ever. */
  #keepReady(session: TransportSession, relay: HandlerRelay, signal: AbortSignal): void {
    let cancel: CancelTimer = () => {};
    const discard = (): void => {
      this.#ready?.drop();
      void session.close();
    };
    const drop = (): void => {
      cancel();
      signal.removeEventListener("abort", discard);
      this.#ready = undefined;
    };
    cancel = this.#clock.setTimer(discard, CLAIM_MS);
    signal.addEventListener("abort", discard, { once: true });
    this.#ready = { session, relay, drop };
  }

  #claim({ handlers }: Attempt): OpenOutcome | null {
    const ready = this.#ready;
    if (ready === undefined) return null;
    ready.drop();
    if (ready.relay.end !== null) return null;
    if (ready.relay.isOverfull) {
      void ready.session.close();
      return null;
    }
    ready.relay.attach(this.#steady(handlers));
    return { kind: "open", session: ready.session };
  }
}

/** A session on the second transport that can be ended from here. */
class SecondSession {
  readonly handlers: SessionHandlers;
  readonly #over = new AbortController();
  readonly #owner: SessionHandlers;

  constructor(owner: SessionHandlers) {
    this.#owner = owner;
    this.handlers = {
      message: (data) => this.over.aborted ? undefined : owner.message(data),
      delivered: (frameId) => owner.delivered?.(frameId),
      ended: (end) => this.end(end),
    };
  }

  /** Aborts when the session is over. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** Tells the owner, once; the owner closes. */
  end(end: SessionEnd): void {
    if (this.over.aborted) return;
    this.#over.abort();
    this.#owner.ended(end);
  }

  /** The session as its owner sees it. */
  wrap(session: TransportSession): TransportSession {
    return {
      terms: session.terms,
      send: (text) => !this.over.aborted && session.send(text),
      bufferedBytes: () => session.bufferedBytes(),
      close: (code, reason) => session.close(code, reason),
    };
  }
}
