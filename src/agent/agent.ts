import { type Clock, keepAliveUntil, sleep, systemClock, withDeadline } from "../base/clock.ts";
import { Z4jError } from "../base/errors.ts";
import { createListeners, type Listeners } from "../base/listeners.ts";
import { type Logger, noopLogger, safeLogger } from "../base/logger.ts";
import type { EventBuffer } from "../buffer/port.ts";
import type { EngineEvent } from "../engines/contract.ts";
import { type HmacKey, importHmacKey } from "../protocol/hmac.ts";
import type { SessionTerms } from "../transport/port.ts";
import type {
  Agent,
  AgentEventMap,
  AgentParts,
  AgentStatus,
  FlushReport,
  RequestFailure,
  StopOptions,
  TimeoutOptions,
} from "./agent_types.ts";
import { deliver } from "./delivery.ts";
import { type AgentMetrics, createMetrics, type MetricsCollector } from "./metrics.ts";
import { createOnceLogger } from "./guard.ts";
import { type EventPreview, previewEvent } from "./recorder.ts";
import type { ConnectionChange } from "./reconcile.ts";
import { claimProcess, releaseProcess } from "./registry.ts";
import { createRuntime, type Runtime, type RuntimeContext } from "./runtime.ts";
import { loadStreams } from "./runtime_wiring.ts";
import { type AgentState, canChange } from "./states.ts";
import { describeAgent } from "./status.ts";
import { NO_WORK, type WorkTracker } from "./work_contexts.ts";

const READY_TIMEOUT_MS = 10_000;
const FLUSH_TIMEOUT_MS = 5000;
const STOP_TIMEOUT_MS = 5000;
// What closing socket and buffer may take on top of the flush.
const CLOSE_RESERVE_MS = 1000;
// Events recorded before the buffer is open; a wrapped function may run early.
const MAX_EARLY_EVENTS = 1000;

/**
 * Joins buffer, transport, engines and schedulers to one agent. Nothing happens
 * before `start`, and nothing of it throws into the host afterwards.
 *
 * @example Start, wait until the brain has answered, stop
 * ```ts
 * import { type AgentParts, createAgentCore } from "@z4j/core/agent";
 *
 * async function run(parts: AgentParts): Promise<number> {
 *   const agent = createAgentCore(parts);
 *   await agent.start();
 *   await agent.ready({ timeoutMs: 5000 });
 *   const { remaining } = await agent.stop();
 *   return remaining;
 * }
 * ```
 */
export function createAgentCore(parts: AgentParts): Agent {
  return new AgentCore(parts);
}

type AgentListeners = {
  readonly [T in keyof AgentEventMap]: Listeners<AgentEventMap[T]>;
};

interface Link {
  readonly kind: ConnectionChange["kind"];
  readonly terms: SessionTerms | null;
  readonly verified: boolean;
  readonly retryAtMs: number | null;
}

const NO_LINK: Link = { kind: "ended", terms: null, verified: false, retryAtMs: null };

class AgentCore implements Agent {
  readonly generation: number;
  readonly #parts: AgentParts;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #listeners: AgentListeners;
  readonly #metrics: MetricsCollector = createMetrics();
  readonly context: WorkTracker;
  readonly #early: (readonly [string, EngineEvent])[] = [];
  #earlyLost = 0;
  #state: AgentState = "stopped";
  #link: Link = NO_LINK;
  #lastTerms: SessionTerms | null = null;
  #connectedAtMs: number | null = null;
  #sessions = 0;
  #runtime: Runtime | undefined;
  #starting: Promise<void> | undefined;
  #stopping: Promise<FlushReport> | undefined;

  constructor(parts: AgentParts) {
    this.#parts = parts;
    this.generation = parts.generation ?? 0;
    this.context = parts.work ?? NO_WORK;
    this.#clock = parts.clock ?? systemClock;
    this.#logger = safeLogger(parts.logger ?? noopLogger);
    const failed = (error: unknown): void =>
      this.#logger.error({ error: String(error) }, "a listener of the agent failed");
    this.#listeners = {
      state: createListeners(failed),
      connected: createListeners(failed),
      disconnected: createListeners(failed),
      command: createListeners(failed),
      loss: createListeners(failed),
      requestFailed: createListeners(failed),
    };
  }

  start(): Promise<void> {
    return this.#starting ??= keepAliveUntil(this.#start());
  }

  ready(options: TimeoutOptions = {}): Promise<void> {
    return keepAliveUntil(this.#ready(options.timeoutMs ?? READY_TIMEOUT_MS));
  }

  flush(options: TimeoutOptions = {}): Promise<FlushReport> {
    return keepAliveUntil(this.#flush(options.timeoutMs ?? FLUSH_TIMEOUT_MS));
  }

  stop(options: StopOptions = {}): Promise<FlushReport> {
    return this.#stopping ??= keepAliveUntil(this.#stop(options));
  }

  status(): AgentStatus {
    return describeAgent({
      state: this.#state,
      runtime: this.#runtime,
      terms: this.#link.terms,
      lastTerms: this.#lastTerms,
      verified: this.#link.verified,
      retryAtMs: this.#link.retryAtMs,
      connectedAtMs: this.#connectedAtMs,
      sessions: this.#sessions,
    });
  }

  record(engine: string, given: EngineEvent): void {
    const event = this.#withContext(given);
    if (event?.kind === "task.sent") this.context.asked(event.taskId);
    if (this.#runtime !== undefined) return this.#runtime.recorder.event(engine, event);
    if (this.#early.length < MAX_EARLY_EVENTS) this.#early.push([engine, event]);
    else this.#earlyLost++;
  }

  preview(engine: string, given: EngineEvent): EventPreview {
    const event = this.#withContext(given);
    const { redactor, privacy, context, identity: { environment, tags } } = this.#parts;
    return previewEvent(
      {
        redactor,
        privacy,
        context,
        clock: this.#clock,
        facts: { environment, tags },
        notices: createOnceLogger(this.#logger),
      },
      engine,
      event,
    );
  }

  metrics(): AgentMetrics {
    return this.#metrics.snapshot();
  }

  requestFailed(failure: RequestFailure): void {
    this.#metrics.requestFailed();
    const { context: { requestId, traceId, method, route }, jobs } = failure;
    this.#logger.debug({ requestId, traceId, method, route, jobs }, "a request failed");
    this.#listeners.requestFailed.emit(failure);
  }

  // Read now: an early event is recorded when its request is over.
  #withContext(event: EngineEvent): EngineEvent {
    if (typeof event !== "object" || event === null || !("taskId" in event)) return event;
    const context = event.context ?? this.context.current();
    return context === undefined ? event : { ...event, context };
  }

  reconnectNow(): void {
    this.#runtime?.reconciler.retryNow();
  }

  on<T extends keyof AgentEventMap>(
    type: T,
    listener: (event: AgentEventMap[T]) => void,
  ): () => void {
    return this.#listeners[type].add(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #start(): Promise<void> {
    const { engines = [], schedulers = [], singletonKey, identity } = this.#parts;
    const names = (all: readonly { readonly name: string }[]) => all.map(({ name }) => name);
    this.#logger.info(
      { framework: identity.framework, engines: names(engines), schedulers: names(schedulers) },
      "agent starting",
    );
    this.#change("starting");
    try {
      if (singletonKey !== undefined) await claimProcess(singletonKey, this);
      // A secret that cannot be used must not leave a file behind.
      const key = await importHmacKey(this.#parts.secret);
      const createStream = schedulers.length === 0 ? null : await loadStreams(this.#logger);
      const buffer = await this.#parts.openBuffer();
      await this.#run(key, buffer, createStream);
    } catch (error) {
      this.#reset();
      throw error;
    }
  }

  async #run(
    key: HmacKey,
    buffer: EventBuffer,
    createStream: RuntimeContext["createStream"],
  ): Promise<void> {
    const runtime = createRuntime({
      parts: this.#parts,
      clock: this.#clock,
      logger: this.#logger,
      buffer,
      key,
      metrics: this.#metrics,
      createStream,
      host: {
        changed: (change) => this.#connection(change),
        verified: (terms) => this.#verified(terms),
        command: (event) => this.#listeners.command.emit(event),
        loss: (event) => this.#listeners.loss.emit(event),
      },
    });
    this.#runtime = runtime;
    for (const [engine, event] of this.#early.splice(0)) runtime.recorder.event(engine, event);
    runtime.lostBefore(this.#earlyLost);
    this.#earlyLost = 0;
    await runtime.hooks.attach();
    runtime.findings.refresh();
    runtime.reconciler.start();
  }

  async #ready(timeoutMs: number): Promise<void> {
    if (this.#starting === undefined) {
      throw new Z4jError(
        "Z4J_AGENT_STATE",
        `Cannot wait for the agent: it is ${this.#state}, expected it to be started`,
      );
    }
    const deadline = this.#clock.monotonic() + timeoutMs;
    await withDeadline(this.#clock, this.#starting, timeoutMs);
    if (await this.#verifiedWithin(deadline - this.#clock.monotonic())) return;
    const advice = this.#runtime?.failures.last?.advice ?? "the brain has not answered yet";
    throw new Z4jError(
      "Z4J_AGENT_TIMEOUT",
      `Cannot reach the brain within ${timeoutMs} ms: ${advice}`,
    );
  }

  async #flush(timeoutMs: number): Promise<FlushReport> {
    await this.#starting?.catch(() => {});
    const runtime = this.#runtime;
    if (runtime === undefined) return { sent: 0, remaining: 0, timedOut: false };
    // Waiting longer would be pointless where only a person can help.
    if (runtime.failures.last?.class === "connection") {
      runtime.reconciler.retryNow();
      await sleep(this.#clock, 0); // the attempt begins before its outcome is judged
    }
    return await deliver(runtime, this.#clock, timeoutMs, () => this.#isHopeless());
  }

  async #stop(options: StopOptions): Promise<FlushReport> {
    const { timeoutMs = STOP_TIMEOUT_MS, closeTimeoutMs = CLOSE_RESERVE_MS } = options;
    const deadline = this.#clock.monotonic() + timeoutMs;
    const leftMs = (): number => Math.max(0, deadline - this.#clock.monotonic());
    await this.#starting?.catch(() => {});
    const runtime = this.#runtime;
    if (runtime === undefined) {
      this.#reset();
      return { sent: 0, remaining: 0, timedOut: false };
    }
    this.#change("stopping");
    // A brain keeps a schedule operation open until it has its answer.
    await withDeadline(this.#clock, runtime.dispatcher.drain(), leftMs() / 2);
    runtime.dispatcher.stop();
    await withDeadline(this.#clock, runtime.hooks.detach(), leftMs());
    const report = await deliver(runtime, this.#clock, leftMs(), () => this.#isHopeless());
    runtime.close();
    const lostBefore = runtime.ledger.total();
    const closing = runtime.reconciler.stop().then(() => runtime.buffer.close());
    await withDeadline(this.#clock, closing.catch(() => {}), leftMs() + closeTimeoutMs);
    runtime.tellBufferLosses();
    const final = withLost(report, runtime.ledger.total() - lostBefore);
    this.#logger.info({ ...final }, "agent stopped");
    this.#reset();
    return final;
  }

  #reset(): void {
    if (this.#parts.singletonKey !== undefined) releaseProcess(this.#parts.singletonKey, this);
    this.#runtime = undefined;
    this.#link = NO_LINK;
    this.#starting = this.#stopping = undefined;
    this.#change("stopped");
  }

  #change(to: AgentState): void {
    const from = this.#state;
    if (from === to || !canChange(from, to)) return;
    this.#state = to;
    this.#listeners.state.emit({ from, to });
  }

  #connection(change: ConnectionChange): void {
    const terms = change.kind === "connected" ? change.terms : null;
    const retryAtMs = change.kind === "waiting" ? change.retryAtMs : null;
    this.#link = { kind: change.kind, terms, verified: false, retryAtMs };
    if (change.kind === "connected") {
      this.#lastTerms = change.terms;
      this.#sessions++;
    }
    if (change.kind !== "ended") this.#change(change.kind);
    if (change.kind === "waiting") this.#listeners.disconnected.emit(change.end);
  }

  #verified(terms: SessionTerms): void {
    this.#link = { ...this.#link, verified: true };
    this.#connectedAtMs = this.#clock.now();
    const sessionId = terms.identity.sessionId;
    this.#logger.info({ sessionId, brainVersion: terms.brainVersion }, "agent connected");
    this.#listeners.connected.emit({ sessionId, brainVersion: terms.brainVersion });
  }

  async #verifiedWithin(waitMs: number): Promise<boolean> {
    if (this.#link.verified) return true;
    const connected = new AbortController();
    const remove = this.on("connected", () => connected.abort());
    await sleep(this.#clock, waitMs, connected.signal);
    remove();
    return connected.signal.aborted;
  }

  #isHopeless(): boolean {
    return this.#link.kind === "waiting" || this.#link.kind === "ended";
  }
}

/** What the buffer gave up while it closed does not wait any more. */
function withLost(report: FlushReport, lost: number): FlushReport {
  if (lost <= 0) return report;
  return { ...report, remaining: Math.max(0, report.remaining - lost), lost };
}
