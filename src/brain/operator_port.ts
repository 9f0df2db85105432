import type { JsonObject } from "../base/json.ts";
import type { AgentRow, CommandRow, ProjectRow } from "./store.ts";

/** A freshly minted agent; the two secrets are shown this once. */
export interface MintedAgent {
  /** The new agent. */
  readonly agent: AgentRow;
  /** Bearer token for `Z4J_TOKEN`; the brain keeps only its hash. */
  readonly token: string;
  /** Secret of the project for `Z4J_HMAC_SECRET`. */
  readonly hmacSecret: string;
}

/** Why a command was not taken. */
export type CommandRefusal =
  | { readonly kind: "not_found"; readonly message: string }
  | { readonly kind: "refused"; readonly message: string }
  | { readonly kind: "conflict"; readonly message: string };

/** What an operator asks an agent to do. */
export interface CommandRequest {
  /** UUID of the project. */
  readonly projectId: string;
  /** UUID of the agent that shall carry it out. */
  readonly agentId: string;
  /** Action name such as `retry_task` (protocol section 18). */
  readonly action: string;
  /** What it is about: `type`, `id`, perhaps `engine` and `scheduler`. */
  readonly target: JsonObject;
  /** Inputs of the action. */
  readonly parameters: JsonObject;
  /** Longest wait for delivery, then for the answer, in ms. Default: the brain's. */
  readonly timeoutMs?: number | undefined;
  /** The same key and request again gets the same command. Default: none. */
  readonly idempotencyKey?: string | null | undefined;
}

/** What an operator writes into a scheduler's own store (protocol 20.8). */
export interface ScheduleWrite {
  /** What to do. */
  readonly operation: "create" | "update" | "delete";
  /** Owner of the stream. */
  readonly scheduler: string;
  /** Id of the schedule at this brain; `null` for `create`. */
  readonly scheduleId: string | null;
  /** Members of the schedule, by their names on the wire; empty for `delete`. */
  readonly definition: JsonObject;
}

/** The acting side of the brain, for the API and the pages. */
export interface BrainOperator {
  /** Creates a project; a slug that exists is a conflict (throws `Z4J_BRAIN_STORE`). */
  createProject(slug: string, name: string): ProjectRow;
  /** Archives a project and closes its sockets with 4003. */
  archiveProject(slug: string): void;
  /** Mints an agent; a name that exists already is a conflict (throws `Z4J_BRAIN_STORE`). */
  mintAgent(projectId: string, name: string): Promise<MintedAgent>;
  /** Revokes and closes its sockets with 4003. */
  revokeAgent(projectId: string, agentId: string): boolean;
  /** Stores a command and delivers it when the agent is connected. */
  issueCommand(request: CommandRequest): CommandRow | CommandRefusal;
  /** Enables, disables or triggers a schedule of an external scheduler. */
  controlSchedule(
    projectId: string,
    scheduleId: string,
    operation: "enable" | "disable" | "trigger",
  ): CommandRow | CommandRefusal;
  /** Creates, changes or deletes a schedule in the store of its scheduler. */
  writeSchedule(projectId: string, write: ScheduleWrite): CommandRow | CommandRefusal;
  /** Asks every online agent with a scheduler to publish again. */
  resyncSchedules(projectId: string): readonly CommandRow[];
}
