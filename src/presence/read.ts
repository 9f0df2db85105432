import { systemClock } from "../base/clock.ts";
import { openPresenceFolder } from "./folder.ts";
import type { AgentPresence } from "./record.ts";

/**
 * The agents that run now under a home, in no order, as their files show them:
 * figures are at most 10 s old, changes of state at most one. Files of processes
 * that died are swept. A home that does not exist or cannot be read has no agents.
 *
 * @param home Absolute path of the home, such as `/home/app/.z4j`.
 * @throws {Z4jError} `Z4J_RUNTIME_UNSUPPORTED` on a runtime without SQLite.
 *
 * @example List what runs
 * ```ts
 * import { readPresence } from "@z4j/core/presence";
 *
 * for (const agent of await readPresence("/nonexistent/z4j")) {
 *   console.log(agent.pid, agent.role, agent.status.state, agent.status.buffer?.count);
 * }
 * ```
 */
export async function readPresence(home: string): Promise<readonly AgentPresence[]> {
  const folder = await openPresenceFolder(home, systemClock);
  return folder.names().length === 0 ? [] : await folder.living();
}
