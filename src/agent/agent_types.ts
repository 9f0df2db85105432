import type { Clock } from "../base/clock.ts";
import type { JsonObject } from "../base/json.ts";
import type { Logger } from "../base/logger.ts";
import type { WorkContext } from "../base/work_context.ts";
import type { EventBuffer, LossCounts, StoreCapabilities } from "../buffer/port.ts";
import type { Engine, EngineEvent, EngineRestart, LintFacts } from "../engines/contract.ts";
import type { Scheduler } from "../schedulers/contract.ts";
import type { SessionEnd, Transport } from "../transport/port.ts";
import type { CommandPolicy } from "./command_policy.ts";
import type { CommandRegistry } from "./commands.ts";
import type { CommandCounters } from "./dispatcher.ts";
import type { AgentFinding } from "./findings.ts";
import type { Announcer } from "./hello.ts";
import type { AgentMetrics } from "./metrics.ts";
import type { PrivacyRules } from "./privacy.ts";
import type { EventPreview, RedactorLike } from "./recorder.ts";
import type { ScheduleMeta } from "./schedule_stream_port.ts";
import type { Spans } from "./spans.ts";
import type { AgentState } from "./states.ts";
import type { WorkContexts, WorkTracker } from "./work_contexts.ts";

/** What an agent tells about itself (protocol section 4.1). */
export interface AgentIdentity {
  /** Web framework, for example `hono`, or `bare`. */
  readonly framework: string;
  /** Version text for the dashboard's badge; at most 40 characters. */
  readonly agentVersion: string;
  /** Name of the machine as the dashboard shows it. */
  readonly hostName: string;
  /** Slot of this process on its token; unique for each process. */
  readonly workerId: string;
  /** `web`, `task`, `scheduler` or other free text, or `null`. */
  readonly workerRole: string | null;
  /** Process id, or `null`. */
  readonly pid: number | null;
  /** Start of the process, Unix milliseconds. */
  readonly startedAtMs: number;
  /** Deployment that every event repeats. */
  readonly environment?: string | undefined;
  /** Labels that every event repeats. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
}

/** What an agent is made of. */
export interface AgentParts {
  /** What it tells about itself. */
  readonly identity: AgentIdentity;
  /** The project secret, decoded; at least 32 bytes. */
  readonly secret: Uint8Array;
  /** How to reach the brain. */
  readonly transport: Transport;
  /** Opens the place where events wait; called at each start. */
  readonly openBuffer: () => Promise<EventBuffer>;
  /** Where small facts outlive the process. Default: beside the events of the buffer. */
  readonly state?: ScheduleMeta | undefined;
  /** Removes what is sensitive and makes values printable. */
  readonly redactor: RedactorLike;
  /** Job engines to watch and steer. Default: none. */
  readonly engines?: readonly Engine[];
  /** Schedulers to watch and steer. Default: none. */
  readonly schedulers?: readonly Scheduler[];
  /** Agrees on the inventory with other processes. Default: announces its own. */
  readonly announcer?: Announcer | undefined;
  /** Adds or replaces command handlers before the first connection. */
  readonly commands?: ((registry: CommandRegistry) => void) | undefined;
  /** Queue depth above which a purge needs force. Default 1000. */
  readonly purgeThreshold?: number | undefined;
  /** How to restart this process for `restart_worker`. Default: it cannot be. */
  readonly restart?: EngineRestart | undefined;
  /** Facts about the process for the lint of engines. Default: none. */
  readonly lintFacts?: (() => LintFacts) | undefined;
  /** Facts about the current unit of work; called for each event. */
  readonly context?: (() => JsonObject | undefined) | undefined;
  /** Follows requests into the jobs that they ask for. Default: nothing is followed. */
  readonly work?: WorkTracker | undefined;
  /** What stays in this process besides what the redactor removes. Default: nothing. */
  readonly privacy?: PrivacyRules | undefined;
  /** What this process forbids brains to ask for. Default: nothing. */
  readonly policy?: CommandPolicy | undefined;
  /** Spans in the user's own traces. Default: none. */
  readonly spans?: Spans | undefined;
  /** Time source. Default: the clock of this process. */
  readonly clock?: Clock;
  /** A number in [0, 1) for jitter. Default: `Math.random`. */
  readonly random?: () => number;
  /** Where it writes its lines. Default: nowhere. */
  readonly logger?: Logger;
  /** Switches the agent_status frames off. Default `false`. */
  readonly agentStatusDisabled?: boolean;
  /**
   * Names this agent inside the process: a start under the same name stops the
   * agent that ran before. Default: no such check.
   */
  readonly singletonKey?: string | undefined;
  /** When it was made among the agents of the process. Default 0. */
  readonly generation?: number | undefined;
}

/** What a flush achieved. */
export interface FlushReport {
  /** Events that the brain acknowledged meanwhile. */
  readonly sent: number;
  /** Events that still wait, safe in the buffer if it is durable. */
  readonly remaining: number;
  /** Whether the time was up before everything was delivered. */
  readonly timedOut: boolean;
  /** Events that a stop had to give up, as no disk took them; absent when there are none. */
  readonly lost?: number;
}

/** How long something may take. */
export interface TimeoutOptions {
  /** Milliseconds. */
  readonly timeoutMs?: number | undefined;
}

/** How long a stop may take. */
export interface StopOptions extends TimeoutOptions {
  /** Milliseconds for closing socket and buffer on top of that. Default 1000. */
  readonly closeTimeoutMs?: number | undefined;
}

/** What happens to an agent, by type. */
export interface AgentEventMap {
  /** The state changed. */
  readonly state: { readonly from: AgentState; readonly to: AgentState };
  /** The brain acknowledged the first frame of a session. */
  readonly connected: { readonly sessionId: string; readonly brainVersion: string };
  /** A session or an attempt ended. */
  readonly disconnected: SessionEnd;
  /** A command was answered. */
  readonly command: {
    readonly id: string;
    readonly action: string;
    readonly status: "success" | "failed";
    readonly error: string | null;
  };
  /** Events were lost. */
  readonly loss: { readonly source: string; readonly count: number; readonly reason: string };
  /** The handler of a request threw. */
  readonly requestFailed: RequestFailure;
}

/** A request whose handler threw, and what belongs to it. */
export interface RequestFailure {
  /** The facts of the request. */
  readonly context: WorkContext;
  /** Task ids of the jobs that it had asked for, the first 20. */
  readonly jobs: readonly string[];
  /** What was thrown; not redacted. */
  readonly error: unknown;
}

/** A snapshot of an agent for pages, probes and people. */
export interface AgentStatus {
  /** What it is doing. */
  readonly state: AgentState;
  /** Agent UUID that the brain told, or `null` before the first session. */
  readonly agentId: string | null;
  /** Project UUID that the brain told, or `null`. */
  readonly projectId: string | null;
  /** Id of the open session, or `null`. */
  readonly sessionId: string | null;
  /** Version of the brain, or `null`. */
  readonly brainVersion: string | null;
  /** Brain clock minus ours in milliseconds, or `null`. */
  readonly clockOffsetMs: number | null;
  /** Whether the brain acknowledged a frame of the open session. */
  readonly verified: boolean;
  /** Unix milliseconds of the last acknowledged session's beginning, or `null`. */
  readonly connectedAtMs: number | null;
  /** Unix milliseconds of the next attempt, or `null`. */
  readonly nextAttemptAtMs: number | null;
  /** Why it is not connected and what to do, or `null` when all is well. */
  readonly lastError: SessionEnd | null;
  /** Sessions after the first one. */
  readonly reconnects: number;
  /** The buffer, or `null` while there is none. */
  readonly buffer: {
    readonly capabilities: StoreCapabilities;
    readonly count: number;
    readonly bytes: number;
    readonly losses: LossCounts;
  } | null;
  /** Events lost before the buffer, by engine or reason. */
  readonly lost: Readonly<Record<string, number>>;
  /** Events since the start. */
  readonly events: {
    readonly recorded: number;
    readonly sent: number;
    readonly acked: number;
    readonly batchesInFlight: number;
  };
  /** Commands since the start. */
  readonly commands: CommandCounters;
  /** Inbound messages that were refused. */
  readonly refusedMessages: number;
  /** Names of the engines whose hooks are attached. */
  readonly engines: readonly string[];
  /** Names of the schedulers whose hooks are attached. */
  readonly schedulers: readonly string[];
  /** What the engines find wrong or risky in the set-up; looked at again every five minutes. */
  readonly findings: readonly AgentFinding[];
}

/** A running, stopped or starting agent. No method but `start` and `ready` rejects. */
export interface Agent {
  /** The request or job that the code which asks belongs to. */
  readonly context: WorkContexts;
  /**
   * Opens the buffer, attaches all hooks and begins to connect in the
   * background. Idempotent.
   *
   * @throws {Z4jError} when the secret or the buffer cannot be used.
   */
  start(): Promise<void>;
  /**
   * Resolves once the brain has acknowledged a frame, so address, token, secret
   * and clock are right. Default deadline: 10 s.
   *
   * @throws {Z4jError} `Z4J_AGENT_TIMEOUT` with the advice of the last failure,
   * `Z4J_AGENT_STATE` when the agent is stopped.
   */
  ready(options?: TimeoutOptions): Promise<void>;
  /** Delivers what waits now. Default deadline: 5 s. */
  flush(options?: TimeoutOptions): Promise<FlushReport>;
  /** Detaches, delivers what it can, closes everything. Default deadline: 5 s. */
  stop(options?: StopOptions): Promise<FlushReport>;
  /** Tells `requestFailed` listeners about a request; for middlewares. */
  requestFailed(failure: RequestFailure): void;
  /**
   * Dials at once instead of waiting for the next attempt, for example after a
   * new token or a repaired network. Does nothing while a session is open.
   */
  reconnectNow(): void;
  /** A snapshot of everything it knows about itself. */
  status(): AgentStatus;
  /**
   * A dry run: what would leave this process for an event, and what would stay
   * here by which rule. Records nothing; works also before the start.
   *
   * @throws what would make the event a counted loss.
   */
  preview(engine: string, event: EngineEvent): EventPreview;
  /** Counters and latencies since it was made, for metrics. */
  metrics(): AgentMetrics;
  /** Records an event for an engine name. Never throws, never waits. */
  record(engine: string, event: EngineEvent): void;
  /** Calls back when something happens; answers the remover. */
  on<T extends keyof AgentEventMap>(
    type: T,
    listener: (event: AgentEventMap[T]) => void,
  ): () => void;
  /** Stops the agent at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void>;
}
