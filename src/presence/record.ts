import type { AgentStatus } from "../agent/agent_types.ts";
import type { Announcement } from "../agent/hello.ts";
import { MAX_RECORD_CHARS } from "./limits.ts";

/** Version of the file format; a reader leaves files of another version alone. */
const PRESENCE_FORMAT = 1;

/** How a running agent was doing when its file was last written. */
export type PresenceStatus =
  & Pick<
    AgentStatus,
    | "state"
    | "agentId"
    | "sessionId"
    | "brainVersion"
    | "verified"
    | "connectedAtMs"
    | "nextAttemptAtMs"
    | "reconnects"
    | "lastError"
    | "lost"
    | "events"
    | "commands"
    | "findings"
  >
  & {
    /** The buffer, or `null` while there is none. */
    readonly buffer: NonNullable<AgentStatus["buffer"]> | null;
  };

/** A running agent as its file in the home shows it; no secret is in it. */
export interface AgentPresence {
  /** Version of the file format. */
  readonly formatVersion: 1;
  /** Unique name of the file, without `.json`. */
  readonly id: string;
  /** Process id, as the process itself sees it. */
  readonly pid: number;
  /** Slot of the process on its token. */
  readonly workerId: string;
  /** `web`, `task`, `scheduler` or other text, or `null`. */
  readonly role: string | null;
  /** Label from the settings, or `null`. */
  readonly agentName: string | null;
  /** Web framework, or `bare`. */
  readonly framework: string;
  /** Project slug. */
  readonly projectId: string;
  /** Base URL of the brain. */
  readonly brainUrl: string;
  /** First 16 hex digits of the SHA-256 of the token: equal for the same token. */
  readonly tokenFingerprint: string;
  /** Start of the agent, Unix milliseconds. */
  readonly startedAtMs: number;
  /** When the file was written, Unix milliseconds. */
  readonly updatedAtMs: number;
  /** Runtime and its version. */
  readonly runtime: { readonly name: string; readonly version: string };
  /** Version of this package. */
  readonly version: string;
  /** File of the event buffer, or `null` when events wait elsewhere. */
  readonly bufferPath: string | null;
  /** What this process brings by itself. */
  readonly announces: Announcement;
  /** Whether its neighbours can pass commands on to it, through the socket beside the file. */
  readonly takesCommands?: boolean;
  /** What it told the brain in its last hello, for all that share its token, and when. */
  readonly hello: { readonly atMs: number; readonly announced: Announcement } | null;
  /** How it is doing. */
  readonly status: PresenceStatus;
}

/** The part of a status that a file shows; a copy, so that nothing changes under the writer. */
export function presenceStatus(status: AgentStatus): PresenceStatus {
  return {
    state: status.state,
    agentId: status.agentId,
    sessionId: status.sessionId,
    brainVersion: status.brainVersion,
    verified: status.verified,
    connectedAtMs: status.connectedAtMs,
    nextAttemptAtMs: status.nextAttemptAtMs,
    reconnects: status.reconnects,
    lastError: status.lastError,
    lost: status.lost,
    events: status.events,
    commands: status.commands,
    findings: status.findings,
    buffer: status.buffer,
  };
}

/** Reads a file's text; `null` for another format, a torn file or rubbish. */
export function parsePresence(text: string): AgentPresence | null {
  if (text.length > MAX_RECORD_CHARS) return null;
  let value: Partial<AgentPresence> | null;
  try {
    value = JSON.parse(text) as Partial<AgentPresence> | null;
  } catch {
    return null;
  }
  return typeof value === "object" && value !== null && isPresence(value) ? value : null;
}

function isPresence(value: Partial<AgentPresence>): value is AgentPresence {
  return value.formatVersion === PRESENCE_FORMAT && typeof value.id === "string" &&
    typeof value.pid === "number" && typeof value.workerId === "string" &&
    typeof value.tokenFingerprint === "string" && typeof value.updatedAtMs === "number" &&
    isAnnouncement(value.announces) && typeof value.status === "object" && value.status !== null;
}

function isAnnouncement(value: Partial<Announcement> | undefined): value is Announcement {
  return typeof value === "object" && value !== null && isTexts(value.engines) &&
    isTexts(value.schedulers) && typeof value.capabilities === "object" &&
    value.capabilities !== null && Object.values(value.capabilities).every(isTexts);
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
