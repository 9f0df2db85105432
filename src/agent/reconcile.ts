import { type CancelTimer, type Clock, sleep } from "../base/clock.ts";
import { errorText } from "../base/errors.ts";
import type { MaybePromise } from "../base/maybe_promise.ts";
import type { HelloPayload } from "../protocol/frames.ts";
import type { OpenOutcome, SessionEnd, SessionTerms, Transport } from "../transport/port.ts";
import type { FailureLog } from "./failure_log.ts";
import { BLAMING_CODES, HEALTHY_SESSION_MS } from "./limits.ts";
import { retryDelayMs } from "./retry_policy.ts";
import type { AgentSession } from "./session.ts";

/** What happens to the connection. */
export type ConnectionChange =
  | { readonly kind: "connecting" }
  | { readonly kind: "connected"; readonly terms: SessionTerms }
  | { readonly kind: "ended"; readonly end: SessionEnd }
  | { readonly kind: "waiting"; readonly end: SessionEnd; readonly retryAtMs: number };

/** What the loop is made of. */
export interface ReconcileParts {
  /** How to reach the brain. */
  readonly transport: Transport;
  /** Time source. */
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  /** Failures in a row. */
  readonly failures: FailureLog;
  /** What this agent is, asked before each dial. */
  readonly hello: () => Promise<HelloPayload>;
  /** A session for the next dial; when that fails, the dial has failed. */
  readonly createSession: () => MaybePromise<AgentSession>;
  /** Events that the brain acknowledged so far. */
  readonly progress: () => number;
  /** Another process keeps taking this worker's place. */
  readonly displaced: () => void;
  /** Told about each change; must not throw. */
  readonly changed: (change: ConnectionChange) => void;
}

/** The loop that keeps the wanted connection. */
export interface Reconciler {
  /** Begins to keep a connection. */
  start(): void;
  /** Tries again now instead of waiting. */
  retryNow(): void;
  /** Ends the open session, if any, and dials again at once. */
  renew(): void;
  /** The open session, if any. */
  readonly session: AgentSession | null;
  /** Ends the session and the loop; resolves when both are over. */
  stop(): Promise<void>;
}

/** Creates a loop that does nothing until it is started. */
export function createReconciler(parts: ReconcileParts): Reconciler {
  return new Loop(parts);
}

class Loop implements Reconciler {
  readonly #parts: ReconcileParts;
  readonly #stopping = new AbortController();
  #session: AgentSession | null = null;
  #skipWait: CancelTimer = () => {};
  #running: Promise<void> | undefined;
  #shortSessions = 0;
  #displacements = 0;
  #isOutage = false;

  constructor(parts: ReconcileParts) {
    this.#parts = parts;
  }

  get session(): AgentSession | null {
    return this.#session;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  retryNow(): void {
    this.#skipWait();
  }

  renew(): void {
    this.#session?.end(RENEWED);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#session?.end(STOPPED);
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const end = await this.#attempt(signal);
      if (signal.aborted) return;
      if (end.isHandover !== true) await this.#wait(end, signal);
    }
  }

  async #attempt(signal: AbortSignal): Promise<SessionEnd> {
    const { clock, changed, failures } = this.#parts;
    changed({ kind: "connecting" });
    const session = await this.#newSession();
    if ("class" in session) return session;
    const outcome = await this.#open(session, signal);
    if (outcome.kind === "refused") return outcome.end;
    if (signal.aborted) {
      await outcome.session.close();
      return STOPPED;
    }
    const openedAt = clock.monotonic();
    const ackedBefore = this.#parts.progress();
    this.#session = session;
    const running = session.run(outcome.session);
    changed({ kind: "connected", terms: outcome.session.terms });
    const end = await running;
    this.#session = null;
    const gained = this.#parts.progress() - ackedBefore;
    if (end.isHandover !== true) {
      const lastedMs = clock.monotonic() - openedAt;
      this.#judge(end, { lastedMs, gained, verified: session.verified });
    }
    if (this.#shortSessions === 0) {
      failures.recovered();
      failures.calm();
    }
    changed({ kind: "ended", end });
    return end;
  }

  async #newSession(): Promise<AgentSession | SessionEnd> {
    try {
      return await this.#parts.createSession();
    } catch (error) {
      const advice = `the code of a session cannot be read: ${errorText(error)}`;
      return { class: "connection", code: null, advice };
    }
  }

  async #open(session: AgentSession, signal: AbortSignal): Promise<OpenOutcome> {
    const { transport } = this.#parts;
    try {
      return await transport.open(await this.#parts.hello(), session.handlers, signal);
    } catch (error) {
      // A transport must not throw; one that does must not end the loop.
      const advice = `the transport failed: ${errorText(error)}`;
      return { kind: "refused", end: { class: "connection", code: null, advice } };
    }
  }

  #judge(end: SessionEnd, { lastedMs, gained, verified }: SessionCourse): void {
    const isSearching = gained > 0 && BLAMING_CODES.has(end.code ?? 0);
    if (lastedMs >= HEALTHY_SESSION_MS) this.#shortSessions = 0;
    else if (!isSearching || this.#shortSessions === 0) this.#shortSessions++;
    const isEstablished = lastedMs >= (verified ? PROVEN_SESSION_MS : HEALTHY_SESSION_MS);
    this.#isOutage = isEstablished && OUTAGE_CODES.has(end.code ?? 1006);
    if (lastedMs >= UNDISPUTED_SESSION_MS) this.#displacements = 0;
    if (end.code !== DISPLACED_CODE) return;
    this.#displacements++;
    if (this.#displacements >= DISPLACEMENTS_OF_A_DUEL) this.#parts.displaced();
  }

  // Sessions that end soon after their first ack reset the streak of their class
  // each time; counting them keeps a duel or a bad frame from becoming a storm.
  #streak(end: SessionEnd): number {
    const failed = this.#parts.failures.failed(end);
    if (end.code === DISPLACED_CODE) return Math.max(failed, this.#displacements);
    const isBlaming = BLAMING_CODES.has(end.code ?? 0);
    const forgiven = isBlaming ? FORGIVEN_SEARCHES : FORGIVEN_SHORT_SESSIONS;
    return Math.max(failed, this.#shortSessions - forgiven);
  }

  async #wait(end: SessionEnd, stopSignal: AbortSignal): Promise<void> {
    const { clock, random, failures, changed } = this.#parts;
    const delayMs = retryDelayMs(end, this.#streak(end), random(), this.#isOutage);
    failures.tell(end, delayMs);
    changed({ kind: "waiting", end, retryAtMs: clock.now() + delayMs });
    const skip = new AbortController();
    this.#skipWait = () => skip.abort();
    await sleep(clock, delayMs, AbortSignal.any([stopSignal, skip.signal]));
    this.#skipWait = () => {};
  }
}

interface SessionCourse {
  readonly lastedMs: number;
  /** Events acknowledged meanwhile. */
  readonly gained: number;
  /** Whether the brain acknowledged anything. */
  readonly verified: boolean;
}

const DISPLACED_CODE = 4002;
// A first displacement may be our own half-open socket; a second one is a twin.
const DISPLACEMENTS_OF_A_DUEL = 2;
const UNDISPUTED_SESSION_MS = 600_000;
// A session that worked and ends like this is most likely a brain that restarts,
// under all of its agents at once.
const OUTAGE_CODES: ReadonlySet<number> = new Set([1001, 1006, 1012]);
// An acknowledged session of this length worked; a shorter one may be a bad line.
const PROVEN_SESSION_MS = 1000;
const FORGIVEN_SHORT_SESSIONS = 3;
// Halving 5000 events takes 13 sessions, and the last event gets three tries.
const FORGIVEN_SEARCHES = 16;

const RENEWED: SessionEnd = {
  class: "connection",
  code: 1000,
  advice: "the agent dials again to announce what the processes on its token have in common",
  isHandover: true,
};

const STOPPED: SessionEnd = {
  class: "connection",
  code: 1000,
  advice: "the agent was stopped",
};
