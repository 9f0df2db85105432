import type { Engine } from "../engines/contract.ts";
import { type HelloPayload, PROTOCOL_VERSION } from "../protocol/frames.ts";
import type { AgentIdentity } from "./agent_types.ts";
import type { WatchedScheduler } from "./schedule_commands.ts";

// What this agent can do beyond the frames (protocol section 4.3).
const RUNTIME_FEATURES: readonly string[] = ["retry_by_reference", "external_schedule_protocol_v1"];
// Lists longer than that are refused (protocol section 4.1).
const MAX_NAMES = 64;

/** What this agent tells about itself when it connects (protocol section 4.1). */
export function buildHello(
  identity: AgentIdentity,
  engines: readonly Engine[],
  schedulers: readonly WatchedScheduler[],
): HelloPayload {
  const capabilities: Record<string, readonly string[]> = {};
  for (const engine of engines) capabilities[engine.name] = engine.capabilities;
  for (const { scheduler, stream } of schedulers) {
    const known = capabilities[scheduler.name] ?? [];
    capabilities[scheduler.name] = [
      ...new Set([...known, ...scheduler.capabilities, ...stream.tokens]),
    ];
  }
  return {
    protocol_version: PROTOCOL_VERSION,
    agent_version: identity.agentVersion,
    framework: identity.framework,
    engines: engines.map((engine) => engine.name).slice(0, MAX_NAMES),
    schedulers: schedulers.map(({ scheduler }) => scheduler.name).slice(0, MAX_NAMES),
    capabilities,
    host: { name: identity.hostName },
    worker_id: identity.workerId,
    worker_role: identity.workerRole,
    worker_pid: identity.pid,
    worker_started_at: new Date(identity.startedAtMs).toISOString(),
    runtime_features: RUNTIME_FEATURES,
  };
}
