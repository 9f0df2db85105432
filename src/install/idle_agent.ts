import type { Agent, AgentStatus, FlushReport } from "../agent/agent_types.ts";
import { createMetrics } from "../agent/metrics.ts";
import type { WorkContexts } from "../agent/work_contexts.ts";
import { Z4jError } from "../base/errors.ts";

const NOTHING: FlushReport = { sent: 0, remaining: 0, timedOut: false };

/**
 * An agent that does nothing, for a process in which z4j is switched off or
 * cannot run. The host uses it like any other, and nothing fails but `ready()`.
 *
 * @param reason Why it does nothing, in one line.
 * @param onStart Called at the first start, to say so once.
 * @param context Follows requests all the same, for the program's own use.
 */
export function createIdleAgent(
  reason: string,
  onStart: () => void,
  context: WorkContexts,
): Agent {
  let told = false;
  return {
    context,
    start() {
      if (!told) onStart();
      told = true;
      return Promise.resolve();
    },
    ready: () => Promise.reject(new Z4jError("Z4J_AGENT_STATE", `Cannot get ready: ${reason}`)),
    flush: () => Promise.resolve(NOTHING),
    stop: () => Promise.resolve(NOTHING),
    status: () => idleStatus(reason),
    preview: () => ({ event: {}, bytes: 0, removed: [] }),
    metrics: () => createMetrics().snapshot(),
    record() {},
    reconnectNow() {},
    requestFailed() {},
    on: () => () => {},
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function idleStatus(reason: string): AgentStatus {
  return {
    state: "stopped",
    agentId: null,
    projectId: null,
    sessionId: null,
    brainVersion: null,
    clockOffsetMs: null,
    verified: false,
    connectedAtMs: null,
    nextAttemptAtMs: null,
    lastError: { class: "protocol", code: null, advice: reason },
    reconnects: 0,
    buffer: null,
    lost: {},
    events: { recorded: 0, sent: 0, acked: 0, batchesInFlight: 0 },
    commands: { received: 0, repeated: 0, running: 0, succeeded: 0, failed: 0 },
    refusedMessages: 0,
    engines: [],
    schedulers: [],
    findings: [],
  };
}
