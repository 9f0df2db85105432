import { fingerprintOf } from "@z4j/core/buffer";
import { type AgentPresence, readPresence } from "@z4j/core/presence";

/** An agent that runs with this home. */
export interface LiveAgent {
  readonly presence: AgentPresence;
  /** Whether it uses the token of these settings. */
  readonly sharesToken: boolean;
}

/** What finding agents needs. */
export interface LiveAgentParts {
  /** Directories that agents may use and that may be looked at. */
  readonly directories: readonly string[];
  /** Token of the settings, or `null`. */
  readonly token: string | null;
}

/** Agents that announced themselves in these directories. */
export async function readLiveAgents(
  { directories, token }: LiveAgentParts,
): Promise<readonly LiveAgent[]> {
  const own = token === null ? null : await fingerprintOf(new TextEncoder().encode(token));
  const lists = await Promise.all(directories.map((home) => readPresence(home)));
  const byId = new Map(lists.flat().map((presence) => [presence.id, presence]));
  return [...byId.values()].map((presence) => ({
    presence,
    sharesToken: presence.tokenFingerprint === own,
  }));
}
