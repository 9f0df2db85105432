import type { Clock } from "../base/clock.ts";
import { errorText } from "../base/errors.ts";
import { randomUuid } from "../base/ids.ts";
import type { Logger } from "../base/logger.ts";
import { totalOf } from "../base/total.ts";
import type { EventBuffer } from "../buffer/port.ts";
import type { Engine } from "../engines/contract.ts";
import {
  type AgentStatusPayload,
  type HelloPayload,
  PROTOCOL_VERSION,
} from "../protocol/frames.ts";
import type { HmacKey } from "../protocol/hmac.ts";
import type { SessionTerms } from "../transport/port.ts";
import type { AgentEventMap, AgentParts } from "./agent_types.ts";
import { NO_POLICY } from "./command_policy.ts";
import { engineHost } from "./engine_host.ts";
import { createDispatcher, type Dispatcher } from "./dispatcher.ts";
import { loadEngineHandlers } from "./engine_commands.ts";
import { createFailureLog, type FailureLog } from "./failure_log.ts";
import { createFindings, type Findings } from "./findings.ts";
import { createOnceLogger, guardCall, type OnceLogger } from "./guard.ts";
import { createHealthMonitor } from "./health.ts";
import { createHeartbeat, type Heartbeat } from "./heartbeat.ts";
import { announcementOf, buildHello } from "./hello.ts";
import { createHooks, type Hooks } from "./hooks.ts";
import { createLossLedger, type LossLedger } from "./loss_ledger.ts";
import type { MetricsCollector } from "./metrics.ts";
import { createOldestAge, type OldestAge } from "./oldest_age.ts";
import { createOutbox, type Outbox } from "./outbox.ts";
import { createPump, type Pump } from "./pump.ts";
import { type ConnectionChange, createReconciler, type Reconciler } from "./reconcile.ts";
import { createRecorder, type Recorder } from "./recorder.ts";
import { buildRegistry, buildRouter, watchSchedulers } from "./runtime_wiring.ts";
import type { WatchedScheduler } from "./schedule_commands.ts";
import type { createScheduleStream } from "./schedule_stream.ts";
import type { AgentSession } from "./session.ts";
import { NO_WORK } from "./work_contexts.ts";

/** What happens in a runtime and concerns its agent. */
export interface RuntimeHost {
  /** The connection changed. */
  changed(change: ConnectionChange): void;
  /** The brain acknowledged the first frame of a session. */
  verified(terms: SessionTerms): void;
  /** A command was answered. */
  command(event: AgentEventMap["command"]): void;
  /** Events were lost. */
  loss(event: AgentEventMap["loss"]): void;
}

/** Everything that exists between a start and the stop that follows. */
export interface Runtime {
  readonly buffer: EventBuffer;
  readonly recorder: Recorder;
  readonly pump: Pump;
  readonly outbox: Outbox;
  readonly dispatcher: Dispatcher;
  readonly hooks: Hooks;
  readonly reconciler: Reconciler;
  readonly ledger: LossLedger;
  readonly failures: FailureLog;
  readonly findings: Findings;
  readonly counters: RuntimeCounters;
  /** Counts events that came before the buffer and found no room. */
  lostBefore(count: number): void;
  /** Tells the host about losses of the buffer that it does not know of yet. */
  tellBufferLosses(): void;
  /** Ends what is bound to no session; the buffer stays open. */
  close(): void;
}

/** Counters that no single part owns. */
export interface RuntimeCounters {
  recorded: number;
  refusedMessages: number;
}

/** What a runtime is built from. */
export interface RuntimeContext {
  readonly parts: AgentParts;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly buffer: EventBuffer;
  readonly key: HmacKey;
  readonly host: RuntimeHost;
  readonly metrics: MetricsCollector;
  /** Makes the streams of the schedulers; `null` watches none. */
  readonly createStream: typeof createScheduleStream | null;
}

/** Wires all parts of an agent together; nothing runs yet. */
export function createRuntime(context: RuntimeContext): Runtime {
  return new AgentRuntime(context);
}

class AgentRuntime implements Runtime {
  readonly buffer: EventBuffer;
  readonly recorder: Recorder;
  readonly pump: Pump;
  readonly outbox: Outbox;
  readonly dispatcher: Dispatcher;
  readonly hooks: Hooks;
  readonly reconciler: Reconciler;
  readonly ledger: LossLedger;
  readonly failures: FailureLog;
  readonly findings: Findings;
  readonly counters: RuntimeCounters = { recorded: 0, refusedMessages: 0 };
  readonly #context: RuntimeContext;
  readonly #engines: readonly Engine[];
  readonly #schedulers: readonly WatchedScheduler[];
  readonly #notices: OnceLogger;
  readonly #heartbeat: Heartbeat;
  readonly #oldest: OldestAge;
  readonly #toldLosses = new Map<string, number>();
  #workerId: string;
  #openedAtMs = 0;
  #connectedAtMs = 0;

  constructor(context: RuntimeContext) {
    const { parts, clock, logger, buffer } = context;
    this.#context = context;
    this.#engines = parts.engines ?? [];
    this.#notices = createOnceLogger(logger);
    this.#oldest = createOldestAge(buffer, clock);
    this.#workerId = parts.identity.workerId;
    this.buffer = buffer;
    this.ledger = createLossLedger(buffer, randomUuid());
    this.failures = createFailureLog(logger);
    this.findings = createFindings({
      engines: this.#engines,
      facts: parts.lintFacts ?? (() => ({})),
      clock,
      redactor: parts.redactor,
      logger,
    });
    this.pump = createPump({
      buffer,
      clock,
      logger,
      acked: (flight) => context.metrics.acked(flight, clock.monotonic(), clock.now()),
    });
    this.outbox = createOutbox(clock, () => this.reconciler.session?.wake());
    this.#schedulers = watchSchedulers(context, this.pump);
    this.recorder = this.#buildRecorder();
    this.dispatcher = this.#buildDispatcher();
    this.#heartbeat = this.#buildHeartbeat();
    this.reconciler = this.#buildReconciler();
    parts.announcer?.bind(() => this.reconciler.renew());
    parts.announcer?.serve?.((command) => this.dispatcher.carryOut(command));
    this.hooks = createHooks({
      engines: this.#engines,
      schedulers: this.#schedulers,
      recorder: this.recorder,
      host: (engine) => engineHost(context, engine),
      lost: (source, count, reason) => this.#lost(source, count, reason),
      clock,
      logger,
      notices: this.#notices,
      work: parts.work ?? NO_WORK,
    });
    buffer.onStored(() => this.tellBufferLosses());
  }

  lostBefore(count: number): void {
    if (count > 0) this.#lost("early", count, "recorded before the buffer was open");
  }

  close(): void {
    this.#heartbeat.stop();
    this.dispatcher.stop();
    for (const { stream } of this.#schedulers) stream.close();
  }

  #buildRecorder(): Recorder {
    const { parts, clock, buffer } = this.#context;
    const { environment, tags } = parts.identity;
    return createRecorder({
      buffer,
      clock,
      notices: this.#notices,
      redactor: parts.redactor,
      privacy: parts.privacy,
      context: parts.context,
      facts: { environment, tags },
      lost: (kind, reason) => this.#lost("recorder", 1, `${kind}: ${reason}`),
      recorded: () => void this.counters.recorded++,
    });
  }

  #buildDispatcher(): Dispatcher {
    const { parts, clock, host, metrics } = this.#context;
    const registry = buildRegistry(this.#context, this.#schedulers);
    const policy = parts.policy ?? NO_POLICY;
    return createDispatcher({
      registry,
      policy,
      router: buildRouter(this.#context, this.#schedulers, policy),
      outbox: this.outbox,
      clock,
      redactor: parts.redactor,
      began: ({ id, action }) => {
        const end = parts.spans?.command(action, id);
        return ({ status, error }) => end?.(status, error);
      },
      finished(command, { status, error }, tookMs) {
        const { id, action } = command;
        const known = registry.find(action) === undefined ? "other" : action;
        const isForbidden = status === "failed" && policy.refusal(command) !== null;
        const end = isForbidden ? "forbidden" : status;
        metrics.command(known, end, tookMs / 1000);
        host.command({ id, action, status, error });
      },
    });
  }

  #buildHeartbeat(): Heartbeat {
    const { parts, clock } = this.#context;
    return createHeartbeat({
      clock,
      outbox: this.outbox,
      health: createHealthMonitor({
        engines: this.#engines,
        clock,
        redactor: parts.redactor,
        pid: parts.identity.pid,
        findings: this.findings,
      }),
      facts: () => ({
        buffer_size: bounded(this.buffer.depth().count),
        dropped_events: bounded(this.ledger.total()),
        telemetry_loss: this.ledger.telemetry(),
      }),
      status: parts.agentStatusDisabled === true ? null : () => this.#status(),
      failed: (error) =>
        this.#notices.warn("heartbeat", { error: errorText(error) }, "cannot build a heartbeat"),
    });
  }

  #buildReconciler(): Reconciler {
    const { parts, clock } = this.#context;
    return createReconciler({
      transport: parts.transport,
      clock,
      random: parts.random ?? Math.random,
      failures: this.failures,
      hello: () => this.#hello(),
      progress: () => this.pump.counters().acked,
      displaced: () => this.#leaveSlot(),
      createSession: () => this.#createSession(),
      changed: (change) => this.#changed(change),
    });
  }

  async #hello(): Promise<HelloPayload> {
    const { parts, clock } = this.#context;
    const own = announcementOf(this.#engines, this.#schedulers, parts.policy);
    const agreed = await guardCall(
      clock,
      ANNOUNCE_DEADLINE_MS,
      () => parts.announcer?.agree(own) ?? own,
    );
    // Nothing that others know is worth keeping this process from the brain.
    const identity = { ...parts.identity, workerId: this.#workerId };
    return buildHello(identity, agreed.ok ? agreed.value : own);
  }

  async #createSession(): Promise<AgentSession> {
    // Read at the first dial; until then nobody needs to read frames.
    const { createSession } = await import("./session.ts");
    const { key, clock, logger, host } = this.#context;
    return createSession({
      key,
      clock,
      logger,
      pump: this.pump,
      outbox: this.outbox,
      notices: this.#notices,
      command: (frame) => this.dispatcher.receive(frame),
      healthy: () => this.failures.recovered(),
      verified: (terms) => host.verified(terms),
      refused: () => void this.counters.refusedMessages++,
    });
  }

  #changed(change: ConnectionChange): void {
    const { clock, host } = this.#context;
    if (change.kind === "connected") {
      this.#openedAtMs = clock.monotonic();
      this.#connectedAtMs = clock.now();
      this.#heartbeat.start(change.terms.heartbeatIntervalMs, change.terms.maxFrameBytes);
      // A failure is told by the command that meets it.
      if (this.#engines.length > 0) loadEngineHandlers().catch(() => {});
    } else if (change.kind === "ended") {
      this.#heartbeat.stop();
      for (const { stream } of this.#schedulers) stream.sessionEnded();
    }
    host.changed(change);
  }

  // Two processes with one worker id would throw each other out for ever
  // (protocol section 2.10); the one that notices takes a slot of its own.
  #leaveSlot(): void {
    const { parts, logger } = this.#context;
    const taken = this.#workerId;
    if (taken !== parts.identity.workerId) return;
    this.#workerId = `${taken.slice(0, MAX_WORKER_ID - 9)}-${randomUuid().slice(0, 8)}`;
    logger.warn(
      { workerId: taken, nowWorkerId: this.#workerId },
      "another process uses the same worker id; this one goes on under its own",
    );
  }

  #lost(source: string, count: number, reason: string): void {
    this.ledger.lost(source, count);
    this.#notices.warn(`lost ${source}`, { source, count, reason }, "events were lost");
    this.#context.host.loss({ source, count, reason });
  }

  // A store makes room while it appends; nobody else would tell the host.
  tellBufferLosses(): void {
    for (const [reason, byKind] of Object.entries(this.buffer.losses())) {
      const total = totalOf(byKind);
      const count = total - (this.#toldLosses.get(reason) ?? 0);
      if (count <= 0) continue;
      this.#toldLosses.set(reason, total);
      this.#notices.warn(`buffer ${reason}`, { count, reason }, "the buffer lost events");
      this.#context.host.loss({ source: "buffer", count, reason });
    }
  }

  #status(): AgentStatusPayload {
    const { clock, parts } = this.#context;
    const { streaks } = this.failures;
    return {
      telemetry_loss: this.ledger.telemetry(),
      auth_failure_streak: streaks.auth,
      protocol_failure_streak: streaks.protocol,
      connection_failure_streak: streaks.connection,
      last_successful_connect_at: new Date(this.#connectedAtMs).toISOString(),
      current_session_age_seconds: Math.floor((clock.monotonic() - this.#openedAtMs) / 1000),
      buffer_depth: bounded(this.buffer.depth().count),
      buffer_oldest_age_seconds: this.#oldest.seconds(),
      agent_version: parts.identity.agentVersion,
      protocol_version: PROTOCOL_VERSION,
      engines: this.#engines.map(({ name }) => name).slice(0, MAX_STATUS_NAMES),
      schedulers: this.#schedulers.map(({ stream }) => stream.owner).slice(0, MAX_STATUS_NAMES),
    };
  }
}

// Numbers and lists beyond these are refused (protocol sections 10 and 16.1).
const MAX_COUNT = 10_000_000;
const MAX_STATUS_NAMES = 32;
// Characters of a worker id (protocol section 4.1).
const MAX_WORKER_ID = 128;
// Reading the files of the other processes takes milliseconds.
const ANNOUNCE_DEADLINE_MS = 2000;

function bounded(count: number): number {
  return Math.min(MAX_COUNT, Math.max(0, Math.floor(count)));
}
