import type { JsonObject } from "../base/json.ts";
import type { SignedFrameType } from "../protocol/frames.ts";
import type { AgentIdentity } from "./agents.ts";
import { RETRY_FAMILY, RETRY_MARKER } from "./command_rules.ts";

/** A registered connection of an agent. */
export interface LiveSession extends AgentIdentity {
  /** The session id, which binds external schedule commands (protocol 17.8). */
  readonly generation: string;
  /** Slot of the worker id (protocol 2.10). */
  readonly slot: string;
  readonly schedulers: readonly string[];
  readonly capabilities: Readonly<Record<string, readonly string[]>>;
  readonly runtimeFeatures: readonly string[];
  /** Signs and sends; false when the socket went away before. */
  send(type: SignedFrameType, id: string, payload: JsonObject): Promise<boolean>;
  /** Ends the session. */
  close(code: number): void;
}

/** The connections of this process, in the order of their registration. */
export class SessionRegistry {
  readonly #byAgent = new Map<number, LiveSession[]>();
  readonly #workersPerAgent: number;

  /** Takes the cap of distinct worker ids per agent; 0 means none. */
  constructor(workersPerAgent: number) {
    this.#workersPerAgent = workersPerAgent;
  }

  /** Adds a session, displacing its twin with 4002; false beyond the cap. */
  register(session: LiveSession): boolean {
    const all = this.#byAgent.get(session.agent) ?? [];
    const twin = all.find((one) => one.slot === session.slot);
    const cap = this.#workersPerAgent;
    if (twin === undefined && cap > 0 && all.length >= cap) return false;
    this.#byAgent.set(session.agent, [...all.filter((one) => one !== twin), session]);
    twin?.close(4002);
    return true;
  }

  /** Removes a session; false when it was displaced before. */
  remove(session: LiveSession): boolean {
    const all = this.#byAgent.get(session.agent);
    if (all === undefined || !all.includes(session)) return false;
    const rest = all.filter((one) => one !== session);
    if (rest.length === 0) this.#byAgent.delete(session.agent);
    else this.#byAgent.set(session.agent, rest);
    return true;
  }

  /** Sessions of an agent, first registered first. */
  of(agent: number): readonly LiveSession[] {
    return this.#byAgent.get(agent) ?? [];
  }

  /** Every session. */
  all(): readonly LiveSession[] {
    return [...this.#byAgent.values()].flat();
  }

  /** The session of a generation, or `null` when it is over. */
  byGeneration(generation: string): LiveSession | null {
    return this.all().find((one) => one.generation === generation) ?? null;
  }

  /** Who gets an ordinary command: the first session that may (protocol 17.8). */
  receiver(agent: number, action: string, engine: string | null): LiveSession | null {
    return this.of(agent).find((one) => mayReceive(one, action, engine)) ?? null;
  }
}

/** Whether a session may get this action. */
export function mayReceive(session: LiveSession, action: string, engine: string | null): boolean {
  if (!RETRY_FAMILY.has(action)) return true;
  const tokens = engine === null ? undefined : session.capabilities[engine];
  return tokens?.includes(RETRY_MARKER) ?? false;
}
