import type { SessionTerms } from "../transport/port.ts";
import type { AgentStatus } from "./agent_types.ts";
import type { CommandCounters } from "./dispatcher.ts";
import type { Runtime } from "./runtime.ts";
import type { AgentState } from "./states.ts";

/** What an agent knows besides its runtime. */
export interface StatusFacts {
  readonly state: AgentState;
  readonly runtime: Runtime | undefined;
  /** Terms of the open session. */
  readonly terms: SessionTerms | null;
  /** Terms of the last session. */
  readonly lastTerms: SessionTerms | null;
  readonly verified: boolean;
  readonly retryAtMs: number | null;
  readonly connectedAtMs: number | null;
  readonly sessions: number;
}

/** Puts a snapshot together; nothing in it changes afterwards. */
export function describeAgent(facts: StatusFacts): AgentStatus {
  const { runtime, terms, lastTerms } = facts;
  const attached = runtime?.hooks.attached();
  const pump = runtime?.pump.counters() ?? NO_EVENTS;
  return {
    state: facts.state,
    agentId: lastTerms?.identity.agentId ?? null,
    projectId: lastTerms?.identity.projectId ?? null,
    sessionId: terms?.identity.sessionId ?? null,
    brainVersion: lastTerms?.brainVersion ?? null,
    clockOffsetMs: lastTerms?.clockOffsetMs ?? null,
    verified: facts.verified,
    connectedAtMs: facts.connectedAtMs,
    nextAttemptAtMs: facts.retryAtMs,
    lastError: runtime?.failures.last ?? null,
    reconnects: Math.max(0, facts.sessions - 1),
    buffer: runtime === undefined ? null : bufferStatus(runtime),
    lost: runtime?.ledger.bySource() ?? {},
    events: { recorded: runtime?.counters.recorded ?? 0, ...pump },
    commands: runtime?.dispatcher.counters() ?? NO_COMMANDS,
    refusedMessages: runtime?.counters.refusedMessages ?? 0,
    engines: attached?.engines ?? [],
    schedulers: attached?.schedulers ?? [],
    findings: runtime?.findings.all() ?? [],
  };
}

const NO_EVENTS = { sent: 0, acked: 0, batchesInFlight: 0 };
const NO_COMMANDS: CommandCounters = {
  received: 0,
  repeated: 0,
  succeeded: 0,
  failed: 0,
  running: 0,
};

function bufferStatus({ buffer }: Runtime): AgentStatus["buffer"] {
  const { count, bytes } = buffer.depth();
  return { capabilities: buffer.capabilities, count, bytes, losses: buffer.losses() };
}
