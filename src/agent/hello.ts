import type { Engine } from "../engines/contract.ts";
import { type HelloPayload, PROTOCOL_VERSION } from "../protocol/frames.ts";
import type { AgentIdentity } from "./agent_types.ts";
import { type CommandPolicy, NO_POLICY } from "./command_policy.ts";
import type { CarryOut, Neighbour } from "./neighbours.ts";
import type { WatchedScheduler } from "./schedule_commands.ts";

// What this agent can do beyond the frames (protocol section 4.3).
const RUNTIME_FEATURES: readonly string[] = ["retry_by_reference", "external_schedule_protocol_v1"];
// Lists longer than that are refused (protocol section 4.1).
const MAX_NAMES = 64;

/** What an agent tells the brain that it can watch and steer. */
export interface Announcement {
  /** Names of its engines. */
  readonly engines: readonly string[];
  /** Names of its schedulers. */
  readonly schedulers: readonly string[];
  /** Capability tokens by engine or scheduler name. */
  readonly capabilities: Readonly<Record<string, readonly string[]>>;
}

/**
 * Agrees with the other processes that share the token: the brain keeps one
 * inventory for each token, that of the last hello (protocol section 4.1).
 */
export interface Announcer {
  /** What to announce, asked before each dial with what this process brings. */
  agree(own: Announcement): Promise<Announcement>;
  /** Receives what ends the open session, if any, and dials again at once. */
  bind(renew: () => void): void;
  /** The other processes on the token, in an order that all agree on. Default: none are known. */
  neighbours?(): Promise<readonly Neighbour[]>;
  /** Receives what carries out a command that reached a neighbour. */
  serve?(carryOut: CarryOut): void;
}

/** What this process brings by itself, without what its policy forbids. */
export function announcementOf(
  engines: readonly Engine[],
  schedulers: readonly WatchedScheduler[],
  policy: CommandPolicy = NO_POLICY,
): Announcement {
  const capabilities: Record<string, readonly string[]> = {};
  for (const engine of engines) {
    capabilities[engine.name] = permitted(
      engine.capabilities,
      (token) => ENGINE_ACTIONS[token] ?? [token],
      policy,
    );
  }
  for (const { scheduler, stream } of schedulers) {
    const known = capabilities[scheduler.name] ?? [];
    capabilities[scheduler.name] = [
      ...new Set([
        ...known,
        ...permitted(
          [...scheduler.capabilities, ...stream.tokens],
          (token) => SCHEDULE_ACTIONS[token] ?? [],
          policy,
        ),
      ]),
    ];
  }
  return {
    engines: engines.map((engine) => engine.name),
    schedulers: schedulers.map(({ scheduler }) => scheduler.name),
    capabilities,
  };
}

// The actions behind tokens that are not called like their only action. A token
// goes when all of its actions are forbidden.
const ENGINE_ACTIONS: Readonly<Record<string, readonly string[]>> = {
  list_dead_letters: ["dlq.list"],
  retry_by_reference_v1: ["retry_task", "bulk_retry"],
};
const MUTATE = "schedule.external.mutate";
const CONTROL = "schedule.external.control";
const SCHEDULE_ACTIONS: Readonly<Record<string, readonly string[]>> = {
  create: [MUTATE],
  update: [MUTATE],
  delete: [MUTATE],
  enable: [CONTROL, MUTATE, "schedule.enable"],
  disable: [CONTROL, MUTATE, "schedule.disable"],
  trigger_now: [MUTATE, "schedule.trigger_now"],
  external_schedule_mutation_v1: [MUTATE],
};

// A brain offers what is announced, so what is forbidden is not.
function permitted(
  tokens: readonly string[],
  actionsOf: (token: string) => readonly string[],
  policy: CommandPolicy,
): readonly string[] {
  return tokens.filter((token) => {
    const actions = actionsOf(token);
    return actions.length === 0 || actions.some((action) => !policy.forbids(action));
  });
}

/** What this agent tells about itself when it connects (protocol section 4.1). */
export function buildHello(identity: AgentIdentity, announced: Announcement): HelloPayload {
  return {
    protocol_version: PROTOCOL_VERSION,
    agent_version: identity.agentVersion,
    framework: identity.framework,
    engines: announced.engines.slice(0, MAX_NAMES),
    schedulers: announced.schedulers.slice(0, MAX_NAMES),
    capabilities: announced.capabilities,
    host: { name: identity.hostName },
    worker_id: identity.workerId,
    worker_role: identity.workerRole,
    worker_pid: identity.pid,
    worker_started_at: new Date(identity.startedAtMs).toISOString(),
    runtime_features: RUNTIME_FEATURES,
  };
}
