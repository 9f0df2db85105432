/**
 * Which agents run on this machine: each keeps one small file in its home,
 * removed when it stops. No file holds a secret.
 *
 * ```ts
 * import { readPresence } from "@z4j/core/presence";
 *
 * const agents = await readPresence("/nonexistent/z4j");
 * console.log(agents.filter((agent) => agent.status.state !== "connected"));
 * ```
 *
 * @module
 */
export { readPresence } from "./read.ts";
export type { AgentPresence, PresenceStatus } from "./record.ts";
export type { Announcement } from "../agent/hello.ts";
export type { AgentStatus, FlushReport } from "../agent/agent_types.ts";
